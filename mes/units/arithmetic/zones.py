"""Zones of a substrate, and what was good in each of how many that were tested."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline
from mes.units.blocks import in_block
from mes.units.positions import Mask, Shape

RINGS = ("edge", "middle", "centre")
QUADRANTS = ("upper_left", "upper_right", "lower_left", "lower_right")
CENTRE = 1 / 3
"""Radius of the centre, of that of the substrate."""


@dataclass(frozen=True)
class Zone:
    """Positions with a name; those of one ``kind`` share the substrate between them."""

    kind: str
    name: str
    where: Mask


@dataclass(frozen=True)
class ZoneYield:
    """``good`` of ``tested`` in a zone; no yield where nothing was tested."""

    kind: str
    zone: str
    good: int
    tested: int

    @property
    def share(self) -> float | None:
        """Good of tested."""
        return self.good / self.tested if self.tested else None


def ring_zones(outline: Outline, edge_um: float | None = None) -> Iterator[Zone]:
    """The edge, ``edge_um`` wide or else one position, the centre, and what is between them."""
    edge = outline.there & (outline.depth(1) == 1 if edge_um is None else outline.edge_um <= edge_um)
    centre = outline.there & (outline.radius <= CENTRE) & ~edge
    for name, where in zip(RINGS, (edge, outline.there & ~edge & ~centre, centre), strict=True):
        yield Zone("ring", name, where)


def quadrants(outline: Outline) -> Iterator[Zone]:
    """Four quarters; the middle column is on the right, the middle row below."""
    upper, left = outline.v < 0, outline.u < 0
    for name, where in zip(QUADRANTS, (upper & left, upper & ~left, ~upper & left, ~upper & ~left), strict=True):
        yield Zone("quadrant", name, outline.there & where)


def shot_zones(outline: Outline, columns: int, rows: int) -> Iterator[Zone]:
    """Each position of a shot, over all shots; the first begins at the top left of the grid."""
    for y in range(rows):
        for x in range(columns):
            where = np.zeros(outline.there.shape, np.bool_)
            where[y::rows, x::columns] = True
            yield Zone("shot", f"{x},{y}", where & outline.there)


def block_zones(outline: Outline, block: Shape) -> Iterator[Zone]:
    """Each block of a panel, x,y from 0 at the top left; ``block``: rows and columns of one."""
    shape = outline.there.shape
    for y in range(shape[0] // block[0]):
        for x in range(shape[1] // block[1]):
            yield Zone("block", f"{x},{y}", in_block((shape[0], shape[1]), block, (x, y)) & outline.there)


def by_zone(counts: Counts, zones: Iterator[Zone]) -> list[ZoneYield]:
    """The yield of each zone."""
    told = []
    for zone in zones:
        tested = int(counts.tested[zone.where].sum())
        told.append(ZoneYield(zone.kind, zone.name, tested - int(counts.failed[zone.where].sum()), tested))
    return told
