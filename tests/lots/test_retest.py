"""A retest of the whole: the rule of the operation says which pass counts, and what was recovered stands beside it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from mes.definitions.models import EquipmentClass, Layout, Product
from mes.lots.ladder import ladder
from mes.lots.models import Lot
from mes.recipes.models import RecipeVersion
from mes.reports.run import run as report
from mes.units.layers import read_layer
from tests.shop import TEST_BINS, Floor, _added, _route

FIRST = [[7, 1], [1, 1]]
SECOND = [[1, 7], [1, 1]]


@pytest.fixture
def tests(floor: Floor) -> Floor:
    """Slates are tested three times, each time again as a whole if more than a fifth fails with 7."""
    with floor.database.transaction() as session:
        layout = session.scalars(select(Layout).where(Layout.name == "sites")).one()
        slate = _added(session, Product(name="slate", title="Slate", unit="slate", layout_id=layout.id))
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        step = {"class_id": cell, "recipe_version_id": recipe, "kind": "test", "bins": TEST_BINS}
        retest = {"bins": [7], "above": 0.2, "passes": 2, "whole": True}
        best, worst, last = (
            step | {"retest": retest | ({} if how == "last" else {"effective": how})}
            for how in ("best", "worst", "last")
        )
        _route(session, slate, "completed", best, worst, last)
    floor.arrive("T1", "slate", "S1")
    return floor


def passed(floor: Floor, *passes: Any) -> None:
    for bins in passes:
        run = floor.begin("CELL-1", "T1")
        floor.report(run, "S1", bins=bins)
        floor.end(run)


def yields(floor: Floor) -> dict[str, tuple[int, ...]]:
    """By operation: in, good, first in, first good, recovered."""
    with floor.database.reading() as session:
        rows = report(session, "yield", {}).records()
    names = ("in", "good", "first_in", "first_good", "recovered")
    return {row["operation"].removeprefix("slate/"): tuple(int(row[name]) for name in names) for row in rows}


def effective(floor: Floor, operation: str) -> list[list[int]]:
    with floor.database.reading() as session:
        found, _ = read_layer(session, floor.substrate("S1"), f"effective:{operation}", (2, 2))
        bins: list[list[int]] = found.tolist()
        return bins


def test_best_worst_and_last_pass(tests: Floor) -> None:
    passed(tests, FIRST)
    assert tests.member("S1").visit == 2
    with tests.database.reading() as session:
        rung = ladder(session, tests.id_of(Lot, "T1"))[0]
    assert (rung.units_in, rung.units_good, rung.units_again) == (0, 0, 4)
    passed(tests, SECOND)
    assert (effective(tests, "slate/10"), tests.ledger("T1")["in_process"]) == ([[1, 1], [1, 1]], 4)
    passed(tests, FIRST, SECOND)
    assert effective(tests, "slate/20") == [[7, 7], [1, 1]]
    assert tests.are("S1") == [[4, 4], [2, 2]]
    passed(tests, [[0, 0], [7, 1]], [[0, 0], [1, 2]])
    assert tests.ledger("T1") == {"received": 4, "completed": 1, "scrapped": 3}
    assert yields(tests) == {"10": (4, 4, 4, 3, 1), "20": (4, 2, 4, 3, 0), "30": (2, 1, 2, 1, 0)}
    assert tests.problems() == []


def test_no_more_passes_than_the_rule_allows_and_none_where_few_fail(tests: Floor) -> None:
    passed(tests, FIRST, [[7, 7], [7, 1]])
    assert effective(tests, "slate/10") == [[7, 1], [1, 1]]
    assert tests.are("S1") == [[4, 2], [2, 2]]
    passed(tests, [[0, 1], [1, 2]])
    assert tests.are("S1") == [[4, 2], [2, 4]]
    with tests.database.reading() as session:
        assert [rung.state for rung in ladder(session, tests.id_of(Lot, "T1"))] == ["done", "done", "waiting"]
    assert tests.problems() == []
