"""Handling: steps that clean, wash, mark, saw or read, and steps that move units over to loads."""

import numpy as np

from equipment.sim.defects import Defect
from equipment.sim.processes.moving import to_loads
from equipment.sim.processes.task import Effect, Task, struck
from equipment.sim.world import DEPOSIT, Truths


def handle(task: Task, truths: Truths) -> Effect:
    """Work on the units of one substrate; where the order names loads, move them there."""
    truth = truths[task.part.substrate]
    touched = task.first(task.allowed & truth.present)
    if task.figures["washes"]:
        truth.defects[touched] &= ~np.uint32(Defect.LOW)
        truth.quantity(DEPOSIT)[touched] = np.nan
    truth.defects[touched] |= struck(task, {})[touched]
    touched, transfers, changed = to_loads(task, truths, touched)
    unit_s = task.recipe.value("unit_time", "s") or task.figures["unit_s"]
    work_s = task.figures["load_s"] + int(np.count_nonzero(touched)) * unit_s / task.heads
    if task.figures["cleans"] and task.ended_at is not None:
        truth.cleaned_at = task.ended_at
    return Effect(touched, work_s, changed, task.wear, transfers=transfers)
