"""Removal: saws, grinders and trimmers. A worn blade chips, a fast feed too; what is ground gets a thickness."""

import numpy as np
from numpy.typing import NDArray

from equipment.sim.defects import Defect
from equipment.sim.processes.moving import to_loads
from equipment.sim.processes.task import Effect, Setting, Task, outwards, setting, struck, worn
from equipment.sim.world import THICKNESS, Truths


def remove(task: Task, truths: Truths) -> Effect:
    """Cut or grind the units of one substrate; where the order names loads, sort them there."""
    truth = truths[task.part.substrate]
    touched = task.first(task.allowed & truth.present)
    blade = task.wear.get("blade", 0.0) + task.figures["blade_wear"]
    feed = setting(task, "feed", "mm_s", task.recipe.value("feed_speed", "mm/s"))
    found = struck(task, _hazards(task, blade, feed))
    target_um = task.recipe.value("thickness", "um")
    if target_um is not None:
        off_um = _off_um(task, blade)
        found[np.abs(off_um) > task.figures["limit_um"]] |= np.uint32(Defect.THICKNESS)
        truth.quantity(THICKNESS)[touched] = target_um + off_um[touched]
    truth.defects[touched] |= found[touched]
    touched, transfers, changed = to_loads(task, truths, touched)
    count = int(np.count_nonzero(touched))
    unit_s = task.recipe.value("unit_time", "s") or task.figures["unit_s"]
    return Effect(
        touched,
        task.figures["load_s"] + count * unit_s / task.heads,
        changed,
        worn(task.wear, "blade", count, task.figures["blade_life_units"]),
        transfers=transfers,
        parameters=feed.parameters("feed_speed", "mm/s"),
    )


def _hazards(task: Task, blade: float, feed: Setting) -> dict[Defect, NDArray[np.float64]]:
    chipping = task.figures["chip_per_wear"] * blade + task.figures["chip_per_mm_s"] * feed.above()
    return {Defect.CRACK: np.asarray(chipping, np.float64)}


def _off_um(task: Task, blade: float) -> NDArray[np.float64]:
    """By how much each position is off the thickness it should have: thicker outwards, and as the wheel wears."""
    figures = task.figures
    off = figures["taper_um"] * outwards(task.allowed.shape) + figures["thicker_per_wear_um"] * blade
    return np.asarray(off + figures["sigma_um"] * task.normal("thickness"), np.float64)
