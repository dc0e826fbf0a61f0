"""Test: bins from true defects, with what is overlooked, false calls and worn contacts."""

import numpy as np

from equipment.interface.messages import NO_BIN, PASS_BIN
from equipment.sim.defects import BIN_OF, Defect
from equipment.sim.processes.task import Effect, Task, seen_bins, struck, worn
from equipment.sim.world import Truths

FIRST_VISIT = 1


def inspect(task: Task, truths: Truths) -> Effect:
    """Judge the units of one substrate. A retest (the next visit) draws anew what is seen, not what is wrong."""
    figures = task.figures
    truth = truths[task.part.substrate]
    touched = task.first(task.allowed & truth.present)
    # What only a test brings to light was in the units before: the same ones whenever they are tested.
    truth.defects[touched] |= struck(task, {}, visit=FIRST_VISIT)[touched]
    bins = seen_bins(task, truth.defects)
    false_call = task.uniform("false_call") < figures["false_call_rate"]
    bins[(bins == PASS_BIN) & false_call] = BIN_OF[Defect.OPEN]
    wear = task.wear.get("contacts", 0.0) + figures["contact_wear"]
    no_contact = task.uniform("contact") < figures["contact_rate"] + figures["contact_gain"] * wear
    bins[(bins == PASS_BIN) & no_contact] = BIN_OF[Defect.CONTACT]
    bins[~touched] = NO_BIN
    count = int(np.count_nonzero(touched))
    unit_s = task.recipe.value("unit_time", "s") or figures["unit_s"]
    return Effect(
        touched,
        figures["load_s"] + count * unit_s / task.heads,
        frozenset({truth.name}),
        worn(task.wear, "contacts", count, figures["contact_life_touches"]),
        bins=bins,
    )
