"""What every process is given and gives back, and the arithmetic that they share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import (
    NO_BIN,
    PASS_BIN,
    JobOrder,
    JobSubstrate,
    Measured,
    Parameter,
    PositionMap,
    Transfers,
)
from equipment.sim.chance import keyed
from equipment.sim.defects import BIN_OF, TRUE_DEFECTS, Defect, has, name_of
from equipment.sim.recipe import RecipeValues

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Task:
    """One pass over one substrate of a job order."""

    order: JobOrder
    part: JobSubstrate
    maps: Mapping[str, PositionMap]
    recipe: RecipeValues
    figures: Mapping[str, float]
    """The class's and equipment's figures with switched-on faults added."""
    wear: Mapping[str, float]
    """Counters at the begin of the pass, in lives of what wears; absent means new."""
    heads: int
    started_at: datetime
    ended_at: datetime | None
    """None while the pass is only planned."""
    seed: int
    most: int | None = None
    """Positions to work on before breaking off; None: all."""

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Positions of the worked substrate that the order lets it touch."""
        return self.maps[self.part.substrate].allowed

    def uniform(self, purpose: str, visit: int | None = None) -> NDArray[np.float64]:
        """Draws from 0 to 1, one per position; the same for the same purpose whoever asks and whenever."""
        return keyed(self.seed, *self._key(purpose, visit)).random(self.allowed.shape)

    def normal(self, purpose: str) -> NDArray[np.float64]:
        """Standard normal draws, one per position."""
        return keyed(self.seed, *self._key(purpose, None)).standard_normal(self.allowed.shape)

    def one_normal(self, purpose: str) -> float:
        """One standard normal draw for the whole substrate."""
        return float(keyed(self.seed, *self._key(purpose, None)).standard_normal())

    def exponential(self, purpose: str) -> float:
        """One draw of the exponential distribution with mean 1 for the whole substrate."""
        return float(keyed(self.seed, *self._key(purpose, None)).standard_exponential())

    def _key(self, purpose: str, visit: int | None) -> tuple[str, str, int, str, str]:
        return (self.part.lot, self.order.operation, visit or self.part.visit, self.part.substrate, purpose)

    def first(self, positions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The first `most` of the positions, row by row; all of them where `most` is None."""
        if self.most is None:
            return positions
        return positions & (np.cumsum(positions).reshape(positions.shape) <= self.most)


@dataclass(frozen=True)
class Effect:
    """What a pass did; the true states were changed in place, those of the substrates named in ``changed``."""

    touched: NDArray[np.bool_]
    work_s: float
    changed: frozenset[str]
    wear: Mapping[str, float]
    bins: NDArray[np.uint8] | None = None
    transfers: Transfers | None = None
    measured: tuple[Measured, ...] = ()
    parameters: tuple[Parameter, ...] = ()


class Setting(NamedTuple):
    """A set point as it really was, and how far beyond its harmless range."""

    real: float
    off: float
    """Real value minus the best one."""
    margin: float

    def parameters(self, name: str, unit: str, shift: float = 0.0) -> tuple[Parameter, ...]:
        """What to report of it; nothing where neither recipe nor class sets it."""
        return (Parameter(name, round(self.real + shift, 3), unit),) if self.real else ()

    def above(self, shift: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """How far it is above the margin, when shifted by ``shift``; 0 within it."""
        return np.asarray(np.maximum(0.0, self.off + shift - self.margin), np.float64)

    def below(self, shift: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """How far it is below the margin, when shifted by ``shift``; 0 within it."""
        return np.asarray(np.maximum(0.0, -(self.off + shift) - self.margin), np.float64)


def setting(task: Task, quantity: str, unit: str, set_point: float | None) -> Setting:
    """The real value of a quantity with figures ``best_…``, ``…_excess``, ``…_loss`` and ``…_margin``."""
    figures = task.figures
    best = figures[f"best_{quantity}_{unit}"] or set_point or 0.0
    error = figures[f"{quantity}_excess_{unit}"] - figures[f"{quantity}_loss_{unit}"]
    real = (best if set_point is None else set_point) + error
    return Setting(real, real - best, figures[f"{quantity}_margin_{unit}"])


def waited_h(task: Task, cleaned_at: datetime | None) -> float:
    """Hours since cleaning beyond ``queue_free_h``; 0 where nothing has to stay clean."""
    if cleaned_at is None:
        return 0.0
    queue_h = (task.started_at - cleaned_at).total_seconds() / SECONDS_PER_HOUR
    return max(0.0, queue_h - task.figures["queue_free_h"])


def struck(
    task: Task, hazards: Mapping[Defect, NDArray[np.float64]], slot: str = "", visit: int | None = None
) -> NDArray[np.uint32]:
    """The defects that each position would get, by the rates without a cause and the hazards of causes (0 or more).

    Each defect has a draw of its own, so that more hazard adds positions to it and moves no other defect.
    """
    defects = np.zeros(task.allowed.shape, np.uint32)
    for defect in TRUE_DEFECTS:
        name = name_of(defect)
        rate, hazard = task.figures[f"{name}_rate"], np.asarray(hazards.get(defect, 0.0))
        if rate or hazard.any():  # what cannot happen draws nothing; no other draw depends on it
            chance = 1.0 - (1.0 - rate) * np.exp(-hazard)
            defects[task.uniform(name + slot, visit) < chance] |= np.uint32(defect)
    return defects


def seen_bins(task: Task, defects: NDArray[np.uint32], slot: str = "") -> NDArray[np.uint8]:
    """Bin of each position: the code of the lowest defect that is seen, `PASS_BIN` where none is."""
    bins = np.full(defects.shape, NO_BIN, np.uint8)
    for defect in TRUE_DEFECTS:
        if not has(defects, defect).any():
            continue
        detected = task.uniform(f"detect_{name_of(defect)}{slot}") < task.figures[f"detect_{name_of(defect)}"]
        bins[(bins == NO_BIN) & has(defects, defect) & detected] = BIN_OF[defect]
    bins[bins == NO_BIN] = PASS_BIN
    return bins


def worn(wear: Mapping[str, float], name: str, uses: float, life: float) -> dict[str, float]:
    """Counters after ``uses`` more; what has lived its life is replaced by a new one."""
    used = wear.get(name, 0.0) + uses / life
    return dict(wear) | {name: used if used < 1.0 else 0.0}


def outwards(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """0 in the centre of a substrate, growing with the square of the distance to 1 at the middle of its edges."""
    y, x = from_centre(shape)
    return np.minimum(1.0, y**2 + x**2)


def from_centre(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each row and column is from the centre, -1 to 1 from the first to the last: rows x 1 and 1 x columns."""
    y, x = (np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1) for size in shape)
    return y[:, None], x[None, :]
