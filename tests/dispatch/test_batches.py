"""A batch waits for its least load, and starts with less when the first of it has waited long enough."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from mes.definitions.models import EquipmentClass
from mes.dispatch.later import next_look
from mes.dispatch.what_next import next_start
from mes.equipment.models import Equipment
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from tests.dispatch.test_waiting import firsts, ranked
from tests.shop import BEGIN, Floor


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """The shop, all of it connected, with an oven that waits six hours for three substrates."""
    with floor.database.transaction() as session:
        session.execute(update(Equipment).values(connected=True))
        rule = update(EquipmentClass).where(EquipmentClass.name == "oven")
        session.execute(rule.values(least_substrates=3, most_wait_s=6 * 3600.0))
    return floor


def started(floor: Floor) -> list[str] | None:
    """The lots that dispatch starts now."""
    with floor.database.reading() as session:
        found = next_start(session, BEGIN + timedelta(hours=floor.hours))
        return None if found is None else [session.get_one(Lot, part.lot_id).name for part in found[1].parts]


def looks_again_h(floor: Floor) -> float | None:
    """In how many hours there may be something to start although nothing happens."""
    at = BEGIN + timedelta(hours=floor.hours)
    with floor.database.reading() as session:
        found = next_look(session, at)
    return None if found is None else (found - at) / timedelta(hours=1)


def test_starts_when_it_is_full_enough(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    assert (started(floor), ranked(floor, "OVEN-1"), firsts(floor)) == (
        None,
        [("B1", ["batch_short"])],
        ["batch_short"],
    )
    floor.arrive("B2", "board", "S2", "S3")
    assert started(floor) == ["B1", "B2"]
    assert ranked(floor, "OVEN-1") == [("B1", []), ("B2", [])]


def test_what_may_not_start_does_not_fill_it(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    floor.arrive("B2", "board", "S3")
    floor.do(hold, floor.id_of(Lot, "B2"), "height", "bump height", "line_engineer")
    assert ranked(floor, "OVEN-1") == [("B1", ["batch_short"]), ("B2", ["held"])]


def test_starts_with_less_when_the_first_has_waited_long_enough(floor: Floor) -> None:
    assert looks_again_h(floor) is None
    floor.arrive("B1", "board", "S1")
    assert looks_again_h(floor) == 6
    floor.hours += 4
    floor.arrive("B2", "board", "S2")
    assert (started(floor), looks_again_h(floor)) == (["B1", "B2"], 6)
    floor.begin("OVEN-1", "B1", "B2")
    assert looks_again_h(floor) is None


def test_people_may_start_less(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    floor.report(run, "S1")
    floor.end(run)
    assert floor.problems() == []
