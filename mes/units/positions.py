"""Positions of a substrate as numpy arrays: masks packed to bits, dispositions as bytes."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import Layout
from mes.errors import Malformed
from mes.units.models import Substrate
from mes.units.states import Disposition

Mask = NDArray[np.bool_]
"""Bool array, rows by columns."""

Shape = tuple[int, int]
"""(rows, columns)."""

Place = tuple[int, int]
"""(x, y) of a position, from 0 at the top left."""


def pack(mask: Mask) -> bytes:
    """A mask as bytes, one bit a position, row by row."""
    return np.packbits(mask).tobytes()


def unpack(packed: bytes, shape: Shape) -> Mask:
    """The mask of that shape back from its bytes."""
    rows, columns = shape
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=rows * columns)
    return bits.astype(np.bool_).reshape(shape)


def shapes(session: Session, substrates: Iterable[Substrate]) -> dict[int, Shape]:
    """Rows and columns of substrates, by substrate id, in one query."""
    of = {s.id: s.layout_id for s in substrates}
    query = select(Layout.id, Layout.rows, Layout.columns).where(Layout.id.in_(set(of.values())))
    shape_of = {row.id: (row.rows, row.columns) for row in session.execute(query)}
    return {substrate_id: shape_of[layout_id] for substrate_id, layout_id in of.items()}


class Positions:
    """The dispositions of one locked substrate. `save` writes them back; `counts` says what changed."""

    def __init__(self, substrate: Substrate, shape: Shape) -> None:
        self.substrate = substrate
        self.shape = shape
        self.before: NDArray[np.uint8] = np.frombuffer(substrate.dispositions, np.uint8).reshape(shape)
        """As it was when the substrate was locked."""
        self.now: NDArray[np.uint8] = self.before.copy()

    def are(self, *dispositions: Disposition) -> Mask:
        """Where the position has one of these dispositions."""
        return np.isin(self.now, [int(d) for d in dispositions])

    def nowhere(self) -> Mask:
        """No position at all."""
        return np.zeros(self.shape, np.bool_)

    def became(self, *dispositions: Disposition) -> Mask:
        """Where the position has one of these now and had none of them when the substrate was locked."""
        wanted = [int(d) for d in dispositions]
        return np.isin(self.now, wanted) & ~np.isin(self.before, wanted)

    def inside(self, x: NDArray[np.int16], y: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which of these coordinates lie on the substrate."""
        rows, columns = self.shape
        return (x >= 0) & (y >= 0) & (x < columns) & (y < rows)

    def mask(self, x: NDArray[np.int16], y: NDArray[np.int16], which: NDArray[np.bool_]) -> Mask:
        """The positions at those of these coordinates for which ``which`` holds; what lies outside is left out."""
        where, chosen = self.nowhere(), which & self.inside(x, y)
        where[y[chosen], x[chosen]] = True
        return where

    def mark(self, where: Mask, disposition: Disposition) -> None:
        """Give these positions a disposition."""
        self.now[where] = disposition

    def count(self, disposition: Disposition) -> int:
        """How many positions have it now."""
        return int((self.now == disposition).sum())

    def moved(self) -> dict[Disposition, int]:
        """By disposition: how many more positions have it than when the substrate was locked."""
        size = len(Disposition)
        difference = np.bincount(self.now.ravel(), minlength=size) - np.bincount(self.before.ravel(), minlength=size)
        return {d: int(difference[d]) for d in Disposition if difference[d]}

    def save(self) -> bool:
        """Write the dispositions back to the row; False where nothing changed."""
        if np.array_equal(self.before, self.now):
            return False
        self.substrate.dispositions = self.now.tobytes()
        return True


def opened(session: Session, substrates: Iterable[Substrate]) -> dict[int, Positions]:
    """`Positions` of locked substrates, by id."""
    listed = list(substrates)
    shape_of = shapes(session, listed)
    return {s.id: Positions(s, shape_of[s.id]) for s in listed}


def where_named(at: Positions, where: Sequence[Place]) -> Mask:
    """The positions that are named. Raises `Malformed` where none is, or one lies outside."""
    if not where:
        raise Malformed("Name at least one position (x, y).")
    mask, (rows, columns) = at.nowhere(), at.shape
    for x, y in where:
        if not (0 <= x < columns and 0 <= y < rows):
            raise Malformed(f"Position ({x}, {y}) is outside; x goes to {columns - 1} and y to {rows - 1}.")
        mask[y, x] = True
    return mask
