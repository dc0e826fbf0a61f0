"""What equipment measures of units is kept as the route wants it, and a unit beyond a limit gets the limit's bin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from equipment.interface.messages import Measured
from mes.definitions.models import EquipmentClass, Layout, Product
from mes.genealogy.records import Known, readings
from mes.genealogy.tree import Place
from mes.recipes.models import RecipeVersion
from mes.units.layers import read_layer
from mes.units.models import Layer
from tests.shop import TEST_BINS, Floor, _added, _route

NAN = float("nan")
HEIGHT, SHIFT = "measured:slate/20:height_um", "measured:slate/20:shift_x_um"
BINS = TEST_BINS | {"14": {"name": "SHIFT", "quality": "Fail"}, "15": {"name": "HEIGHT", "quality": "Fail"}}


@pytest.fixture
def slates(floor: Floor) -> Floor:
    """Slates are measured while they are worked on, and measured and judged after it."""
    shift = {"name": "shift_x_um", "unit": "um", "low": -3.0, "high": 3.0, "bin": 14}
    height = {"name": "height_um", "unit": "um", "low": None, "high": 20.0, "bin": 15}
    with floor.database.transaction() as session:
        layout = session.scalars(select(Layout).where(Layout.name == "sites")).one()
        slate = _added(session, Product(name="slate", title="Slate", unit="slate", layout_id=layout.id))
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        step = {"class_id": cell, "recipe_version_id": recipe}
        kept = step | {"kind": "process", "measures": [shift | {"low": None, "high": None, "bin": None}]}
        _route(session, slate, "completed", kept, step | {"kind": "test", "bins": BINS, "measures": [shift, height]})
    floor.arrive("T1", "slate", "S1")
    return floor


def measured(name: str, unit: str, *values: float, x: Any = (0, 1, 0, 1), y: Any = (0, 0, 1, 1)) -> Measured:
    """Of the four units row by row, if not told otherwise."""
    return Measured(name, unit, np.array(x, np.int16), np.array(y, np.int16), np.array(values, np.float64))


def reported(floor: Floor, *found: Measured, bins: Any = None) -> None:
    run = floor.begin("CELL-1", "T1")
    floor.report(run, "S1", bins=bins, measured=found)
    floor.end(run)


def kept(floor: Floor, layer: str) -> list[list[float]]:
    with floor.database.reading() as session:
        values: list[list[float]] = read_layer(session, floor.substrate("S1"), layer, (2, 2))[0].tolist()
        return values


def names(floor: Floor) -> set[str]:
    with floor.database.reading() as session:
        return set(session.scalars(select(Layer.name).where(Layer.encoding == "f8")))


def test_what_is_measured_is_kept_and_judged_by_its_limits(slates: Floor) -> None:
    reported(slates, measured("shift_x_um", "um", 9.0, 9.0, 9.0, 9.0), measured("offset_um", "um", 1.0, 1.0, 1.0, 1.0))
    assert names(slates) == {"measured:slate/10:shift_x_um"}  # what nobody wants is not kept
    bins = [[1, 1], [2, 1]]
    reported(
        slates, measured("shift_x_um", "um", -3.0, 3.5, -7.0, NAN), measured("height_um", "um", 20.1, 21.0, 5.0, 6.0),
        bins=bins,
    )  # fmt: skip
    assert kept(slates, SHIFT) == [[-3.0, 3.5], [-7.0, 0.0]]  # what is no number was not measured
    assert kept(slates, "bin:slate/20") == [[15, 14], [2, 1]]  # the first limit counts, and the equipment's own bin
    assert kept(slates, HEIGHT) == [[20.1, 21.0], [5.0, 6.0]]
    assert slates.ledger("T1") == {"received": 4, "scrapped": 3, "completed": 1}
    assert slates.problems() == []
    place = Place(slates.substrate("S1"), 1, 0)
    with slates.database.reading() as session:
        told = readings(session, [place], {place.substrate_id: Known("S1", "alpha", "T1", rows=2, columns=2)})[place]
    assert [(one.layer, one.value, one.meaning) for one in told if one.layer == SHIFT] == [(SHIFT, 3.5, "um")]


def test_what_is_measured_in_another_unit_or_of_other_positions_is_not_kept(slates: Floor) -> None:
    slates.pass_through("CELL-1", "T1", "S1")
    outside = measured("shift_x_um", "um", 1.0, 9.0, x=(0, 7), y=(0, 1))
    reported(slates, outside, measured("height_um", "mm", *[99.0] * 4), bins=[[1, 1], [1, 1]])
    assert (names(slates), kept(slates, SHIFT)) == ({SHIFT}, [[1.0, 0.0], [0.0, 0.0]])
    assert slates.ledger("T1") == {"received": 4, "completed": 4}
