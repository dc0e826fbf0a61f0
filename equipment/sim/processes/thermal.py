"""Ovens, reflow and mould: peak, time at peak and the wait since cleaning decide non-wets, voids and cure."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from equipment.sim.defects import Defect
from equipment.sim.processes.task import Effect, Setting, Task, from_centre, outwards, setting, struck, waited_h
from equipment.sim.world import SHIFT_X, SHIFT_Y, SubstrateTruth, Truths


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
    across_cel = shift_cel - task.figures["edge_loss_cel"] * outwards(task.allowed.shape)
    hazards = _hazards(task, peak, across_cel, time, truth.cleaned_at)
    truth.defects[touched] |= struck(task, hazards)[touched]
    _flow(task, truth, touched)
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


def _flow(task: Task, truth: SubstrateTruth, touched: NDArray[np.bool_]) -> None:
    """Mould that flows moves the dies outwards that lie free: the farther from the centre, the more."""
    flow_um, sigma_um = task.figures["flow_um"], task.figures["flow_sigma_um"]
    if SHIFT_X not in truth.quantities or not (flow_um or sigma_um):
        return
    for name, away in zip((SHIFT_Y, SHIFT_X), from_centre(task.allowed.shape), strict=True):
        moved_um = flow_um * away + sigma_um * task.normal(f"flow_{name}")
        truth.quantity(name)[touched] += moved_um[touched]
