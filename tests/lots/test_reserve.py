"""A reserved lot is started by one equipment of its class alone, until the time is over or somebody lifts it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from mes.db import lock
from mes.dispatch.later import next_look
from mes.dispatch.what_next import choose
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, Refused, StartRefused, WrongState
from mes.history import History, entry
from mes.lots.gate.reserve import lift_reservation, reserve
from mes.lots.models import Lot
from mes.lots.regrouping.split import split
from mes.lots.taking import scrap
from tests.shop import BEGIN, Floor


def reserved(floor: Floor, lot: str, equipment: str, in_h: float) -> None:
    act = floor.act()
    until = act.at + timedelta(hours=in_h)
    floor.do(reserve, floor.id_of(Lot, lot), floor.id_of(Equipment, equipment), until, act=act)


def may_start(floor: Floor, equipment: str) -> bool:
    with floor.database.reading() as session:
        choice = choose(session, floor.id_of(Equipment, equipment), BEGIN + timedelta(hours=floor.hours))
    assert {reason.code for lot in choice.excluded for reason in lot.reasons} <= {"reserved"}
    return choice.start is not None


def test_no_other_of_the_class_starts_it_until_the_time_is_over(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    reserved(floor, "D1", "CELL-2", 3)
    assert (may_start(floor, "CELL-1"), may_start(floor, "CELL-2")) == (False, True)
    with pytest.raises(StartRefused) as refused:
        floor.order("CELL-1", "D1")
    assert [(reason.code, reason.who) for reason in refused.value.reasons] == [("reserved", "line_engineer")]
    assert "is reserved for CELL-2 by tester for 2.0 h more" in refused.value.reasons[0].message
    with floor.database.reading() as session:
        ends = next_look(session, BEGIN + timedelta(hours=floor.hours))
    assert ends == floor.lot("D1").reserved_until
    floor.hours += 2
    assert may_start(floor, "CELL-1")
    assert floor.problems() == []


def test_whoever_may_reserve_lifts_it(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    reserved(floor, "D1", "CELL-2", 30)
    floor.do(lift_reservation, floor.id_of(Lot, "D1"))
    assert may_start(floor, "CELL-1")
    with pytest.raises(Refused, match="is not reserved"):
        floor.do(lift_reservation, floor.id_of(Lot, "D1"))
    with floor.database.reading() as session:
        told = [entry(row) for row in session.query(History).filter(History.verb.in_(["reserve", "lift_reservation"]))]
    assert [(one["before"]["reserved_for"], one["after"]["reserved_for"]) for one in told] == [
        (None, "CELL-2"), ("CELL-2", None),
    ]  # fmt: skip


def test_other_classes_start_it_and_a_split_lot_is_reserved_too(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    reserved(floor, "B1", "CELL-2", 30)
    floor.do(split, floor.id_of(Lot, "B1"), ["S2"], "B2")
    floor.pass_through("OVEN-1", "B2", "S2")
    assert (may_start(floor, "CELL-1"), may_start(floor, "CELL-2")) == (False, True)
    assert (floor.lot("B1").reserved_by, floor.lot("B2").reserved_by) == ("tester", "tester")


@pytest.mark.parametrize(
    ("equipment", "in_h", "error", "told"),
    [
        ("CELL-1", 0, Malformed, "has passed"),
        ("CELL-1", 24 * 365_000, Malformed, "more than a hundred years"),
        ("OVEN-1", 3, Refused, "does not come to equipment such as OVEN-1 any more"),
        ("CELL-2", 2, Refused, "is reserved so already"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    floor: Floor, equipment: str, in_h: float, error: type[MesError], told: str
) -> None:
    floor.arrive("D1", "die", "W1")
    reserved(floor, "D1", "CELL-2", 3)
    before = floor.everything()
    with pytest.raises(error, match=told):
        reserved(floor, "D1", equipment, in_h)
    assert floor.everything() == before


def test_a_lot_that_has_ended_is_not_reserved(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    with pytest.raises(WrongState, match="waits for nothing any more"):
        reserved(floor, "D1", "CELL-1", 3)


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """The shop with all its equipment connected."""
    with floor.database.transaction() as session:
        session.execute(update(Equipment).values(connected=True))
    return floor


def test_nobody_who_works_on_equipment_keeps_a_lot_from_being_reserved_for_it(floor: Floor) -> None:
    lot, cell = floor.arrive("D1", "die", "W1", "W2"), floor.id_of(Equipment, "CELL-2")
    act = floor.act()
    verbs: dict[Callable[..., object], tuple[Any, ...]] = {
        reserve: (cell, act.at + timedelta(hours=3)), scrap: ("W1", None),
    }  # fmt: skip
    with floor.database.transaction() as other:
        lock(other, (Equipment, [cell]))  # it waits for the lot next, and so nobody with the lot may wait for it
        for verb, given in verbs.items():
            with floor.database.transaction() as session:
                session.execute(text("set local lock_timeout = '2s'"))
                verb(session, lot, *given, act)
    assert (floor.lot("D1").units, floor.problems()) == (12, [])
