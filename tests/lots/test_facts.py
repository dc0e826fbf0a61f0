"""What equipment reports has happened. What breaks a rule is kept as it is, its units suspect, its lot held."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text

from equipment.interface.messages import Parameter
from equipment.interface.states import Outcome
from mes.lots.holds.hold import release_hold
from mes.lots.models import Lot
from mes.lots.taking import scrap
from mes.lots.work.identify import Unidentified
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.units.models import Transfer
from mes.units.positions import pack
from mes.units.states import Disposition
from tests.shop import LOST, PLACED, PUT_BACK, REJECTED, Floor, Move, mapped, standing_holds

NO_UNIT, NOT_FOR_USE, IN_PROCESS, SUSPECT = 0, 1, 2, 3
COMPLETED, CONSUMED, SCRAPPED = 5, 6, 8


def bond(source: str, from_x: int, from_y: int, to_x: int, to_y: int, site: int, outcome: int = PLACED) -> Move:
    """One move of a die onto I1."""
    return (source, from_x, from_y, "I1", to_x, to_y, site, 1, 0, outcome)


GOOD = tuple(bond("W1", 2 * x + site - 1, y, x, y, site) for y in (0, 1) for x in (0, 1) for site in (1, 2))
"""Dies for both sites of all four positions of I1, from the upper two rows of W1."""


def assembling(floor: Floor, route: str = "package", sources: tuple[str, ...] = ("W1",)) -> int:
    """A run that fills I1; on W1 the die at (3, 2) was never meant to be used, the one at (2, 2) is not there."""
    floor.stock("D1", "die", mapped("W1", [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 9]]))
    floor.stock("C1", "cap", "X1")
    floor.arrive("P1", route, "I1")
    return floor.begin("CELL-1", "P1", sources=sources)


def instead(index: int, move: Move) -> tuple[Move, ...]:
    """The good moves with one of them otherwise."""
    return (*GOOD[:index], move, *GOOD[index + 1 :])


def told(floor: Floor, run: int, substrate: str = "I1") -> dict[str, int]:
    """The exceptions by the one hold of the lot."""
    with floor.database.reading() as session:
        (hold,) = standing_holds(session, [floor.work(run, substrate).lot_id])
    assert (hold.code, hold.owner_role) == ("exception", "line_engineer")
    where, _, what = hold.comment.partition(": ")
    assert where == f"{floor.run(run).name} reported on {substrate}"
    counts = what.partition(". ")[0]
    return {code: int(n) for n, code in (part.split(" x ") for part in counts.split(", "))}


def kept(floor: Floor, source: str = "W1") -> dict[str, list[int]]:
    """The exceptions that stand beside the moves."""
    with floor.database.reading() as session:
        rows = session.scalars(select(Transfer).where(Transfer.source_id == floor.substrate(source))).all()
        assert [row.n for row in rows] == [row.n for row in rows if len(row.slots) == 4 * row.n]
        return {code: n for row in rows for code, n in json.loads(row.suspect or "{}").items()}


def report(floor: Floor, run: int, substrate: str, **words: Any) -> None:
    floor.report(run, substrate, **words)
    with floor.database.reading() as session:
        (writer,) = session.scalars(text("select xmin::text from hold order by id desc limit 1"))
        query = text("select xmin::text from run_substrate where (run_id, substrate_id) = (:run, :substrate)")
        result_by = session.scalar(query, {"run": run, "substrate": floor.substrate(substrate)})
    assert result_by == writer, "the hold was written by another transaction than the result"


ONE_SUSPECT = [[SUSPECT, IN_PROCESS], [IN_PROCESS, IN_PROCESS]]
BAD_MOVES: dict[str, tuple[Callable[[Floor], int], tuple[Move, ...], dict[str, list[int]], dict[str, int]]] = {
    "a die that was never meant to be used": (
        assembling, instead(0, bond("W1", 3, 2, 0, 0, 1)), {"pick_not_for_use": [0]},
        {"received": 10, "found": 1, "completed": 3, "consumed": 8},
    ),
    "a die from where there is none": (
        assembling, instead(0, bond("W1", 2, 2, 0, 0, 1)), {"pick_absent": [0]},
        {"received": 10, "completed": 3, "consumed": 7},
    ),
    "a die from outside of its wafer": (
        assembling, instead(0, bond("W1", 4, 0, 0, 0, 1)), {"pick_absent": [0]},
        {"received": 10, "completed": 3, "consumed": 7},
    ),
    "one die for two sites": (
        assembling, instead(1, bond("W1", 0, 0, 0, 0, 2)), {"pick_twice": [1]},
        {"received": 10, "completed": 3, "consumed": 7},
    ),
    "a die that the reject bin had already": (
        assembling, (bond("W1", 0, 0, 0, 0, 1, REJECTED), *GOOD), {"pick_twice": [1]},
        {"received": 10, "completed": 2, "consumed": 7, "scrapped": 1},
    ),
    "two dies on one site": (
        assembling, (*GOOD, bond("W1", 0, 2, 0, 0, 1)), {"site_taken": [8]},
        {"received": 10, "completed": 1, "consumed": 9},
    ),
    "a site that the attach specification does not have": (
        assembling, instead(1, bond("W1", 1, 0, 0, 0, 3)), {"site_unknown": [1]},
        {"received": 10, "completed": 2, "consumed": 8},
    ),
    "a wrong die": (
        lambda floor: assembling(floor, "pair", ("W1", "X1")),
        tuple(bond("W1" if m[6] == 1 or m[4:6] == (0, 0) else "X1", *m[1:3], *m[4:7]) for m in GOOD),
        {"wrong_product": [1]}, {"received": 10, "completed": 5, "consumed": 5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fact", BAD_MOVES)
def test_move_that_breaks_a_rule_is_kept_and_its_unit_suspect(floor: Floor, fact: str) -> None:
    begin, moves, broken, ledger = BAD_MOVES[fact]
    run = begin(floor)
    report(floor, run, "I1", moves=moves)
    assert told(floor, run) == {code: len(indices) for code, indices in broken.items()}
    assert kept(floor) == broken
    assert np.argwhere(np.array(floor.are("I1")) == SUSPECT).tolist() == [[0, 0]]
    assert floor.ledger("D1") == ledger
    assert floor.work(run, "I1").work == "done"
    floor.end(run)
    assert floor.problems() == []


def test_die_beside_the_target_is_gone_from_its_source(floor: Floor) -> None:
    run = assembling(floor)
    report(floor, run, "I1", moves=instead(0, bond("W1", 0, 0, 7, 7, 1)))
    assert (told(floor, run), kept(floor)) == ({"target_outside": 1}, {"target_outside": [0]})
    assert floor.are("W1")[0][0] == CONSUMED
    assert floor.problems() == []


def test_suspect_die_that_is_picked_all_the_same(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    run = floor.begin("CELL-1", "D1")
    report(floor, run, "W1", bins=[[5, 1, 1, 1], [1] * 4, [1] * 4])
    floor.end(run)
    (hold,) = floor.holds("D1")
    floor.do(release_hold, hold.lot_id, hold.id, "looked at", Role.LINE_ENGINEER)
    assert floor.are("W1")[0][:2] == [SUSPECT, COMPLETED]
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    assert floor.reserved(run, "W1").sum() == 11
    report(floor, run, "I1", moves=GOOD)
    assert (told(floor, run), kept(floor)) == ({"pick_suspect": 1}, {"pick_suspect": [0]})
    assert floor.are("I1") == ONE_SUSPECT
    assert floor.ledger("D1") == {"received": 12, "completed": 4, "consumed": 8}
    assert floor.problems() == []


def test_units_of_the_worked_substrate_are_no_source(floor: Floor) -> None:
    run = assembling(floor)
    report(floor, run, "I1", moves=(*GOOD, bond("I1", 1, 1, 0, 0, 2)))
    assert told(floor, run) == {"pick_not_reserved": 1, "site_taken": 1, "wrong_product": 1}
    assert floor.are("I1") == [[SUSPECT, IN_PROCESS], [IN_PROCESS, CONSUMED]]
    assert floor.problems() == []


def test_position_that_was_not_asked_for_is_filled(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    floor.arrive("P1", "package", "I1")
    floor.do(scrap, floor.id_of(Lot, "P1"), "I1", [(1, 1)])
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    report(floor, run, "I1", moves=GOOD, touched=[[1, 1], [1, 1]])
    assert told(floor, run) == {"target_not_asked": 2, "position_not_asked": 1}
    assert floor.are("I1") == [[IN_PROCESS, IN_PROCESS], [IN_PROCESS, SCRAPPED]]
    assert floor.work(run, "I1").units_in == 3
    assert floor.problems() == []


def test_site_filled_by_an_earlier_run_is_hit_again(floor: Floor) -> None:
    run = assembling(floor)
    floor.report(run, "I1", moves=GOOD[:4], touched=[[1, 1], [0, 0]], outcome=Outcome.PARTIAL)
    floor.end(run, "stopped")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    report(floor, run, "I1", moves=(bond("W1", 0, 2, 0, 0, 1), *GOOD[4:]))
    assert told(floor, run) == {"site_taken": 1, "target_not_asked": 1}
    assert floor.are("I1") == ONE_SUSPECT
    assert floor.problems() == []


def test_put_back_breaks_no_rule_and_lost_dies_are_counted(floor: Floor) -> None:
    run = assembling(floor)
    floor.report(run, "I1", moves=(bond("W1", 0, 0, 0, 0, 1, PUT_BACK), bond("W1", 0, 2, 0, 0, 1, LOST), *GOOD))
    assert (floor.holds("P1"), kept(floor)) == ([], {})
    assert floor.ledger("D1") == {"received": 10, "completed": 1, "consumed": 8, "lost": 1}
    assert floor.problems() == []


TESTED = {
    "unknown_bin": ({"bins": [[5, 1], [1, 1]]}, 1),
    "position_not_asked": ({"touched": [[1, 1], [1, 1]], "bins": [[1, 1], [1, 0]]}, 1),
}


@pytest.mark.parametrize("code", TESTED)
def test_judgement_that_was_not_asked_for_makes_units_suspect(floor: Floor, code: str) -> None:
    words, count = TESTED[code]
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    run = floor.begin("CELL-1", "B1")
    asked = [[1, 1], [1, 1]] if code == "unknown_bin" else [[0, 1], [1, 1]]
    with floor.database.transaction() as session:
        # an order may ask for less than all: what is left of a stopped run
        session.execute(text("update run_substrate set positions = :p"), {"p": pack(np.array(asked, np.bool_))})
    report(floor, run, "S1", **words)
    assert told(floor, run, "S1") == {code: count}
    assert floor.are("S1")[0][0] == SUSPECT
    floor.end(run)
    assert floor.are("S1") == [[SUSPECT, COMPLETED], [COMPLETED, COMPLETED]]
    assert floor.problems() == []


def test_failing_bin_where_nothing_was_asked_rejects_nothing(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    run = floor.begin("CELL-1", "B1")
    with floor.database.transaction() as session:
        session.execute(
            text("update run_substrate set positions = :p where run_id = :r"),
            {"p": pack(np.array([[0, 1], [1, 1]], np.bool_)), "r": run},
        )
    report(floor, run, "S1", touched=[[0, 1], [1, 1]], bins=[[2, 1], [1, 2]])
    assert told(floor, run, "S1") == {"position_not_asked": 1}
    assert floor.are("S1") == [[SUSPECT, COMPLETED], [COMPLETED, Disposition.REJECTED]]
    assert floor.problems() == []


BAKED = {155.0: None, 155.1: {"value_beyond": 4}, 144.9: {"value_beyond": 4}}


@pytest.mark.parametrize("peak_cel", BAKED)
def test_value_beyond_the_limits_of_the_recipe(floor: Floor, peak_cel: float) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    run = floor.begin("OVEN-1", "B1")
    ran = (Parameter("peak_temperature", peak_cel, "Cel"), Parameter("oxygen", 9000.0, "[ppm]"))
    if BAKED[peak_cel] is None:
        floor.report(run, "S1", ran=ran)
        assert (floor.holds("B1"), floor.are("S1")) == ([], [[IN_PROCESS] * 2] * 2)
    else:
        report(floor, run, "S1", ran=ran)
        assert (told(floor, run, "S1"), floor.are("S1")) == (BAKED[peak_cel], [[SUSPECT] * 2] * 2)
    assert floor.are("S2") == [[IN_PROCESS] * 2] * 2
    assert floor.problems() == []


def test_value_in_another_unit_is_not_compared(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    run = floor.begin("OVEN-1", "B1")
    floor.report(run, "S1", ran=(Parameter("peak_temperature", 302.0, "[degF]"),))
    assert floor.holds("B1") == []


def test_report_of_a_run_that_never_said_that_it_began(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    run = floor.order("CELL-1", "D1")
    floor.report(run, "W1")
    floor.end(run)
    assert (floor.lot("D1").state, floor.run(run).state, floor.holds("D1")) == ("stocked", "ended", [])
    assert floor.problems() == []


STRANGE: dict[str, tuple[str, dict[str, Any]]] = {
    "The run was not ordered for substrate W1; it was ordered for I1.": ("W1", {}),
    "The run was not ordered for lot B9; it was ordered for P1.": ("I1", {"lot": "B9"}),
    "The run was not ordered for visit 7; it was ordered for 1.": ("I1", {"visit": 7}),
    "The run was not ordered for W9; it was given W1.": ("I1", {"moves": [bond("W9", 0, 0, 0, 0, 1)]}),
    "touched of I1 has 3 rows and 1 columns; the substrate has 2 and 2.": ("I1", {"touched": [[1], [1], [1]]}),
    "bins of I1 has 1 rows and 2 columns; the substrate has 2 and 2.": ("I1", {"bins": [[1, 1]]}),
}


@pytest.mark.parametrize("sentence", STRANGE)
def test_report_that_cannot_be_identified_is_turned_away_with_a_sentence(floor: Floor, sentence: str) -> None:
    substrate, words = STRANGE[sentence]
    run = assembling(floor)
    result = floor.result(run, "I1", **words)
    result = result if substrate == "I1" else _named(result, substrate)
    before = floor.everything()
    with pytest.raises(Unidentified) as rejected:
        floor.do(track_out, run, result)
    assert rejected.value.message == sentence
    assert floor.everything() == before


def _named(result: Any, substrate: str) -> Any:
    return type(result)(**{**vars(result), "substrate": substrate})


def test_second_report_of_a_substrate_is_turned_away(floor: Floor) -> None:
    run = assembling(floor)
    result = floor.result(run, "I1", moves=GOOD)
    floor.do(track_out, run, result)
    before = floor.everything()
    with pytest.raises(Unidentified, match=r"Substrate I1 was already reported for this run as done\."):
        floor.do(track_out, run, result)
    assert floor.everything() == before
