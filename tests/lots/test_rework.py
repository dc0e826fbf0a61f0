"""Rework: what waits goes back and comes again, so often and for such reasons as the route allows; it stays known."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from mes.definitions.models import EquipmentClass, Layout
from mes.errors import Malformed, MesError, NotFound, Refused, WrongState
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.ladder import ladder
from mes.lots.looks import look
from mes.lots.models import Lot, Rework
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.recipes.models import RecipeVersion
from mes.reports.run import run as report
from tests.lots.test_split import told
from tests.shop import Floor, _product, _route

ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)
FIRST, LAST = "board/10", "board/20"
LOOP = {"back_to": 10, "most": 2, "most_per_lot": None, "reasons": ["residue"]}
_PLACE = (
    select(EquipmentClass.id).where(EquipmentClass.name == "cell"),
    select(Layout).where(Layout.name == "sites"),
    select(RecipeVersion.id).where(RecipeVersion.name == "bond@1"),
)


def sent(floor: Floor, *names: str, lot: str = "B1", reason: str = "residue") -> None:
    floor.do(rework, floor.id_of(Lot, lot), names, reason)
    assert floor.problems() == []


def refused(floor: Floor, error: type[MesError], *names: str, lot: str = "B1", reason: str = "residue") -> list[str]:
    """Why it is refused, which changes nothing: the codes of the reasons, or the sentence where there are none."""
    before, hours = floor.everything(), floor.hours
    with pytest.raises(error) as raised:
        floor.do(rework, floor.id_of(Lot, lot), names, reason)
    floor.hours = hours
    assert floor.everything() == before
    return [reason.code for reason in raised.value.reasons] or [raised.value.message]


def stands(floor: Floor, substrate: str, lot: str = "B1") -> tuple[str, int, int]:
    """Its operation, visit and reworks."""
    with floor.database.reading() as session:
        members = look(session, floor.id_of(Lot, lot))["members"]
    (its,) = (m for m in members if m["substrate"] == substrate)
    return its["operation"], its["visit"], its["reworks"]


def figures(floor: Floor) -> dict[str, tuple[int, ...]]:
    """By operation: in, good, first in, first good, reworked, recovered."""
    with floor.database.reading() as session:
        rows = report(session, "yield", {}).records()
    names = ("in", "good", "first_in", "first_good", "reworked", "recovered")
    return {row["operation"]: tuple(int(row[name]) for name in names) for row in rows}


@pytest.fixture
def boards(floor: Floor) -> Floor:
    """Two boards wait at the test."""
    floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    return floor


def test_what_goes_back_comes_again_and_was_not_good_at_first(boards: Floor) -> None:
    assert figures(boards) == {FIRST: (8, 8, 8, 8, 0, 0)}
    sent(boards, "S1")
    assert (stands(boards, "S1"), stands(boards, "S2")) == ((FIRST, 2, 1), (LAST, 1, 0))
    assert boards.lot("B1").state == "queued"
    assert figures(boards) == {FIRST: (4, 4, 8, 4, 4, 0)}
    (event,) = told(boards, "B1", "rework")
    assert event["before"] == {"state": "queued", "operation": LAST}
    assert event["after"] == {"reason": "residue", "back_to": FIRST, "state": "queued", "substrates": ["S1"]}
    run = boards.pass_through("OVEN-1", "B1", "S1")
    assert (boards.work(run, "S1").visit, stands(boards, "S1")) == (2, (LAST, 1, 1))
    assert figures(boards) == {FIRST: (8, 8, 8, 4, 4, 4)}
    with boards.database.reading() as session:
        rung = ladder(session, boards.id_of(Lot, "B1"))[0]
    assert (rung.units_in, rung.units_good, rung.units_again) == (8, 8, 4)
    boards.do(dispose_queue_time, boards.id_of(Lot, "B1"), [], None, ENGINEER)
    tested = boards.begin("CELL-1", "B1")
    for substrate in ("S1", "S2"):
        boards.report(tested, substrate, bins=[[1, 1], [1, 2]])
    boards.end(tested)
    assert (boards.lot("B1").state, figures(boards)[LAST]) == ("completed", (8, 6, 8, 6, 0, 0))
    assert boards.problems() == []


def test_so_often_as_the_route_allows_of_a_substrate_and_of_a_lot(boards: Floor) -> None:
    for _ in range(2):
        sent(boards, "S1")
        boards.pass_through("OVEN-1", "B1", "S1")
    assert refused(boards, Refused, "S1", "S2") == ["rework_limit"]
    sent(boards, "S2")
    boards.pass_through("OVEN-1", "B1", "S2")
    assert refused(boards, Refused, "S1", "S2") == ["rework_limit", "rework_limit"]
    boards.do(split, boards.id_of(Lot, "B1"), ["S2"], None)
    assert refused(boards, Refused, "S2", lot="B1.1") == ["rework_limit"]
    with boards.database.reading() as session:
        marks = [(mark.times, mark.of_lot) for mark in session.query(Rework).order_by(Rework.id)]
    assert marks == [(1, 1), (2, 2), (1, 3)]


def test_what_cannot_go_back_is_told_all_at_once(boards: Floor) -> None:
    assert refused(boards, NotFound, "S9") == ["The lot has no substrate S9."]
    assert refused(boards, Malformed) == ["Name at least one substrate to rework."]
    assert "choose one of residue, height" in refused(boards, Malformed, "S1", reason="rust")[0]
    run = boards.begin("CELL-1", "B1", only=["S1"])
    assert refused(boards, Refused, "S1", "S2") == ["substrate_busy"]
    boards.report(run, "S1", bins=[[7, 7], [7, 7]])
    boards.end(run)
    assert refused(boards, Refused, "S1", "S2") == ["visit_begun"]
    boards.arrive("B2", "board", "T1", "T2")
    boards.pass_through("OVEN-1", "B2", "T1")
    run = boards.begin("OVEN-1", "B2", only=["T2"])
    boards.end(run)
    boards.stock("D1", "die", "W1")
    assert refused(boards, WrongState, "W1", lot="D1")
    boards.arrive("D2", "die", "W2")
    assert refused(boards, Refused, "W2", lot="D2") == ["no_rework"]


def test_lots_with_different_marks_stay_apart(boards: Floor) -> None:
    first = boards.id_of(Lot, "B1")
    other = boards.do(split, first, ["S2"], None).id
    sent(boards, "S1")
    boards.pass_through("OVEN-1", "B1", "S1")
    with pytest.raises(Refused) as raised:
        boards.do(merge, first, other)
    assert [reason.message for reason in raised.value.reasons] == ["Lots B1 and B1.1 are of different rework marks."]
    sent(boards, "S2", lot="B1.1")
    boards.pass_through("OVEN-1", "B1.1", "S2")
    boards.do(merge, first, other)
    assert (boards.lot("B1").substrates, boards.problems()) == (2, [])


def test_a_clock_begins_anew_where_its_operation_is_done_again(boards: Floor) -> None:
    boards.hours += 9
    boards.do(dispose_queue_time, boards.id_of(Lot, "B1"), ["S1"], None, ENGINEER)
    sent(boards, "S1")
    with boards.database.reading() as session:
        assert [c["substrate"] for c in look(session, boards.id_of(Lot, "B1"))["queue_times"]] == ["S2"]
    run = boards.pass_through("OVEN-1", "B1", "S1")
    with boards.database.reading() as session:
        clocks = look(session, boards.id_of(Lot, "B1"))["queue_times"]
    assert clocks[0]["since"] == boards.work(run, "S1").ended_at
    assert clocks[0]["ends_at"] is not None


def test_a_future_hold_takes_effect_where_it_goes_back_to(boards: Floor) -> None:
    lot = boards.id_of(Lot, "B1")
    new = boards.do(split, lot, ["S2"], None).id
    sent(boards, "S2", lot="B1.1")
    boards.do(set_future_hold, new, LAST, "height", "seen", None)
    boards.pass_through("OVEN-1", "B1.1", "S2")
    assert [h.code for h in boards.holds("B1.1")] == ["height"]
    sent(boards, "S2", lot="B1.1")  # a lot that is held goes back, too, and stays held
    assert (stands(boards, "S2", "B1.1"), len(boards.holds("B1.1"))) == ((FIRST, 3, 2), 1)


def test_visits_count_on_through_a_loop_in_a_loop(floor: Floor) -> None:
    with floor.database.transaction() as session:
        cell, oven, recipe = (session.scalars(query).one() for query in _PLACE)
        step = {"class_id": cell, "recipe_version_id": recipe, "kind": "process"}
        loops: tuple[dict[str, Any], ...] = ({}, {"rework": LOOP}, {}, {"rework": LOOP})
        _route(session, _product(session, "looped", oven), "completed", *(step | loop for loop in loops))
    floor.arrive("L1", "looped", "S1")
    for _ in range(3):
        floor.pass_through("CELL-1", "L1", "S1")
    sent(floor, "S1", lot="L1")
    floor.pass_through("CELL-1", "L1", "S1")
    sent(floor, "S1", lot="L1")
    runs = [floor.pass_through("CELL-1", "L1", "S1") for _ in range(4)]
    assert [floor.work(run, "S1").visit for run in runs] == [3, 2, 2, 1]
    assert (figures(floor)["looped/30"], floor.problems()) == ((4, 4, 4, 0, 4, 4), [])
