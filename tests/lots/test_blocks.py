"""Panels made of blocks: positions count over the whole, a block follows from them, and files nest the grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import update

from mes.definitions.models import Layout
from mes.errors import Malformed
from mes.lots.analysis.figures import zone_yields
from mes.lots.analysis.stack import of_substrate
from mes.lots.holds.hold import hold
from mes.lots.holds.masks import Units, masked
from mes.lots.maps.map_file import exported
from mes.units.formats.e142 import read_e142
from mes.units.formats.e142_write import write_e142
from mes.units.formats.mapfile import BinCodes
from tests.shop import Floor, mapped

CODES = [[1, 9, 1, 1], [1, 1, 1, 1], [1, 1, 0, 9]]
"""Of three blocks down and two across, each one row of two positions."""


@pytest.fixture
def panel(floor: Floor) -> int:
    """The lot of one panel."""
    with floor.database.transaction() as session:
        session.execute(update(Layout).where(Layout.name == "dies").values(block_rows=1, block_columns=2))
    return floor.arrive("D1", "die", mapped("P1", CODES))


def test_a_file_of_a_panel_nests_its_grids_and_is_read_as_the_same(floor: Floor, panel: int) -> None:
    with floor.database.reading() as session:
        out = exported(session, floor.substrate("P1"), "bin:incoming")
    top, block = out.layouts
    assert (top.columns, top.rows, top.pitch_um, top.children) == (2, 3, (2.0, 1.0), ("dies block",))
    assert (block.columns, block.rows, block.pitch_um, block.top_level) == (2, 1, (1.0, 1.0), False)
    again = read_e142(write_e142(out))
    assert (again.layouts, again.discrepancies) == (out.layouts, ())
    (came,) = again.substrates
    (bins,) = (one for one in came.overlays if isinstance(one, BinCodes))
    assert (came.layout, bins.codes.tolist()) == ("dies/dies block", CODES)
    floor.arrive("D2", "die", replace(mapped("P2", CODES), map=replace(came, id="P2")))  # nested files come in, too
    assert floor.are("P2") == floor.are("P1")


def test_good_units_are_counted_by_block(floor: Floor, panel: int) -> None:
    with floor.database.reading() as session:
        told = zone_yields(of_substrate(session, floor.substrate("P1"), "bin:incoming"))
    assert [(one.zone, one.good, one.tested) for one in told if one.kind == "block"] == [
        ("0,0", 1, 2), ("1,0", 2, 2), ("0,1", 2, 2), ("1,1", 2, 2), ("0,2", 2, 2), ("1,2", 0, 1),
    ]  # fmt: skip


def test_a_hold_masks_a_block(floor: Floor, panel: int) -> None:
    def mask(*at: int) -> None:
        with floor.database.transaction() as session:
            hold(
                session, panel, "dust", "seen", "line_engineer", floor.act(), units=[Units("P1", block=(at[0], at[1]))]
            )

    mask(0, 1)
    with floor.database.reading() as session:
        (where,) = masked(session, {floor.substrate("P1"): (3, 4)}).values()
    assert [(int(x), int(y)) for y, x in np.argwhere(where)] == [(0, 1), (1, 1)]
    with pytest.raises(Malformed, match="No unit that is there is meant"):
        mask(2, 0)
