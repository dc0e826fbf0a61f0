"""Runs that stop half-way, share a lot or an oven, judge again, move to new loads, and use up their sources."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from equipment.interface.states import Outcome
from mes.errors import Refused, WrongState
from mes.lots.models import Lot, Mount
from mes.lots.taking import pull_sample, scrap
from mes.lots.work import run_course
from mes.lots.work.hand_work import Told, finish
from mes.routes.models import Operation
from mes.runs.models import Run
from tests.shop import LOST, PLACED, Floor, Move

PARTIAL = Outcome.PARTIAL
TOP, BOTTOM = [[1, 1], [0, 0]], [[0, 0], [1, 1]]


def mask(floor: Floor, run: int, substrate: str) -> list[list[int]]:
    """What a run asked for, as ones and zeros."""
    rows: list[list[int]] = floor.asked(run, substrate).astype(int).tolist()
    return rows


def counts(floor: Floor, run: int, substrate: str) -> tuple[int, int, int, int]:
    """Units in, good, failed, to be judged again."""
    work = floor.work(run, substrate)
    return work.units_in, work.units_good, work.units_failed, work.units_again


# --- stopped ------------------------------------------------------------------------------------------------------


def test_positions_that_a_stopped_run_left_queue_again(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    first = floor.begin("OVEN-1", "B1")
    floor.report(first, "S1", touched=TOP, outcome=PARTIAL)
    floor.end(first, "stopped: power")
    assert (floor.work(first, "S1").work, floor.work(first, "S2").work) == ("partial", "not_done")
    assert (floor.run(first).state, floor.run(first).reason) == ("ended", "stopped: power")
    assert (floor.lot("B1").state, floor.member("S1").progress, floor.member("S1").visit) == ("queued", "queued", 1)
    second = floor.begin("OVEN-1", "B1")
    assert (mask(floor, second, "S1"), mask(floor, second, "S2")) == (BOTTOM, [[1, 1], [1, 1]])
    floor.report(second, "S1")
    floor.report(second, "S2")
    floor.end(second)
    assert [counts(floor, run, "S1") for run in (first, second)] == [(2, 2, 0, 0), (2, 2, 0, 0)]
    test = floor.order("CELL-1", "B1")
    assert mask(floor, test, "S1") == [[1, 1], [1, 1]]
    assert floor.problems() == []


def test_broken_off_run_gives_everything_back(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    floor.arrive("P1", "package", "I1")
    ordered_at = floor.member("I1").since
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    floor.do(run_course.abort, run, "broken off")
    assert (floor.lot("P1").state, floor.run(run).state, floor.member("I1").since) == ("queued", "aborted", ordered_at)
    with pytest.raises(WrongState, match=r"is aborted; start needs it to be ordered\."):
        floor.do(run_course.start, run)
    again = floor.order("CELL-2", "P1", sources=["W1"])
    assert floor.reserved(again, "W1").all()
    assert floor.problems() == []


# --- several runs and several lots ----------------------------------------------------------------------------------


def test_two_cells_share_a_lot(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1", "W2", "W3")
    one = floor.begin("CELL-1", "D1", only=["W1"])
    other = floor.order("CELL-2", "D1", only=["W3"])
    assert (floor.lot("D1").state, floor.member("W2").progress) == ("running", "queued")
    floor.report(one, "W1")
    floor.end(one)
    assert floor.lot("D1").state == "running"
    floor.do(run_course.start, other)
    floor.report(other, "W3")
    floor.end(other)
    assert (floor.lot("D1").state, floor.lot("D1").substrates) == ("queued", 3)
    floor.pass_through("CELL-1", "D1", "W2")
    assert (floor.lot("D1").state, floor.ledger("D1")) == ("stocked", {"received": 36, "completed": 36})
    assert floor.problems() == []


def test_oven_takes_lots_of_two_customers(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", customer="alpha")
    floor.arrive("B2", "board", "T1", "T2", customer="beta")
    run = floor.begin("OVEN-1", "B1", "B2")
    assert [floor.lot(lot).state for lot in ("B1", "B2")] == ["running", "running"]
    floor.report(run, "S1")
    assert [floor.lot(lot).state for lot in ("B1", "B2")] == ["queued", "running"]
    floor.report(run, "T1")
    floor.end(run, "stopped")
    assert floor.work(run, "T2").work == "not_done"
    assert [floor.lot(lot).state for lot in ("B1", "B2")] == ["queued", "queued"]
    assert mask(floor, floor.order("OVEN-1", "B2"), "T2") == [[1, 1], [1, 1]]
    assert floor.problems() == []


def test_lot_waits_at_its_earliest_operation(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    run = floor.begin("OVEN-1", "B1", only=["S1"])
    floor.report(run, "S1")
    floor.end(run)
    baking, testing = (floor.id_of(Operation, f"board/{number}") for number in (10, 20))
    assert (floor.member("S1").operation_id, floor.lot("B1").operation_id) == (testing, baking)
    floor.pass_through("OVEN-1", "B1", "S2")
    assert floor.lot("B1").operation_id == testing


# --- judged again ---------------------------------------------------------------------------------------------------


def at_test(floor: Floor, *substrates: str) -> int:
    floor.arrive("B1", "board", *substrates)
    floor.pass_through("OVEN-1", "B1", *substrates)
    return floor.begin("CELL-1", "B1")


def test_units_without_contact_are_tested_again_once(floor: Floor) -> None:
    first = at_test(floor, "S1")
    floor.report(first, "S1", bins=[[7, 7], [2, 1]])
    floor.end(first)
    assert counts(floor, first, "S1") == (4, 1, 1, 2)
    assert (floor.member("S1").visit, floor.lot("B1").state, floor.lot("B1").units) == (2, "queued", 3)
    second = floor.begin("CELL-1", "B1")
    assert mask(floor, second, "S1") == TOP
    floor.report(second, "S1", bins=[[1, 7], [0, 0]])
    floor.end(second)
    assert counts(floor, second, "S1") == (2, 1, 1, 0)
    assert (floor.lot("B1").state, floor.ledger("B1")) == ("completed", {"received": 4, "completed": 2, "scrapped": 2})
    assert floor.problems() == []


def soon_again(floor: Floor) -> int:
    """The next run of B1 at the test, begun in time after the oven."""
    floor.hours = 5
    return floor.begin("CELL-1", "B1")


def test_unit_of_a_stopped_test_is_judged_no_more_often_than_allowed(floor: Floor) -> None:
    """Those without contact wait for the second pass while the rest has its first."""
    first = at_test(floor, "S1")
    floor.report(first, "S1", touched=TOP, bins=[[7, 1], [0, 0]], outcome=PARTIAL)
    floor.end(first, "stopped: prober")
    assert counts(floor, first, "S1") == (2, 1, 0, 1)
    rest = soon_again(floor)
    assert (mask(floor, rest, "S1"), floor.work(rest, "S1").visit) == (BOTTOM, 1)
    floor.report(rest, "S1", bins=[[0, 0], [1, 7]])
    floor.end(rest)
    second = soon_again(floor)
    assert (mask(floor, second, "S1"), floor.work(second, "S1").visit) == ([[1, 0], [0, 1]], 2)
    floor.report(second, "S1", bins=[[7, 0], [0, 1]])
    floor.end(second)
    assert counts(floor, second, "S1") == (2, 1, 1, 0)
    assert (floor.lot("B1").state, floor.ledger("B1")) == ("completed", {"received": 4, "completed": 3, "scrapped": 1})
    assert floor.problems() == []


def test_second_pass_waits_though_the_rest_of_the_first_is_good(floor: Floor) -> None:
    first = at_test(floor, "S1")
    floor.report(first, "S1", touched=TOP, bins=[[7, 1], [0, 0]], outcome=PARTIAL)
    floor.end(first, "stopped: prober")
    rest = soon_again(floor)
    floor.report(rest, "S1", bins=[[0, 0], [1, 1]])
    floor.end(rest)
    assert (floor.member("S1").visit, floor.lot("B1").state) == (2, "queued")
    second = soon_again(floor)
    assert mask(floor, second, "S1") == [[1, 0], [0, 0]]
    floor.report(second, "S1", bins=[[1, 0], [0, 0]])
    floor.end(second)
    assert floor.lot("B1").state == "completed"
    assert floor.problems() == []


def test_few_units_without_contact_are_not_worth_a_retest(floor: Floor) -> None:
    """One of four is not above a quarter."""
    run = at_test(floor, "S1")
    floor.report(run, "S1", bins=[[7, 1], [1, 1]])
    floor.end(run)
    assert counts(floor, run, "S1") == (4, 3, 1, 0)
    assert floor.lot("B1").state == "completed"


def test_lot_whose_last_unit_fails_is_scrapped(floor: Floor) -> None:
    run = at_test(floor, "S1")
    floor.report(run, "S1", bins=[[2, 2], [2, 2]])
    floor.end(run)
    lot = floor.lot("B1")
    assert (lot.state, lot.substrates, lot.units) == ("scrapped", 0, 0)
    assert lot.ended_at is not None
    assert floor.problems() == []


# --- new loads ------------------------------------------------------------------------------------------------------


def bonded(floor: Floor, *interposers: str) -> None:
    """Packages on these interposers, every site filled."""
    dies = [f"W{n}" for n, _ in enumerate(interposers, 1)]
    floor.stock("D1", "die", *dies)
    floor.arrive("P1", "package", *interposers)
    run = floor.begin("CELL-1", "P1", sources=dies)
    for die, interposer in zip(dies, interposers, strict=True):
        places = [(x, y) for y in (0, 1) for x in (0, 1)]
        moves: list[Move] = [
            (die, 2 * x + site - 1, y, interposer, x, y, site, 1, 0, PLACED) for x, y in places for site in (1, 2)
        ]
        floor.report(run, interposer, moves=moves)
    floor.end(run)


def diced(interposer: str, *loads: str, lost: int = 0) -> list[Move]:
    """The positions of an interposer into boats of two, row by row; the first ``lost`` of them drop."""
    places = [(x, y) for y in (0, 1) for x in (0, 1)]
    slots = [(load, x) for load in loads for x in (0, 1)]
    dropped: list[Move] = [(interposer, x, y, *slots[0], 0, 0, 0, 0, LOST) for x, y in places[:lost]]
    arrived = zip(places[lost:], slots, strict=False)
    return dropped + [(interposer, x, y, *slot, 0, 0, 0, 0, PLACED) for (x, y), slot in arrived]


def test_two_interposers_are_diced_in_one_run(floor: Floor) -> None:
    bonded(floor, "I1", "I2")
    run = floor.begin("CELL-1", "P1")
    floor.report(run, "I1", moves=diced("I1", "P1.01", "P1.02"))
    assert (floor.lot("P1").state, floor.lot("P1").form, floor.member("P1.01").progress) == ("running", 1, "loading")
    assert floor.ledger("P1", 2) == {"made": 4, "in_process": 4}
    floor.report(run, "I2", moves=diced("I2", "P1.03", "P1.04", lost=1))
    assert floor.lot("P1").state == "running"
    floor.end(run)
    lot = floor.lot("P1")
    assert (lot.state, lot.form, lot.substrates, lot.units) == ("queued", 2, 4, 7)
    assert floor.ledger("P1") == {"received": 8, "consumed": 7, "lost": 1}
    assert floor.ledger("P1", 2) == {"made": 7, "in_process": 7}
    assert [floor.member(name).progress for name in ("I1", "I2", "P1.04")] == ["closed", "closed", "queued"]
    assert counts(floor, run, "I2") == (4, 3, 1, 0)
    assert floor.problems() == []


def test_two_interposers_are_diced_one_after_the_other(floor: Floor) -> None:
    bonded(floor, "I1", "I2")
    first = floor.begin("CELL-1", "P1", only=["I1"])
    second = floor.begin("CELL-2", "P1", only=["I2"])
    floor.report(first, "I1", moves=diced("I1", "P1.01", "P1.02"))
    floor.end(first)
    assert (floor.lot("P1").state, floor.lot("P1").substrates) == ("running", 3)
    floor.report(second, "I2", moves=diced("I2", "P1.03", "P1.04"))
    floor.end(second)
    assert (floor.lot("P1").state, floor.lot("P1").substrates, floor.lot("P1").units) == ("queued", 4, 8)
    last = floor.begin("CELL-1", "P1")
    for n in range(1, 5):
        floor.report(last, f"P1.0{n}", bins=[[1, 1]])
    floor.end(last)
    assert (floor.lot("P1").state, floor.ledger("P1", 2)) == ("completed", {"made": 8, "completed": 8})
    assert floor.problems() == []


def test_dicing_that_stops_goes_on_with_new_boats(floor: Floor) -> None:
    bonded(floor, "I1")
    run = floor.begin("CELL-1", "P1")
    floor.report(run, "I1", moves=diced("I1", "P1.01", "P1.02")[:1], touched=[[1, 0], [0, 0]], outcome=PARTIAL)
    floor.end(run, "stopped: blade")
    assert [floor.member(name).progress for name in ("I1", "P1.01", "P1.02")] == ["queued", "queued", "closed"]
    rest = floor.begin("CELL-1", "P1")
    assert mask(floor, rest, "I1") == [[0, 1], [1, 1]]
    moves = [(*m[:3], load, x, *m[5:]) for m, (load, x) in zip(
        diced("I1", "", "")[1:], [("P1.03", 0), ("P1.03", 1), ("P1.04", 0)], strict=True
    )]  # fmt: skip
    floor.report(rest, "I1", moves=moves)
    floor.end(rest)
    assert (floor.lot("P1").units, floor.lot("P1").substrates, floor.member("I1").progress) == (4, 3, "closed")
    assert floor.problems() == []


# --- sources --------------------------------------------------------------------------------------------------------


def fill(floor: Floor, lot: str, interposer: str, source: str, first: int) -> int:
    """Fill two positions of an interposer with four dies from the ``first`` on; the others were scrapped."""
    floor.arrive(lot, "package", interposer)
    floor.do(scrap, floor.id_of(Lot, lot), interposer, [(0, 1), (1, 1)])
    run = floor.begin("CELL-1", lot, sources=[source])
    dies = [(n % 4, n // 4) for n in range(first, first + 4)]
    moves: list[Move] = [
        (source, *die, interposer, x, 0, site, 1, 0, PLACED)
        for die, (x, site) in zip(dies, [(0, 1), (0, 2), (1, 1), (1, 2)], strict=True)
    ]
    floor.report(run, interposer, moves=moves)
    floor.end(run)
    return run


def test_source_lot_is_consumed_with_its_last_die(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    ended = floor.lot("D1").ended_at
    for n in range(3):
        assert floor.lot("D1").state == "stocked"
        run = fill(floor, f"P{n}", f"I{n}", "W1", 4 * n)
        assert floor.reserved(run, "W1").sum() == 12 - 4 * n
    lot = floor.lot("D1")
    assert (lot.state, lot.substrates, lot.units, lot.ended_at) == ("consumed", 0, 0, ended)
    assert floor.ledger("D1") == {"received": 12, "consumed": 12}
    with floor.database.reading() as session:
        (mount,) = session.scalars(select(Mount)).all()
        assert mount.dismounted_at is not None
    assert floor.problems() == []


def test_source_that_is_half_empty_goes_to_another_cell(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    fill(floor, "P1", "I1", "W1", 0)
    floor.arrive("P2", "package", "I2")
    floor.order("CELL-2", "P2", sources=["W1"])
    with floor.database.reading() as session:
        mounts = session.scalars(select(Mount).order_by(Mount.id)).all()
        assert [m.dismounted_at is None for m in mounts] == [False, True]
    assert floor.problems() == []


# --- taken out ------------------------------------------------------------------------------------------------------


def test_samples_and_scrap_leave_the_lot_counted(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    floor.do(pull_sample, lot, "W1", [(0, 0), (3, 2)])
    floor.do(scrap, lot, "W1", [(1, 1)])
    assert floor.ledger("D1") == {"received": 24, "in_process": 21, "scrapped": 1, "sampled": 2}
    assert mask(floor, floor.order("CELL-1", "D1"), "W1") == [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 0]]
    assert floor.problems() == []


def test_rest_of_a_used_source_is_thrown_away_with_its_lot_used_up(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    fill(floor, "P1", "I1", "W1", 0)
    floor.do(scrap, floor.id_of(Lot, "D1"), "W1", None)
    assert (floor.lot("D1").state, floor.ledger("D1")["scrapped"]) == ("consumed", 8)
    with floor.database.reading() as session:
        assert session.scalars(select(Mount.dismounted_at)).one() is not None
    assert floor.problems() == []


# --- by hand ------------------------------------------------------------------------------------------------------


def by_hand(floor: Floor, run: int, lot: str, good: int | None = None) -> None:
    """A person reports one lot of a run."""
    lot_id = floor.id_of(Lot, lot)
    with floor.database.transaction() as session:
        finish(session, session.get_one(Run, run), lot_id, Told(good=good), floor.act())


def test_lot_of_a_shared_run_is_reported_by_hand_once(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    floor.arrive("B2", "board", "S2", customer="beta")
    run = floor.begin("OVEN-1", "B1", "B2")
    by_hand(floor, run, "B1", good=4)
    before = floor.everything()
    with pytest.raises(Refused, match="waits for nothing of the lot any more"):
        by_hand(floor, run, "B1")
    assert floor.everything() == before
    by_hand(floor, run, "B2", good=4)
    assert (floor.run(run).state, floor.lot("B1").state, floor.lot("B2").state) == ("ended", "queued", "queued")
    assert floor.problems() == []


def test_what_equipment_reported_before_a_person_stays(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    run = floor.begin("CELL-1", "D1")
    floor.report(run, "W1")
    by_hand(floor, run, "D1", good=12)
    assert [floor.work(run, name).energy_kwh for name in ("W1", "W2")] == [0.5, None]
    assert (floor.run(run).state, floor.lot("D1").state) == ("ended", "stocked")
    assert floor.problems() == []
