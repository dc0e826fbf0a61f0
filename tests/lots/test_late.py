"""What equipment did in a run that was closed before it said so: it is recorded, and what it concerns is in doubt."""

from __future__ import annotations

import numpy as np
import pytest

from equipment.interface.states import Outcome
from mes.history import History
from mes.lots.holds.hold import release_hold
from mes.lots.models import Lot
from mes.lots.taking import scrap
from mes.lots.work import run_course
from mes.lots.work.identify import Unidentified
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.runs.states import RunVerb
from mes.units.layers import read_layer
from tests.lots.test_facts import GOOD, IN_PROCESS, SUSPECT, assembling
from tests.lots.test_partial import BOTTOM, TOP, at_test, bonded, counts, diced, mask
from tests.shop import Floor

ALL_SUSPECT = [[SUSPECT] * 2] * 2


def broken_off(floor: Floor, run: int) -> None:
    floor.do(run_course.abort, run, "wrong collet")


def doubts(floor: Floor, lot: str) -> list[tuple[str, str]]:
    """Code and comment of the standing holds."""
    return [(hold.code, hold.comment) for hold in floor.holds(lot)]


def test_what_was_placed_before_a_person_broke_off_is_recorded(floor: Floor) -> None:
    run = assembling(floor)
    result = floor.result(run, "I1", moves=GOOD)
    broken_off(floor, run)
    floor.do(track_out, run, result)
    assert floor.are("I1") == ALL_SUSPECT
    assert floor.ledger("D1") == {"received": 10, "completed": 2, "consumed": 8}
    assert (floor.run(run).state, floor.run(run).reason) == ("aborted", "wrong collet")
    assert (floor.work(run, "I1").work, floor.work(run, "I1").units_suspect) == ("done", 4)
    assert counts(floor, run, "I1") == (4, 0, 0, 0)
    assert (floor.member("I1").progress, floor.lot("P1").state) == ("queued", "queued")
    name = floor.run(run).name
    told = f"{name} reported on I1: 4 x reported_late. The run was aborted before the report came."
    assert doubts(floor, "P1") == [("in_doubt", told)]
    assert floor.problems() == []
    before = floor.everything()
    with pytest.raises(Unidentified, match=r"Substrate I1 was already reported for this run as done\."):
        floor.do(track_out, run, result)
    assert floor.everything() == before


def test_bins_of_a_run_that_was_broken_off_are_kept_and_reject_nothing(floor: Floor) -> None:
    run = at_test(floor, "S1")
    result = floor.result(run, "S1", bins=[[2, 7], [1, 1]])
    broken_off(floor, run)
    floor.do(track_out, run, result)
    with floor.database.reading() as session:
        bins, _ = read_layer(session, floor.substrate("S1"), "bin:board/20", (2, 2))
    assert bins.tolist() == [[2, 7], [1, 1]]
    assert (floor.are("S1"), floor.ledger("B1")) == (ALL_SUSPECT, {"received": 4, "in_process": 4})
    assert floor.member("S1").visit == 1
    assert floor.problems() == []


