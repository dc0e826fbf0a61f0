"""Bad sites get dummies before good ones get dies, and a stack that has failed grows no further."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select

from mes.definitions.models import AttachSite, EquipmentClass, Layout, Product
from mes.recipes.models import RecipeVersion
from mes.units.models import Occupancy
from mes.units.positions import unpack
from mes.units.states import Disposition
from tests.shop import PLACED, TEST_BINS, Floor, Move, _added, _route

BAD = Disposition.REJECTED.value
BINS = {"2": TEST_BINS["2"]}


@pytest.fixture
def carriers(floor: Floor) -> Floor:
    """Towers of two levels: dummies (caps) where a site is bad, a die, a test, another die."""
    with floor.database.transaction() as session:
        sites = session.scalars(select(Layout).where(Layout.name == "sites")).one()
        die, cap = (session.scalars(select(Product.id).where(Product.name == name)).one() for name in ("die", "cap"))
        tower = _added(session, Product(name="tower", title="Tower", unit="tower", layout_id=sites.id))
        attach = {"product_id": tower.id, "site": 1, "die_product_id": die, "height_um": 50.0}
        session.add_all([AttachSite(level=1, dummy_product_id=cap, **attach), AttachSite(level=2, **attach)])
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        step = {"class_id": cell, "recipe_version_id": recipe, "bins": BINS}
        first, second = (step | {"kind": "assemble", "fills": [[1, level]]} for level in (1, 2))
        test = step | {"kind": "test"}
        _route(session, tower, "completed", test, first | {"dummies": True}, first, test, second)
    floor.stock("C1", "cap", "C1")
    floor.stock("D1", "die", "D1")
    floor.arrive("T1", "tower", "S1")
    return floor


def onto(source: str, level: int, *places: tuple[int, int], first: int = 0) -> list[Move]:
    """Units of a source, from the ``first`` on, onto these positions."""
    return [(source, n % 4, n // 4, "S1", x, y, 1, level, 0, PLACED) for n, (x, y) in enumerate(places, first)]


def judged(floor: Floor, bins: list[list[int]]) -> None:
    run = floor.begin("CELL-1", "T1")
    floor.report(run, "S1", bins=bins)
    floor.end(run)


def filled(floor: Floor) -> dict[int, list[list[bool]]]:
    """By level, which positions have something."""
    with floor.database.reading() as session:
        rows = session.scalars(select(Occupancy).where(Occupancy.substrate_id == floor.substrate("S1")))
        return {row.level: unpack(row.positions, (2, 2)).tolist() for row in rows}


def test_dummies_go_on_bad_sites_and_dies_on_good_ones(carriers: Floor) -> None:
    judged(carriers, [[1, 2], [1, 1]])
    run = carriers.begin("CELL-1", "T1", sources=["C1"])
    assert carriers.asked(run, "S1").tolist() == [[False, True], [False, False]]
    carriers.report(run, "S1", moves=onto("C1", 1, (1, 0)), bins=[[0, 1], [0, 0]])
    carriers.end(run)
    work = carriers.work(run, "S1")
    assert (work.work, work.units_in, work.units_good, carriers.holds("T1")) == ("done", 0, 0, [])
    assert carriers.ledger("C1") == {"received": 12, "completed": 11, "consumed": 1}
    run = carriers.begin("CELL-1", "T1", sources=["D1"])
    good = [(0, 0), (0, 1), (1, 1)]
    assert [(int(x), int(y)) for y, x in np.argwhere(carriers.asked(run, "S1"))] == good
    carriers.report(run, "S1", moves=onto("D1", 1, *good), bins=[[1, 0], [1, 1]])
    carriers.end(run)
    assert filled(carriers) == {1: [[True, True], [True, True]]}
    assert carriers.ledger("T1") == {"received": 4, "in_process": 3, "scrapped": 1}
    assert carriers.problems() == []


def test_a_failed_stack_grows_no_further(carriers: Floor) -> None:
    judged(carriers, [[1, 1], [1, 1]])
    run = carriers.begin("CELL-1", "T1", sources=["C1"])
    assert not carriers.asked(run, "S1").any()  # no site is bad: the carrier passes
    carriers.report(run, "S1")
    carriers.end(run)
    every = [(0, 0), (1, 0), (0, 1), (1, 1)]
    run = carriers.begin("CELL-1", "T1", sources=["D1"])
    carriers.report(run, "S1", moves=onto("D1", 1, *every), bins=[[1] * 2] * 2)
    carriers.end(run)
    judged(carriers, [[1, 2], [1, 1]])
    run = carriers.begin("CELL-1", "T1", sources=["D1"])
    assert not carriers.asked(run, "S1")[0, 1]
    carriers.report(run, "S1", moves=onto("D1", 2, *every, first=4), bins=[[1] * 2] * 2)  # it does so all the same
    (hold,) = carriers.holds("T1")
    assert hold.code == "exception" and "1 x target_not_asked" in hold.comment
    assert carriers.are("S1")[0][1] == BAD
    assert filled(carriers)[2] == [[True, True], [True, True]]
    assert carriers.problems() == []
