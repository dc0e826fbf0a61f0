"""Clusters: discs anywhere, of several sizes."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline
from mes.units.arithmetic.signatures.scan import Drawing, Scan
from mes.units.arithmetic.signatures.signature import Kind, Signature
from mes.units.positions import Mask, Shape

RADII = (1.5, 2.3, 3.2, 4.3, 5.6, 7.3, 9.5, 12.4)
"""In positions; the largest finds larger ones, too."""


def cluster(counts: Counts, outline: Outline) -> Signature | None:
    """The disc that stands out most, round as the substrate lies."""
    scan = Scan(counts)
    aspect = outline.pitch_um[0] / outline.pitch_um[1]
    for radius in RADII:
        if 2 * radius > max(outline.across) * 0.6:
            break

        def drawn(place: int, radius: float = radius) -> Drawing:
            y, x = divmod(place, counts.tested.shape[1])
            return disc(counts.tested.shape, x, y, radius, aspect), {"x": x, "y": y, "radius": radius}

        rows = list(_rows(radius, aspect))
        scan.offer(_sums(counts.failed, rows), _sums(counts.tested, rows), drawn)
    return scan.best(Kind.CLUSTER)


def disc(shape: Shape, x: int, y: int, radius: float, aspect: float) -> Mask:
    """The positions at most ``radius`` columns from one; ``aspect`` is how many rows are as far as a column."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    found: Mask = (columns - x) ** 2 + ((rows - y) / aspect) ** 2 <= radius**2
    return found


def _rows(radius: float, aspect: float) -> Iterator[tuple[int, int]]:
    """The rows of a disc from its centre, and how many positions each reaches to either side."""
    high = math.floor(radius * aspect)
    for row in range(-high, high + 1):
        yield row, math.floor(math.sqrt(radius**2 - (row / aspect) ** 2))


def _sums(values: NDArray[np.int32], rows: list[tuple[int, int]]) -> NDArray[np.int32]:
    """The sum over a disc around each position; nothing is beyond the grid."""
    high, wide = max(row for row, _ in rows), max(reach for _, reach in rows)
    height, width = values.shape
    running = np.cumsum(np.pad(values, ((high, high), (wide + 1, wide))), axis=1, dtype=np.int32)
    sums = np.zeros(values.shape, np.int32)
    for row, reach in rows:
        lines = running[high + row : high + row + height]
        sums += lines[:, wide + 1 + reach : wide + 1 + reach + width]
        sums -= lines[:, wide - reach : wide - reach + width]
    return sums
