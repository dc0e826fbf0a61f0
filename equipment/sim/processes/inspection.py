"""Inspection: sees true defects or overlooks them, calls good units bad, and measures what is there with an error."""

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import NO_BIN, PASS_BIN, Measured
from equipment.sim.defects import BIN_OF, Defect
from equipment.sim.processes.task import Effect, Task, seen_bins
from equipment.sim.world import SHIFT_X, SHIFT_Y, UNIT_OF, SubstrateTruth, Truths


def look(task: Task, truths: Truths) -> Effect:
    """Look at the units of one substrate and change nothing of them. Each visit sees and measures anew."""
    figures, truth = task.figures, truths[task.part.substrate]
    touched = task.first(task.allowed & truth.present)
    unit_s = task.recipe.value("unit_time", "s") or figures["unit_s"]
    return Effect(
        touched,
        figures["load_s"] + int(np.count_nonzero(touched)) * unit_s / task.heads,
        frozenset(),
        task.wear,
        bins=None if task.recipe.value("measure_only", "1") else _bins(task, truth, touched),
        measured=_measured(task, truth, touched),
    )


def _bins(task: Task, truth: SubstrateTruth, touched: NDArray[np.bool_]) -> NDArray[np.uint8]:
    bins = seen_bins(task, truth.defects)
    false_call = task.uniform("false_call") < task.figures["false_call_rate"]
    bins[(bins == PASS_BIN) & false_call] = BIN_OF[Defect.VISUAL]
    bins[~touched] = NO_BIN
    return bins


def _measured(task: Task, truth: SubstrateTruth, touched: NDArray[np.bool_]) -> tuple[Measured, ...]:
    """Everything that can be measured of the units, each value by itself, with the repeatability of the equipment."""
    y, x = (axis.astype(np.int16) for axis in np.nonzero(touched))
    found = []
    for name, values in sorted(truth.quantities.items()):
        share = task.figures["repeatability_pct"] / 100.0 * values
        error = task.figures["repeatability_um"] if name in (SHIFT_X, SHIFT_Y) else share
        read = np.round((values + error * task.normal(f"measure_{name}"))[y, x], 3)
        there = np.isfinite(read)
        found.append(Measured(name, UNIT_OF[name], x[there], y[there], read[there]))
    return tuple(found)
