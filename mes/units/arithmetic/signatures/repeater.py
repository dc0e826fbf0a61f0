"""Repeaters: the same position of each shot of a reticle, of a size that is known or that is looked for."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline
from mes.units.arithmetic.signatures.scan import Drawing, Scan
from mes.units.arithmetic.signatures.signature import Kind, Signature

WIDEST_SHOT = 33
"""Positions: a field of 26 × 33 mm with dies of one millimetre."""
LEAST_SHOTS = 3
"""Of which a shot's positions repeat, at least, in x and in y."""


def repeater(counts: Counts, outline: Outline, shot: tuple[int, int] | None = None) -> Signature | None:
    """The position of a shot that stands out most; ``shot`` is its (columns, rows), any from 2 × 2 where unknown."""
    scan = Scan(counts)
    for rows, failed, tested in _by_rows(counts, outline, shot):
        for columns in _periods(outline.across[0], shot[0] if shot else None):

            def drawn(place: int, columns: int = columns, rows: int = rows) -> Drawing:
                y, x = divmod(place, columns)
                where = np.zeros(counts.tested.shape, np.bool_)
                where[y::rows, x::columns] = True
                return where & outline.there, {"x": x, "y": y, "period_x": columns, "period_y": rows}

            scan.offer(_folded(failed.T, columns).T, _folded(tested.T, columns).T, drawn)
    return scan.best(Kind.REPEATER)


def _by_rows(
    counts: Counts, outline: Outline, shot: tuple[int, int] | None
) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.int32]]]:
    """Rows of a shot, with the failures and tests of all shots laid upon each other in y."""
    for rows in _periods(outline.across[1], shot[1] if shot else None):
        yield rows, _folded(counts.failed, rows), _folded(counts.tested, rows)


def _periods(across: int, known: int | None) -> Iterator[int]:
    yield from (known,) if known else range(2, min(WIDEST_SHOT, across // LEAST_SHOTS) + 1)


def _folded(values: NDArray[np.int32], period: int) -> NDArray[np.int32]:
    """The sum of rows that are ``period`` apart."""
    missing = -len(values) % period
    whole = np.concatenate([values, np.zeros((missing, values.shape[1]), values.dtype)]) if missing else values
    folded: NDArray[np.int32] = whole.reshape(-1, period, values.shape[1]).sum(axis=0, dtype=np.int32)
    return folded
