"""Reports that contradict their order or what can be: applied as they happened, all they concern in doubt."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from equipment.interface.states import Outcome
from mes.lots.holds.hold import release_hold
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from tests.lots.test_facts import GOOD, IN_PROCESS, SUSPECT, assembling, bond, instead, report, told
from tests.lots.test_partial import TOP, at_test, bonded, counts, diced
from tests.shop import PLACED, Floor, standing_holds


def sentences(floor: Floor, run: int, substrate: str) -> str:
    """What the hold says beside the exceptions."""
    with floor.database.reading() as session:
        (hold,) = standing_holds(session, [floor.work(run, substrate).lot_id])
    return hold.comment.partition(". ")[2]


OTHERWISE: dict[str, tuple[dict[str, Any], str]] = {
    "other_lot": ({"lot": "B2"}, "It names another lot of the run; the order was for lot B1."),
    "other_visit": ({"visit": 2}, "It names visit 2; the order was for visit 1."),
}


def in_oven(floor: Floor) -> int:
    """Two lots in one run; S1 of B1 is there for the first time, T1 of B2 as if for the second."""
    floor.arrive("B1", "board", "S1")
    floor.arrive("B2", "board", "T1", customer="beta")
    run = floor.begin("OVEN-1", "B1", "B2")
    with floor.database.transaction() as session:
        again = text("update run_substrate set visit = 2 where substrate_id = :s")
        session.execute(again, {"s": floor.substrate("T1")})
    return run


@pytest.mark.parametrize("code", OTHERWISE)
def test_report_that_names_another_than_its_order_is_in_doubt(floor: Floor, code: str) -> None:
    words, sentence = OTHERWISE[code]
    run = in_oven(floor)
    report(floor, run, "S1", **words)
    assert (told(floor, run, "S1"), sentences(floor, run, "S1")) == ({code: 4}, sentence)
    assert (floor.are("S1"), floor.holds("B2")) == ([[SUSPECT] * 2] * 2, [])
    work = floor.work(run, "S1")
    assert (work.work, work.units_in, work.units_good, work.units_suspect) == ("done", 4, 0, 4)
    assert floor.problems() == []


UNTOUCHED = "It judges or moves units at 2 ordered positions and calls those untouched."


def test_positions_that_are_judged_and_not_touched_are_in_doubt(floor: Floor) -> None:
    run = at_test(floor, "S1")
    report(floor, run, "S1", touched=TOP, bins=[[1, 1], [2, 1]], outcome=Outcome.PARTIAL)
    assert (told(floor, run, "S1"), sentences(floor, run, "S1")) == ({"not_touched": 4}, UNTOUCHED)
    assert (floor.are("S1"), counts(floor, run, "S1")) == ([[SUSPECT] * 2] * 2, (4, 0, 0, 0))
    assert floor.problems() == []


def test_positions_that_are_filled_and_not_touched_are_in_doubt(floor: Floor) -> None:
    run = assembling(floor)
    report(floor, run, "I1", moves=GOOD, touched=TOP, outcome=Outcome.PARTIAL)
    assert (told(floor, run, "I1"), sentences(floor, run, "I1")) == ({"not_touched": 4}, UNTOUCHED)
    assert (floor.are("I1"), counts(floor, run, "I1")) == ([[SUSPECT] * 2] * 2, (4, 0, 0, 0))
    assert floor.problems() == []


def test_units_that_a_doubtful_report_moved_are_suspect_where_they_went(floor: Floor) -> None:
    bonded(floor, "I1")
    run = floor.begin("CELL-1", "P1")
    report(floor, run, "I1", moves=diced("I1", "P1.01", "P1.02"), energy_kwh=-1.0)
    assert [floor.are(name) for name in ("P1.01", "P1.02")] == [[[SUSPECT] * 2]] * 2
    assert told(floor, run) == {"energy_beyond": 4}
    work = floor.work(run, "I1")
    assert (work.units_in, work.units_good, work.units_suspect) == (4, 0, 4)
    assert floor.problems() == []


def test_done_that_left_ordered_positions_untouched_is_not_believed(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    report(floor, run, "S1", touched=[[1, 1], [1, 0]], outcome=Outcome.DONE)
    assert told(floor, run, "S1") == {"position_not_done": 1}
    assert sentences(floor, run, "S1") == "It says done; 1 of the ordered positions was not worked on."
    assert floor.are("S1") == [[IN_PROCESS] * 2, [IN_PROCESS, SUSPECT]]
    work = floor.work(run, "S1")
    assert (work.work, work.units_in, work.units_good, work.units_suspect) == ("partial", 3, 3, 0)
    floor.end(run)
    (hold,) = floor.holds("B1")
    floor.do(release_hold, hold.lot_id, hold.id, "seen", Role.LINE_ENGINEER)
    assert floor.asked(floor.order("CELL-1", "B1"), "S1").tolist() == [[True, True], [True, False]]
    assert floor.problems() == []


ENERGY_KWH = {0.0: True, 999.0: True, 1001.0: False, -0.1: False, math.nan: False, math.inf: False, 1e308: False}


@pytest.mark.parametrize("energy_kwh", ENERGY_KWH)
def test_energy_that_no_equipment_can_draw(floor: Floor, energy_kwh: float) -> None:
    """Within an hour: a thousand kilowatts is more than any equipment of a line has."""
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    if ENERGY_KWH[energy_kwh]:
        floor.report(run, "S1", energy_kwh=energy_kwh)
        assert (floor.holds("B1"), floor.work(run, "S1").energy_kwh) == ([], energy_kwh)
    else:
        report(floor, run, "S1", energy_kwh=energy_kwh)
        assert (told(floor, run, "S1"), floor.work(run, "S1").energy_kwh) == ({"energy_beyond": 4}, None)
        assert sentences(floor, run, "S1") == f"It names {energy_kwh:g} kWh; between 0 and 1000 can be."
        assert floor.are("S1") == [[SUSPECT] * 2] * 2
    assert floor.problems() == []


def test_energy_of_a_long_stay_may_be_more(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    result = floor.result(run, "S1", energy_kwh=1001.0)
    floor.do(track_out, run, replace(result, started_at=result.ended_at - timedelta(hours=2)))
    assert floor.holds("B1") == []


def test_suspect_units_are_neither_good_nor_failed(floor: Floor) -> None:
    run = assembling(floor)
    report(floor, run, "I1", moves=instead(0, bond("W1", 3, 2, 0, 0, 1)))
    work = floor.work(run, "I1")
    assert (work.units_in, work.units_good, work.units_failed, work.units_suspect) == (4, 3, 0, 1)


def test_suspect_move_off_a_substrate_is_neither_good_nor_failed(floor: Floor) -> None:
    bonded(floor, "I1")
    run = floor.begin("CELL-1", "P1")
    places = [("P1.01", 0), ("P1.01", 0), ("P1.02", 0), ("P1.02", 1)]
    moves = [("I1", n % 2, n // 2, *place, 0, 0, 0, 0, PLACED) for n, place in enumerate(places)]
    report(floor, run, "I1", moves=moves)
    assert told(floor, run) == {"site_taken": 1}
    work = floor.work(run, "I1")
    assert (work.units_in, work.units_good, work.units_suspect) == (4, 3, 1)
