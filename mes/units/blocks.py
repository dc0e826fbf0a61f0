"""Blocks of panels: positions count over the whole panel, and in which block one lies follows from its layout."""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import Layout
from mes.units.models import Substrate
from mes.units.positions import Mask, Place, Shape


def blocks_of(session: Session, substrate_ids: Iterable[int]) -> dict[int, Shape]:
    """Rows and columns of each block of those of these substrates that are made of blocks, in one query."""
    query = select(Substrate.id, Layout.block_rows, Layout.block_columns)
    query = query.join(Layout, Layout.id == Substrate.layout_id).where(Substrate.id.in_(list(substrate_ids)))
    found = session.execute(query.where(Layout.block_rows.is_not(None)))
    return {i: (rows, columns) for i, rows, columns in found if rows is not None and columns is not None}


def in_block(shape: Shape, block: Shape, at: Place) -> Mask:
    """The positions of the block (x, y), counted from 0 at the top left; none where there is no such block."""
    x, y = at
    where = np.zeros(shape, np.bool_)
    where[y * block[0] : (y + 1) * block[0], x * block[1] : (x + 1) * block[1]] = True
    return where
