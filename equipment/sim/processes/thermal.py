"""Ovens and reflow: peak, time at peak and the wait since cleaning decide non-wets, voids and cure."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from equipment.sim.defects import Defect
from equipment.sim.processes.task import Effect, Setting, Task, setting, struck, waited_h
from equipment.sim.world import Truths


def heat(task: Task, truths: Truths) -> Effect:
    """Heat one substrate of the load. Broken off, the load comes out unheated and after half the time."""
    profile_s = task.recipe.value("profile_time", "s") or task.figures["profile_s"]
    work_s = task.figures["load_s"] + profile_s
    if task.most is not None:
        return Effect(np.zeros_like(task.allowed), work_s / 2, frozenset(), task.wear)
    truth = truths[task.part.substrate]
    touched = task.allowed & truth.present
    peak = setting(task, "peak", "cel", task.recipe.value("peak_temperature", "Cel"))
    time = setting(task, "time", "s", task.recipe.value("time_at_peak", "s"))
    lag_cel = task.figures["lag_cel"] * (len(task.order.substrates) - 1)
    shift_cel = task.figures["peak_sigma_cel"] * task.one_normal("peak") - lag_cel
    across_cel = shift_cel - task.figures["edge_loss_cel"] * _edge(task.allowed.shape)
    hazards = _hazards(task, peak, across_cel, time, truth.cleaned_at)
    truth.defects[touched] |= struck(task, hazards)[touched]
    truth.cleaned_at = None  # what was clean is sealed now; waiting does it no more harm
    return Effect(
        touched,
        work_s,
        frozenset({truth.name}),
        task.wear,
        parameters=peak.parameters("peak_temperature", "Cel", shift_cel) + time.parameters("time_at_peak", "s"),
    )


def _hazards(
    task: Task, peak: Setting, across_cel: NDArray[np.float64], time: Setting, cleaned_at: datetime | None
) -> dict[Defect, NDArray[np.float64]]:
    figures = task.figures
    cold, hot, short, long = peak.below(across_cel), peak.above(across_cel), time.below(), time.above()
    return {
        Defect.NON_WET: figures["nonwet_per_cel"] * cold + figures["nonwet_per_s"] * short,
        Defect.UNDERCURE: figures["undercure_per_cel"] * cold + figures["undercure_per_s"] * short,
        Defect.VOID: (
            figures["void_per_cel"] * hot
            + figures["void_per_s"] * long
            + figures["void_per_queue_h"] * waited_h(task, cleaned_at)
        ),
    }


def _edge(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """0 in the centre of a substrate, growing with the square of the distance to 1 at the middle of its edges."""
    y, x = (np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1) for size in shape)
    return np.minimum(1.0, y[:, None] ** 2 + x[None, :] ** 2)
