"""Summaries for people: what a trace reached, and three counts side by side."""

from datetime import UTC, datetime

import pytest

from mes.cli.headless_summary import show_summary, side_by_side
from mes.genealogy.reached import reached
from mes.genealogy.tree import Move, Onward, Place, TraceUp, Went

AT = datetime(2026, 11, 2, tzinfo=UTC)
COUNTS = {
    "history": {"totals": {"completed": 7, "consumed": 2, "received": 10, "scrapped": 1}, "problems": []},
    "maps": {"totals": {"completed": 6, "consumed": 2, "received": 10, "scrapped": 1}, "problems": []},
    "truth": {"totals": {"arrived": 10, "placed": 2, "lost": 0, "present": 8}, "problems": []},
    "differences": ["Lot L-1, form 1: 7 completed by history, 6 by the maps."],
    "equal": False,
}


def moved(outcome: str, to: Onward | None) -> Went:
    return Went(Move(AT, 1, 1, 0, outcome, None), to)


def at(substrate: int, x: int, lot: str, went: list[Went] | None = None) -> Onward:
    return Onward(Place(substrate, x, 0), f"S-{substrate}", "die", "alpha", lot, went or [])


def test_positions_reached_are_counted_once() -> None:
    package = at(3, 0, "PKG")
    stack = at(2, 0, "STACK", [moved("placed", package)])
    both = [at(1, x, "CORE", [moved("placed", stack)]) for x in (0, 1)]
    gone = at(1, 2, "CORE", [moved("lost", None)])
    told = reached(TraceUp((*both, gone), ()))
    assert [(row["lot"], row["units"], row["substrates"], row["end_there"]) for row in told.lots] == [
        ("STACK", 1, 1, 0),
        ("PKG", 1, 1, 1),
    ]
    assert told.outcomes == {"lost": 1}


def test_three_counts_stand_side_by_side() -> None:
    rows = {row["units"]: (row["history"], row["maps"], row["simulators"]) for row in side_by_side(COUNTS)}
    assert rows["received"] == (10, 10, 10)
    assert rows["completed"] == (7, 6, None)
    assert rows["lost"] == (0, 0, 0)


def test_summary_names_conservation_and_tells_shares_in_percent(capsys: pytest.CaptureFixture[str]) -> None:
    operation = {"route": "r", "operation": "r/10", "in": 10, "good": 9, "yield": 0.99661, "first_pass": None}
    show_summary({"seed": 7, "operations": [operation], "conservation": COUNTS})
    said = capsys.readouterr().out
    assert "99.66 %" in said
    assert "Conservation" in said
    assert "DO NOT AGREE" in said
    assert "7 completed by history, 6 by the maps" in said
