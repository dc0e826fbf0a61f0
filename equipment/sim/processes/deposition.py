"""Deposition: films as thick as target or bath still give them, and patterns as far off as their dies have moved."""

import numpy as np
from numpy.typing import NDArray

from equipment.sim.defects import Defect
from equipment.sim.processes.task import Effect, Task, outwards, struck, worn
from equipment.sim.world import FILM, SHIFT_X, SHIFT_Y, SubstrateTruth, Truths


def deposit(task: Task, truths: Truths) -> Effect:
    """Put a film on one substrate. Broken off, it comes out as it was and after half the time."""
    work_s = task.figures["load_s"] + (task.recipe.value("deposit_time", "s") or task.figures["deposit_s"])
    if task.most is not None:
        return Effect(np.zeros_like(task.allowed), work_s / 2, frozenset(), task.wear)
    truth = truths[task.part.substrate]
    touched = task.allowed & truth.present
    found, wear = struck(task, {}), task.wear
    target_um = task.recipe.value("thickness", "um")
    if target_um is not None:
        film_um = target_um * _share(task)
        found[np.abs(film_um - target_um) > task.figures["limit_pct"] / 100.0 * target_um] |= np.uint32(
            Defect.THICKNESS
        )
        truth.quantity(FILM)[touched] = film_um[touched]
        wear = worn(wear, "target", target_um, task.figures["target_life_um"])
    if task.figures["overlay_limit_um"]:
        found[_overlay_um(task, truth) > task.figures["overlay_limit_um"]] |= np.uint32(Defect.OVERLAY)
    truth.defects[touched] |= found[touched]
    return Effect(touched, work_s, frozenset({truth.name}), wear)


def _share(task: Task) -> NDArray[np.float64]:
    """What each position gets of the film that it should have: less outwards, and less from a worn target."""
    figures = task.figures
    wear = task.wear.get("target", 0.0) + figures["target_wear"]
    whole_pct = (
        figures["thin_pct"] + figures["thin_per_wear_pct"] * wear - figures["run_sigma_pct"] * task.one_normal("run")
    )
    off_pct = whole_pct + figures["edge_pct"] * outwards(task.allowed.shape)
    return np.asarray(1.0 - off_pct / 100.0 + figures["sigma_pct"] / 100.0 * task.normal("film"), np.float64)


def _overlay_um(task: Task, truth: SubstrateTruth) -> NDArray[np.float64]:
    """How far each pattern lies from what it has to meet: the die where it moved to, or its place if none moves."""
    left, sigma_um = 1.0 - task.figures["follows"], task.figures["overlay_sigma_um"]
    across, along = (
        left * np.nan_to_num(truth.quantities.get(name, np.zeros(truth.shape, np.float32)))
        + sigma_um * task.normal(f"overlay_{name}")
        for name in (SHIFT_X, SHIFT_Y)
    )
    return np.asarray(np.hypot(across, along), np.float64)
