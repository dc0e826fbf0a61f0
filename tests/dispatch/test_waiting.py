"""Why what waits does not start: told for one equipment, and for the whole line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, update

from mes.definitions.models import BY_HAND, EquipmentClass
from mes.dispatch.waiting import first_reasons, ranking
from mes.dispatch.what_next import next_start
from mes.equipment.condition import change_state
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.lots.create import NewLot, create, release
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.units.arrival import Arrival
from tests.shop import BEGIN, Floor


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """The shop with all its equipment connected."""
    with floor.database.transaction() as session:
        session.execute(update(Equipment).values(connected=True))
    return floor


def ranked(floor: Floor, equipment: str) -> list[tuple[str, list[str]]]:
    """What waits for an equipment, most urgent first, with the codes of all reasons against it."""
    at = BEGIN + timedelta(hours=floor.hours)
    with floor.database.reading() as session:
        found = ranking(session, floor.id_of(Equipment, equipment), at)
    assert all((waiting.start is None) == bool(waiting.reasons) for waiting in found)
    return [(waiting.candidate.lot, [reason.code for reason in waiting.reasons]) for waiting in found]


def firsts(floor: Floor) -> list[str | None]:
    """The first reason of everything that waits, most urgent first."""
    with floor.database.reading() as session:
        found = first_reasons(session, BEGIN + timedelta(hours=floor.hours))
    return [reason.code if reason else None for reason in found.values()]


def test_ranking_goes_on_behind_the_first_that_may_start(floor: Floor) -> None:
    for n in (1, 2, 3):
        floor.arrive(f"D{n}", "die", f"W{n}")
    floor.arrive("P1", "package", "I1")
    floor.do(hold, floor.id_of(Lot, "D2"), "height", "bump height", "line_engineer")
    assert ranked(floor, "CELL-1") == [("D1", []), ("D2", ["held"]), ("D3", []), ("P1", ["source_missing"])]
    assert firsts(floor) == [None, "held", None, "source_missing"]


def test_what_speaks_against_the_lot_is_told_before_what_speaks_against_equipment(floor: Floor) -> None:
    floor.arrive("P1", "package", "I1")
    floor.arrive("D1", "die", "W1")
    for cell in ("CELL-1", "CELL-2"):
        floor.do(change_state, floor.id_of(Equipment, cell), EquipmentState.UDT)
    assert ranked(floor, "CELL-1") == [("P1", ["equipment_down", "source_missing"]), ("D1", ["equipment_down"])]
    assert firsts(floor) == ["source_missing", "equipment_down"]


def test_one_equipment_that_may_start_is_enough(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    floor.do(change_state, floor.id_of(Equipment, "CELL-1"), EquipmentState.UDT)
    assert firsts(floor) == [None]
    with floor.database.transaction() as session:
        session.execute(update(Equipment).where(Equipment.name == "CELL-2").values(connected=False))
    assert ranked(floor, "CELL-2") == [("D1", ["not_connected"])]
    assert firsts(floor) == ["equipment_down"]


def test_busy_equipment_is_told(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    floor.arrive("B2", "board", "S2")
    floor.begin("OVEN-1", "B1")
    assert firsts(floor) == ["places_full"]


def test_as_many_statements_for_many_lots_as_for_few(floor: Floor) -> None:
    def statements(first: int, end: int) -> int:
        told: list[str] = []
        with floor.database.transaction() as session:
            for n in range(first, end):
                for route in ("board", "package"):
                    new = NewLot(f"{route}-{n}", "alpha", route, (Arrival(f"{route}-{n}/1"),))
                    release(session, create(session, new, floor.act()).id, floor.act())
        with floor.database.reading() as session:
            event.listen(session.connection(), "before_cursor_execute", lambda *args: told.append(args[2]))
            assert len(first_reasons(session, BEGIN + timedelta(hours=floor.hours))) == 2 * end
        return len(told)

    assert statements(0, 5) == statements(5, 50) <= 20


def test_what_people_work_waits_for_a_person_and_for_no_connection(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    assert next_up(floor) == "OVEN-1"
    with floor.database.transaction() as session:
        session.execute(update(EquipmentClass).where(EquipmentClass.name == "oven").values(kind=BY_HAND))
    assert next_up(floor) is None
    with floor.database.transaction() as session:
        session.execute(update(Equipment).where(Equipment.name == "OVEN-1").values(connected=False))
    assert ranked(floor, "OVEN-1") == [("B1", [])]
    assert firsts(floor) == ["by_hand"]
    floor.do(hold, floor.id_of(Lot, "B1"), "height", "bump height", "line_engineer")
    assert firsts(floor) == ["held"]


def next_up(floor: Floor) -> str | None:
    """The equipment on which dispatch would start something now."""
    with floor.database.reading() as session:
        found = next_start(session, BEGIN + timedelta(hours=floor.hours))
        return None if found is None else session.get_one(Equipment, found[0]).name
