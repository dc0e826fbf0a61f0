"""How urgent a lot is: dispatch follows its priority at once, and who is too late is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mes.dispatch.waiting import ranking
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, Refused, WrongState
from mes.history import History, entry
from mes.lots.create import NewLot, create
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.units.arrival import Arrival
from tests.shop import BEGIN, Floor

TOMORROW = BEGIN + timedelta(days=1)


def ranked(floor: Floor) -> list[str]:
    """The lots that wait for a cell, most urgent first."""
    at = BEGIN + timedelta(hours=floor.hours)
    with floor.database.reading() as session:
        return [waiting.candidate.lot for waiting in ranking(session, floor.id_of(Equipment, "CELL-1"), at)]


def test_dispatch_follows_a_new_priority_at_once(floor: Floor) -> None:
    for name in ("D1", "D2", "D3"):
        floor.arrive(name, "die", f"W of {name}")
    assert ranked(floor) == ["D1", "D2", "D3"]
    floor.do(change_priority, floor.id_of(Lot, "D3"), 1, None)
    floor.do(change_priority, floor.id_of(Lot, "D1"), 9, TOMORROW)
    assert ranked(floor) == ["D3", "D2", "D1"]
    assert (floor.lot("D3").due_at, floor.lot("D1").due_at) == (None, TOMORROW)
    assert floor.problems() == []


def test_history_says_what_it_was_and_what_it_is(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    floor.do(change_priority, floor.id_of(Lot, "D1"), 2, None)
    floor.do(change_priority, floor.id_of(Lot, "D1"), None, TOMORROW)
    with floor.database.reading() as session:
        told = [entry(row) for row in session.query(History).filter(History.verb == "change_priority")]
    due = TOMORROW.isoformat()
    assert [(one["before"], one["after"]) for one in told] == [
        ({"priority": 5, "due_at": None}, {"priority": 2, "due_at": None}),
        ({"priority": 2, "due_at": None}, {"priority": 2, "due_at": due}),
    ]


@pytest.mark.parametrize(
    ("priority", "due_in", "error", "told"),
    [
        (None, None, Malformed, "Name a priority, a due date or both."),
        (0, None, Malformed, "out of range"),
        (10, None, Malformed, "out of range"),
        (2, timedelta(seconds=-1), Malformed, "has passed"),
        (2, timedelta(days=365_000), Malformed, "more than a hundred years"),
        (5, None, Refused, "already"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    floor: Floor, priority: int | None, due_in: timedelta | None, error: type[MesError], told: str
) -> None:
    lot = floor.arrive("D1", "die", "W1")
    act, before = floor.act(), floor.everything()
    with pytest.raises(error, match=told):
        floor.do(change_priority, lot, priority, None if due_in is None else act.at + due_in, act=act)
    assert floor.everything() == before


@pytest.mark.parametrize(
    ("due_in", "told"),
    [(timedelta(0), "has passed; in the plant it is"), (timedelta(days=365_000), "more than a hundred years")],
)
def test_a_lot_is_not_created_too_late(floor: Floor, due_in: timedelta, told: str) -> None:
    act, before = floor.act(), floor.everything()
    new = NewLot("D1", "alpha", "die", (Arrival("W1"),), due_at=act.at + due_in)
    with pytest.raises(Malformed, match=told):
        floor.do(create, new, act=act)
    assert floor.everything() == before


def test_a_lot_that_has_ended_waits_for_nothing(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    with pytest.raises(WrongState, match="Lot D1 is stocked; it waits for nothing any more"):
        floor.do(change_priority, floor.id_of(Lot, "D1"), 1, None)


def test_a_lot_at_work_changes_too(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    run = floor.begin("CELL-1", "D1")
    floor.do(change_priority, floor.id_of(Lot, "D1"), 1, None)
    floor.report(run, "W1")
    floor.end(run)
    assert floor.lot("D1").priority == 1
    assert floor.problems() == []
