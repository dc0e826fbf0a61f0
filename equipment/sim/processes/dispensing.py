"""Dispensing and printing: old material gives less, and a long wait since cleaning leaves voids."""

import numpy as np

from equipment.interface.messages import Parameter
from equipment.sim.defects import Defect
from equipment.sim.processes.task import SECONDS_PER_HOUR, Effect, Task, struck, waited_h
from equipment.sim.world import DEPOSIT, Truths


def dispense(task: Task, truths: Truths) -> Effect:
    """Put material onto the units of one substrate: how much each got is true from then on, and stays hidden."""
    figures, truth = task.figures, truths[task.part.substrate]
    touched = task.first(task.allowed & truth.present)
    mean_pct = 100.0 - figures["shot_loss_pct"] - figures["fade_pct_per_h"] * _stale_h(task)
    deposit_pct = np.maximum(0.0, mean_pct + figures["shot_sigma_pct"] * task.normal("shot"))
    found = struck(task, {Defect.VOID: np.asarray(figures["void_per_queue_h"] * waited_h(task, truth.cleaned_at))})
    found[deposit_pct < figures["lowest_pct"]] |= np.uint32(Defect.LOW)
    truth.defects[touched] |= found[touched]
    truth.quantity(DEPOSIT)[touched] = deposit_pct[touched]
    truth.cleaned_at = None  # what was clean is covered now
    unit_s = task.recipe.value("unit_time", "s") or figures["unit_s"]
    return Effect(
        touched,
        figures["load_s"] + int(np.count_nonzero(touched)) * unit_s / task.heads,
        frozenset({truth.name}),
        task.wear,
        parameters=(Parameter("shot", round(mean_pct, 3), "%"),),
    )


def _stale_h(task: Task) -> float:
    """Hours beyond its best by which the material is old: that of the container from which it is taken first."""
    if not task.order.materials:
        return 0.0
    age_h = (task.started_at - task.order.materials[0].since).total_seconds() / SECONDS_PER_HOUR
    return max(0.0, age_h - task.figures["fresh_h"])
