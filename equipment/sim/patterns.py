"""What makes dies fail on a wafer, each cause with the shape that a yield engineer knows it by.

Pure functions of a generator and a dose, returning bool arrays rows x columns, row 0 at the top. Each draws the
same amounts whatever the dose, and a larger dose only adds failures.
"""

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.bool_]
MOST = 12
"""Clusters or scratches of one wafer are at most this many."""
EDGE_BEGINS = 0.82
"""Radius, as part of the wafer's, where edge loss begins."""


def radius(rows: int, columns: int) -> NDArray[np.float64]:
    """Distance of each position's centre from the wafer's, 1 at the rim: the grid just covers the wafer."""
    x, y = _centres(columns), _centres(rows)
    return np.hypot(x[np.newaxis, :], y[:, np.newaxis])


def on_wafer(rows: int, columns: int) -> Positions:
    """The positions whose centre lies on a round wafer."""
    return radius(rows, columns) <= 1.0


def edge_loss(chance: np.random.Generator, rows: int, columns: int, dose: float) -> Positions:
    """Failures that grow from nothing at `EDGE_BEGINS` to the probability `dose` at the rim."""
    depth = np.clip((radius(rows, columns) - EDGE_BEGINS) / (1.0 - EDGE_BEGINS), 0.0, 1.0)
    return chance.random((rows, columns)) < dose * depth


def clusters(chance: np.random.Generator, rows: int, columns: int, dose: float) -> Positions:
    """Round clouds of failures, `dose` of them on the average wafer: contamination, dense inside, thin outside."""
    failed = np.zeros((rows, columns), np.bool_)
    x, y = _centres(columns)[np.newaxis, :], _centres(rows)[:, np.newaxis]
    present = chance.random(MOST) < dose / MOST
    distances, angles = np.sqrt(chance.random(MOST)), chance.uniform(0, 2 * np.pi, MOST)
    sizes = chance.uniform(0.06, 0.16, MOST)
    for i in range(MOST):
        draws = chance.random((rows, columns))
        if present[i]:
            away = np.hypot(x - distances[i] * np.cos(angles[i]), y - distances[i] * np.sin(angles[i]))
            failed |= draws < 0.9 * np.exp(-((away / sizes[i]) ** 2))
    return failed


def scratches(chance: np.random.Generator, rows: int, columns: int, dose: float) -> Positions:
    """Thin, slightly bent lines of failures, `dose` of them on the average wafer: handling."""
    failed = np.zeros((rows, columns), np.bool_)
    present = chance.random(MOST) < dose / MOST
    starts = np.sqrt(chance.random(MOST)) * 0.8
    angles, headings = chance.uniform(0, 2 * np.pi, (2, MOST))
    lengths, bends = chance.uniform(0.3, 0.9, MOST), chance.uniform(-1.0, 1.0, MOST)
    along = np.linspace(0.0, 1.0, 4 * max(rows, columns))
    for i in np.flatnonzero(present):
        heading = headings[i] + bends[i] * along
        step = lengths[i] / len(along)
        x = starts[i] * np.cos(angles[i]) + np.cumsum(np.cos(heading)) * step
        y = starts[i] * np.sin(angles[i]) + np.cumsum(np.sin(heading)) * step
        column, row = np.floor((x + 1) / 2 * columns).astype(int), np.floor((y + 1) / 2 * rows).astype(int)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        failed[row[inside], column[inside]] = True
    return failed


def scattered(chance: np.random.Generator, rows: int, columns: int, dose: float) -> Positions:
    """Failures anywhere with the probability `dose`: random defects."""
    return chance.random((rows, columns)) < dose


def _centres(count: int) -> NDArray[np.float64]:
    """Centres of `count` equal cells between -1 and 1."""
    return (2.0 * np.arange(count) + 1.0) / count - 1.0
