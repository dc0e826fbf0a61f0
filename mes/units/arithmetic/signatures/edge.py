"""Signatures that lie along the edge: all around it, or on one side."""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline
from mes.units.arithmetic.signatures.scan import Drawing, Scan
from mes.units.arithmetic.signatures.signature import Kind, Signature
from mes.units.positions import Mask

INNER = np.linspace(0.6, 1.0, 20, endpoint=False)
"""Inner radii of rings that are tried."""
PEELS = 4
"""Widths in whole positions that are tried beside them."""
ANGLES = 36
STEP = 0.05
CUTS = np.arange(-0.1, 0.85, STEP)
"""How far the straight side of a half-moon is from the centre, in radii."""
SHIFTS = np.arange(-1.0, -0.05, STEP)
"""How far the circle has moved that leaves a crescent, in radii, downwards from none."""


def edge_ring(counts: Counts, outline: Outline) -> Signature | None:
    """The outer ring of the width that stands out most."""
    scan = Scan(counts)
    peeled = outline.depth(PEELS)
    rings = [*(outline.radius >= inner for inner in INNER), *(peeled <= n for n in range(1, PEELS + 1))]

    def drawn(place: int) -> Drawing:
        across = max(outline.across)
        width = across * (1 - INNER[place]) / 2 if place < len(INNER) else place - len(INNER) + 1
        return rings[place] & outline.there, {"width": round(float(width), 1)}

    failed, tested = (np.array([values[ring].sum() for ring in rings]) for values in (counts.failed, counts.tested))
    scan.offer(failed, tested, drawn)
    return scan.best(Kind.EDGE_RING)


def half_moon(counts: Counts, outline: Outline) -> Signature | None:
    """What lies beyond a straight line, or beyond a circle of the wafer's size that has moved, at any angle."""
    scan = Scan(counts)
    told = counts.tested > 0
    failed, tested, u, v = counts.failed[told], counts.tested[told], outline.u[told], outline.v[told]
    inside = 1 - u * u - v * v
    for n in range(ANGLES):
        angle = n * 2 * math.pi / ANGLES
        along = u * np.float32(math.cos(angle)) + v * np.float32(math.sin(angle))
        # |p + s a| > 1 where s > sqrt((p·a)² + 1 - p²) - p·a: so far has a circle moved that passes p
        for values, cuts in ((along, CUTS), (along - np.sqrt(np.maximum(along * along + inside, 0)), SHIFTS)):
            passed = _passed(values, cuts)
            drawn = partial(_drawn, told, passed, angle)
            scan.offer(_beyond(passed, len(cuts), failed), _beyond(passed, len(cuts), tested), drawn)
    return scan.best(Kind.HALF_MOON)


def _passed(values: NDArray[np.float32], cuts: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many of the cuts each value is beyond; they are ``STEP`` apart."""
    steps = np.ceil((values - np.float32(cuts[0])) * np.float32(1 / STEP))
    passed: NDArray[np.intp] = np.clip(steps, 0, len(cuts)).astype(np.intp)
    return passed


def _beyond(passed: NDArray[np.intp], cuts: int, counted: NDArray[np.int32]) -> NDArray[np.int64]:
    """The sum of what lies beyond each cut."""
    by_cut = np.bincount(passed, counted, minlength=cuts + 1)
    return by_cut[::-1].cumsum()[::-1][1:].astype(np.int64)


def _drawn(told: Mask, passed: NDArray[np.intp], angle: float, place: int) -> Drawing:
    where = np.zeros(told.shape, np.bool_)
    where[told] = passed > place
    return where, {"angle": round(math.degrees(angle))}