def test_rest_of_a_run_that_was_broken_off_goes_on_when_the_hold_is_released(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    result = floor.result(run, "S1", touched=TOP, outcome=Outcome.PARTIAL)
    broken_off(floor, run)
    floor.do(track_out, run, result)
    assert floor.work(run, "S1").work == "partial"
    (hold,) = floor.holds("B1")
    floor.do(release_hold, hold.lot_id, hold.id, "looked at", Role.LINE_ENGINEER)
    again = floor.begin("OVEN-1", "B1")
    assert mask(floor, again, "S1") == BOTTOM
    floor.report(again, "S1")
    floor.end(again)
    assert floor.are("S1") == [[SUSPECT] * 2, [IN_PROCESS] * 2]
    assert counts(floor, again, "S1") == (2, 2, 0, 0)
    assert floor.problems() == []


def test_substrate_that_another_run_has_meanwhile_stays_in_it(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    first = floor.begin("CELL-1", "D1")
    result = floor.result(first, "W1", touched=[[1] * 4, [0] * 4, [0] * 4], outcome=Outcome.PARTIAL)
    broken_off(floor, first)
    second = floor.begin("CELL-2", "D1")
    floor.do(track_out, first, result)
    assert (floor.member("W1").progress, floor.lot("D1").state) == ("ordered", "running")
    floor.report(second, "W1")
    floor.end(second)
    assert counts(floor, second, "W1") == (12, 8, 0, 0)
    assert floor.work(second, "W1").units_suspect == 4
    assert floor.ledger("D1") == {"received": 12, "in_process": 4, "completed": 8}
    assert floor.problems() == []


def test_units_that_passed_their_route_meanwhile_are_picked_no_more(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    first = floor.begin("CELL-1", "D1")
    result = floor.result(first, "W1", touched=[[1] * 4, [0] * 4, [0] * 4], outcome=Outcome.PARTIAL)
    broken_off(floor, first)
    floor.pass_through("CELL-2", "D1", "W1")
    floor.do(track_out, first, result)
    assert floor.are("W1")[0] == [SUSPECT] * 4
    assert (floor.lot("D1").state, floor.member("W1").progress) == ("stocked", "finished")
    (hold,) = floor.holds("D1")
    floor.do(release_hold, hold.lot_id, hold.id, "looked at", Role.LINE_ENGINEER)
    floor.arrive("P1", "package", "I1")
    assert floor.reserved(floor.order("CELL-1", "P1", sources=["W1"]), "W1").sum() == 8
    assert floor.problems() == []


def test_boats_that_were_filled_before_a_person_broke_off_come_back(floor: Floor) -> None:
    bonded(floor, "I1")
    run = floor.begin("CELL-1", "P1")
    result = floor.result(run, "I1", moves=diced("I1", "P1.01", "P1.02"))
    broken_off(floor, run)
    assert [floor.member(name).progress for name in ("I1", "P1.01", "P1.02")] == ["queued", "closed", "closed"]
    floor.do(track_out, run, result)
    assert [floor.member(name).progress for name in ("I1", "P1.01", "P1.02")] == ["closed", "queued", "queued"]
    assert [floor.are(name) for name in ("P1.01", "P1.02")] == [[[SUSPECT] * 2]] * 2
    assert (floor.lot("P1").state, floor.lot("P1").form, floor.lot("P1").units) == ("queued", 2, 4)
    assert counts(floor, run, "I1") == (4, 0, 0, 0)
    assert floor.problems() == []


def test_lot_that_was_scrapped_meanwhile_comes_back_with_what_was_made_of_it(floor: Floor) -> None:
    bonded(floor, "I1")
    run = floor.begin("CELL-1", "P1")
    result = floor.result(run, "I1", moves=diced("I1", "P1.01", "P1.02"))
    broken_off(floor, run)
    floor.do(scrap, floor.id_of(Lot, "P1"), "I1", None)
    assert floor.lot("P1").state == "scrapped"
    floor.do(track_out, run, result)
    lot = floor.lot("P1")
    assert (lot.state, lot.ended_at, lot.units, len(floor.holds("P1"))) == ("queued", None, 4, 1)
    assert floor.ledger("P1") == {"received": 4, "scrapped": 4}
    assert floor.ledger("P1", 2) == {"made": 4, "in_process": 4}
    assert floor.problems() == []


def test_run_that_had_done_nothing_leaves_nothing_in_doubt(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    result = floor.result(run, "S1", touched=np.zeros((2, 2)), outcome=Outcome.PARTIAL)
    broken_off(floor, run)
    floor.do(track_out, run, result)
    assert (floor.holds("B1"), floor.work(run, "S1").work, floor.are("S1")) == ([], "partial", [[IN_PROCESS] * 2] * 2)
    assert mask(floor, floor.order("OVEN-1", "B1"), "S1") == [[1, 1], [1, 1]]
    assert floor.problems() == []


@pytest.mark.parametrize("verb", [RunVerb.START, RunVerb.END, RunVerb.ABORT])
def test_what_is_said_of_a_closed_run_stands_in_its_history(floor: Floor, verb: RunVerb) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.order("OVEN-1", "B1")
    broken_off(floor, run)
    floor.do(run_course.reported, run, verb, "power")
    assert (floor.run(run).state, floor.run(run).reason) == ("aborted", "wrong collet")
    with floor.database.reading() as session:
        last = session.query(History).filter_by(subject_kind="run", subject_id=run).order_by(History.n.desc()).first()
        assert last is not None
        assert (last.verb, f'"reported":"{verb}"' in last.body, '"reason":"power"' in last.body) == (
            "report",
            True,
            True,
        )
    assert floor.problems() == []
