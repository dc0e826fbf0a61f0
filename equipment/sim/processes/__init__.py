"""Kinds of physics: one function each, from the true state of substrates to what the work did to them."""

from collections.abc import Callable, Mapping

from equipment.sim.config import Kind
from equipment.sim.processes.deposition import deposit
from equipment.sim.processes.dispensing import dispense
from equipment.sim.processes.handling import handle
from equipment.sim.processes.inspection import look
from equipment.sim.processes.placement import place
from equipment.sim.processes.removal import remove
from equipment.sim.processes.task import Effect, Task
from equipment.sim.processes.testing import inspect
from equipment.sim.processes.thermal import heat
from equipment.sim.world import Truths

PROCESS_OF: Mapping[Kind, Callable[[Task, Truths], Effect]] = {
    Kind.PLACEMENT: place,
    Kind.THERMAL: heat,
    Kind.DISPENSE: dispense,
    Kind.REMOVAL: remove,
    Kind.DEPOSITION: deposit,
    Kind.INSPECTION: look,
    Kind.TEST: inspect,
    Kind.HANDLING: handle,
}
"""Each changes the truths it is given in place: they are private copies, which `World.once` writes back."""

BATCH_KINDS = frozenset({Kind.THERMAL})
"""Kinds that work on all substrates of a job order at the same time."""

__all__ = ["BATCH_KINDS", "PROCESS_OF", "Effect", "Task"]
