"""Where a position lies on its substrate: from the centre, and from the edge."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mes.units.positions import Mask, Shape


@dataclass(frozen=True)
class Outline:
    """The positions of a substrate that may hold a unit, with their pitch (x, y); ``is_round`` of a wafer."""

    there: Mask
    pitch_um: tuple[float, float]
    is_round: bool

    @classmethod
    def around(cls, units: Mask, pitch_um: tuple[float, float], *, round_: bool) -> "Outline":
        """Of these units, with what is missing between them in a row or in a column."""
        between = np.zeros(units.shape, np.bool_)
        for axis in (0, 1):
            before = np.logical_or.accumulate(units, axis=axis)
            after = np.flip(np.logical_or.accumulate(np.flip(units, axis), axis=axis), axis)
            between |= before & after
        return cls(between, pitch_um, round_)

    @cached_property
    def _ends(self) -> tuple[int, int, int, int]:
        """The outermost columns and rows, left, right, top, bottom."""
        columns, rows = np.flatnonzero(self.there.any(axis=0)), np.flatnonzero(self.there.any(axis=1))
        if not columns.size:
            return 0, self.there.shape[1] - 1, 0, self.there.shape[0] - 1
        return int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])

    @property
    def across(self) -> tuple[int, int]:
        """Positions from one edge to the other, in x and in y."""
        left, right, top, bottom = self._ends
        return right - left + 1, bottom - top + 1

    @cached_property
    def u(self) -> NDArray[np.float32]:
        """How far to the right of the centre, in halves of the width, rows by columns."""
        left, right, _, _ = self._ends
        x = (2 * np.arange(self.there.shape[1]) - left - right) / self.across[0]
        return np.broadcast_to(x.astype(np.float32), self.there.shape)

    @cached_property
    def v(self) -> NDArray[np.float32]:
        """How far below the centre, in halves of the height, rows by columns."""
        _, _, top, bottom = self._ends
        y = (2 * np.arange(self.there.shape[0]) - top - bottom) / self.across[1]
        return np.broadcast_to(y.astype(np.float32)[:, None], self.there.shape)

    @cached_property
    def radius(self) -> NDArray[np.float32]:
        """How far from the centre, 1 at the edge: of what is not round, along the nearer pair of sides."""
        radius: NDArray[np.float32] = (
            np.hypot(self.u, self.v) if self.is_round else np.maximum(abs(self.u), abs(self.v))
        )
        return radius

    @cached_property
    def edge_um(self) -> NDArray[np.float64]:
        """How far the centre of each position is from the edge; of a wafer from the circle around its positions."""
        half_x, half_y = (n * pitch / 2 for n, pitch in zip(self.across, self.pitch_um, strict=True))
        x, y = half_x * self.u.astype(float), half_y * self.v.astype(float)
        inside = max(half_x, half_y) - np.hypot(x, y) if self.is_round else np.minimum(half_x - abs(x), half_y - abs(y))
        return np.asarray(inside)

    def depth(self, most: int) -> NDArray[np.uint8]:
        """1 for positions beside which one is missing, 2 for those beside these, and so on; ``most`` + 1 inside."""
        depth = np.full(self.there.shape, most + 1, np.uint8)
        left = self.there
        for n in range(1, most + 1):
            inside = left & ~grown(~left, 1, corners=False)
            inside &= _inner(left.shape)
            depth[left & ~inside] = n
            left = inside
        return depth


def _inner(shape: Shape) -> Mask:
    """All but the outermost rows and columns."""
    inner = np.zeros(shape, np.bool_)
    inner[1:-1, 1:-1] = True
    return inner


def grown(mask: Mask, steps: int, *, corners: bool = True) -> Mask:
    """A mask with the positions beside its own, so many steps out; with ``corners``, those diagonally beside, too."""
    for _ in range(steps):
        across = mask.copy()
        across[:, 1:] |= mask[:, :-1]
        across[:, :-1] |= mask[:, 1:]
        down = across if corners else mask
        across[1:] |= down[:-1]
        across[:-1] |= down[1:]
        mask = across
    return mask
