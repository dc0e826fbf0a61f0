"""Wafers with signatures planted on them, as a line would: shares no code with what finds them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZES = (200, 60_000)
YIELDS = (0.70, 0.99)
PLAIN_NATS = 25.0
"""A straight line may lie in half a million ways on a wafer of a thousand dies: that many look as if, by 13 nats."""

Grid = NDArray[np.bool_]


@dataclass(frozen=True)
class Wafer:
    """Where there are dies, where they failed, and where the planted signature lies; of a random one nowhere."""

    there: Grid
    failed: Grid
    planted: Grid
    aspect: float
    """Height of a die over its width."""
    background: float
    """Share that fails elsewhere."""
    extra: float
    """Share that fails in the signature, of those that would not have failed."""

    @property
    def plain(self) -> bool:
        """Whether a person could tell it from chance: what it is expected to tell is `PLAIN_NATS`, or more."""
        return self.nats >= PLAIN_NATS

    @property
    def nats(self) -> float:
        """What the planted dies are expected to tell for their share of failures and against that of the others."""
        inside = self.background + (1 - self.background) * self.extra
        shares = ((inside, self.background), (1 - inside, 1 - self.background))
        return int(self.planted.sum()) * sum(one * math.log(one / other) for one, other in shares if one)


def circle(size: int, aspect: float) -> Grid:
    """A wafer of about so many dies: those that lie within the circle with all their corners."""
    radius = math.sqrt(size * aspect / math.pi) + 0.5
    columns, rows = 2 * math.ceil(radius) + 1, 2 * math.ceil(radius / aspect) + 1
    x = np.abs(np.arange(columns) - columns // 2)[None, :] + 0.5
    y = (np.abs(np.arange(rows) - rows // 2)[:, None] + 0.5) * aspect
    return x * x + y * y <= radius * radius


def wafer(kind: str, chance: np.random.Generator) -> Wafer:
    """One with a signature of a kind, or with none of ``random``."""
    size = math.exp(chance.uniform(math.log(SIZES[0]), math.log(SIZES[1])))
    aspect = chance.uniform(0.7, 1.4)
    there = circle(round(size), aspect)
    background = 1 - chance.uniform(*YIELDS)
    planted, extra = PLANTS[kind](there, aspect, chance)
    share = np.where(planted, background + (1 - background) * extra, background)
    return Wafer(there, there & (chance.random(there.shape) < share), planted & there, aspect, background, extra)


def _places(there: Grid, aspect: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """x and y of each die from the centre, in widths of a die, and the radius of the wafer."""
    rows, columns = there.shape
    y, x = np.mgrid[:rows, :columns].astype(float)
    x, y = x - (columns - 1) / 2, (y - (rows - 1) / 2) * aspect
    return x, y, float(np.hypot(x, y)[there].max())


Plant = tuple[Grid, float]


def _none(there: Grid, aspect: float, chance: np.random.Generator) -> Plant:
    return np.zeros_like(there), 0.0


def _ring(there: Grid, aspect: float, chance: np.random.Generator) -> Plant:
    """One to three dies wide, 20 to 60 % more fail."""
    x, y, radius = _places(there, aspect)
    return there & (np.hypot(x, y) > radius - chance.uniform(1, 3)), chance.uniform(0.2, 0.6)


def _half_moon(there: Grid, aspect: float, chance: np.random.Generator) -> Plant:
    """Beyond a line as far as half the radius from the centre, or a crescent; 20 to 60 % more fail."""
    x, y, radius = _places(there, aspect)
    angle = chance.uniform(0, 2 * math.pi)
    if chance.random() < 0.5:
        where = x * math.cos(angle) + y * math.sin(angle) > radius * chance.uniform(0, 0.5)
    else:
        far = radius * chance.uniform(0.3, 0.8)
        where = np.hypot(x + far * math.cos(angle), y + far * math.sin(angle)) > radius
    return there & where, chance.uniform(0.2, 0.6)


def _cluster(there: Grid, aspect: float, chance: np.random.Generator) -> Plant:
    """An ellipse, three to eight dies in radius and as much as half as long again; 40 to 100 % more fail."""
    x, y, radius = _places(there, aspect)
    far, towards = radius * 0.9 * math.sqrt(chance.random()), chance.uniform(0, 2 * math.pi)
    x, y = x - far * math.cos(towards), y - far * math.sin(towards)
    turn, long = chance.uniform(0, math.pi), chance.uniform(1, 1.5)
    a, b = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    wide = min(chance.uniform(3, 8), radius / 2.5)
    return there & ((a / long) ** 2 + b * b <= wide * wide), chance.uniform(0.4, 1.0)


def _scratch(there: Grid, aspect: float, chance: np.random.Generator) -> Plant:
    """One or two dies wide, at least twenty long or a third of the wafer, slightly bent; 60 to 100 % fail."""
    rows, columns = there.shape
    radius = min(rows, columns) / 2
    long = chance.uniform(min(max(20, 0.6 * radius), 1.5 * radius), 1.8 * radius)
    turn, towards = chance.uniform(0, 2 * math.pi, 2)
    bend = chance.uniform(-0.1, 0.1)
    far = chance.uniform(0, 0.5) * radius if long < 1.4 * radius else chance.uniform(0, 0.2) * radius
    t = np.linspace(-0.5, 0.5, 8 * math.ceil(long))
    off = bend * (0.25 - t * t) * 4 * long * 0.5
    where = np.zeros_like(there)
    for beside in np.linspace(0, chance.integers(0, 2), 3):
        x = columns / 2 + far * math.cos(towards) + t * long * math.cos(turn) - (off + beside) * math.sin(turn)
        y = rows / 2 + far * math.sin(towards) + t * long * math.sin(turn) + (off + beside) * math.cos(turn)
        inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
        where[y[inside].astype(int), x[inside].astype(int)] = True
    return there & where, chance.uniform(0.6, 1.0)


def _repeater(there: Grid, aspect: float, chance: np.random.Generator) -> Plant:
    """One die of each shot of a reticle; 50 to 100 % more of these fail."""
    rows, columns = there.shape
    wide, high = (int(chance.integers(2, min(30, side // 4) + 1)) for side in (columns, rows))
    where = np.zeros_like(there)
    where[int(chance.integers(high)) :: high, int(chance.integers(wide)) :: wide] = True
    return there & where, chance.uniform(0.5, 1.0)


PLANTS = {
    "random": _none,
    "edge_ring": _ring,
    "half_moon": _half_moon,
    "cluster": _cluster,
    "scratch": _scratch,
    "repeater": _repeater,
}
