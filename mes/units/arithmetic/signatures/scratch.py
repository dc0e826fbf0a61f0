"""Scratches: straight pieces at any angle, a few positions wide.

All digital lines of lengths 8, 16, 32 … are summed by halves, each from two of half the length (the discrete Radon
transform of M. L. Brady, SIAM Journal on Computing 27, 1998, 107-119), and those of 12, 24, 48 … of three halves. A
line of slope s goes s columns to the right on its way down; turned and mirrored maps give the others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline
from mes.units.arithmetic.signatures.scan import Drawing, Scan
from mes.units.arithmetic.signatures.signature import Kind, Signature
from mes.units.positions import Mask

SHORTEST, LONGEST = 8, 128
"""Positions of a piece along the side that it follows more closely."""
WIDEST = 3
Array = NDArray[np.integer]
Cell = TypeVar("Cell", bound=np.generic)


@dataclass(frozen=True)
class Way:
    """How lines go that are summed: downwards to the right, no flatter than a half, on a map turned or mirrored."""

    turned: bool
    mirrored: bool

    def laid(self, values: NDArray[Cell]) -> NDArray[Cell]:
        """The map as the lines go that way; a view of it."""
        across = values.T if self.turned else values
        return across[:, ::-1] if self.mirrored else across

    def angle(self, slope: float) -> int:
        """Of a line that goes that many columns to the right in a row: degrees from downwards towards the right."""
        angle = math.degrees(math.atan(-slope if self.mirrored else slope))
        return round(90 - angle if self.turned else angle)


def scratch(counts: Counts, outline: Outline) -> Signature | None:
    """The piece of a line that stands out most."""
    scan = Scan(counts)
    for way in (Way(turned, mirrored) for turned in (False, True) for mirrored in (False, True)):
        laid = (_lines(way.laid(values)) for values in (counts.failed, counts.tested))
        for (length, failed), (_, tested) in zip(*laid, strict=True):
            for width in range(1, WIDEST + 1):
                drawn = partial(_drawn, outline.there, way, length, failed.shape, width)
                scan.offer(_wide(failed, width), _wide(tested, width), drawn)
    return scan.best(Kind.SCRATCH)


def _lines(values: Array) -> Iterator[tuple[int, Array]]:
    """Lengths, and sums of lines so long: by where they begin, half as many rows apart as slopes, slope and column."""
    height, width = values.shape
    longest = min(LONGEST, 2 ** (height.bit_length() - 1))
    small = WIDEST * 2 * longest * int(values.max(initial=0)) < np.iinfo(np.int16).max
    rows = np.zeros((height + -height % longest, 1, width), np.int16 if small else np.int32)
    rows[:height, 0] = values
    while rows.shape[1] < longest:
        longer = _longer(rows)
        if longer.shape[1] >= SHORTEST:
            yield longer.shape[1], longer
            yield longer.shape[1] * 3 // 2, _longer_by_half(longer, rows)
        rows = longer[::2]


def _longer(halves: Array) -> Array:
    """Lines of twice the length: two of slope s, the second begun as far to the right, have slope 2 s or 2 s + 1."""
    both = np.repeat(halves[:-1], 2, axis=1)
    for slope in range(both.shape[1]):
        _add(both[:, slope], halves[1:, slope // 2], _half(slope))
    return both


def _longer_by_half(lines: Array, halves: Array) -> Array:
    """Lines with half a line more at their ends."""
    slopes = lines.shape[1]
    more = lines[:-1].copy()
    for slope in range(slopes):
        _add(more[:, slope], halves[2:, slope // 2], _whole(slope, slopes))
    return more


def _half(slope: int) -> int:
    """How far to the right the second half of a line begins."""
    return (slope + 1) // 2


def _whole(slope: int, length: int) -> int:
    """How far to the right a line goes on."""
    return slope + (2 * slope >= length)


def _add(to: Array, lines: Array, right: int) -> None:
    """Add lines to those that begin so far to the left of them; nothing is beyond the grid."""
    if right < to.shape[1]:
        to[:, : to.shape[1] - right] += lines[:, right:]


def _wide(lines: Array, width: int) -> Array:
    """Lines so many positions wide: each with those that begin at its right."""
    columns = lines.shape[2] - width + 1
    wide = lines[:, :, :columns].copy()
    for n in range(1, width):
        wide += lines[:, :, n : n + columns]
    return wide


def _drawn(there: Mask, way: Way, length: int, lines: tuple[int, ...], width: int, place: int) -> Drawing:
    """The positions of one of so many lines by beginning, slope and column."""
    begins, slopes, columns = lines
    begin, slope, x = (int(n) for n in np.unravel_index(place, (begins, slopes, columns - width + 1)))
    where = np.zeros(there.shape, np.bool_)
    laid = way.laid(where)
    first = begin * slopes // 2
    for row in range(min(length, laid.shape[0] - first)):
        left = x + _right(row, slope, slopes)
        laid[first + row, left : left + width] = True
    y, x = (int(middle) for middle in np.argwhere(where).mean(axis=0))
    angle = way.angle(slope / (slopes - 1))
    return where & there, {"x": x, "y": y, "width": width, "length": length, "angle": angle}


def _right(row: int, slope: int, slopes: int) -> int:
    """How far to the right of its beginning a line is in one of its rows."""
    if row >= slopes:
        return _whole(slope, slopes) + _right(row - slopes, slope // 2, slopes // 2)
    if slopes == 1:
        return 0
    half = slopes // 2
    return _right(row, slope // 2, half) if row < half else _half(slope) + _right(row - half, slope // 2, half)
