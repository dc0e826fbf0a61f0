"""What must fit together in who does an operation and of what it is done: alternatives and sampling."""

from collections.abc import Iterator

from mes.plant.gather import Entry, Gathered
from mes.plant.problems import Problem, choice
from mes.plant.read import At
from mes.plant.schema import Operation, Route
from mes.routes.states import OperationKind

LEFT_OUT = (OperationKind.PROCESS, OperationKind.TEST)
"""Kinds of operations that a substrate can leave out: the others put units where the next one needs them."""


def way_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake of every alternative and every sampling."""
    for entry in found.entries["route"]:
        route: Route = entry.part
        for index, operation in enumerate(route.operations):
            yield from _alternatives(found, entry, index, operation)
            yield from _sampling(entry, index, route)
        if all(operation.sampling for operation in route.operations):
            message = "every operation is done of some lots or substrates only"
            hint = "let one operation be without sampling: all lots come there"
            yield entry.problem(("operations",), "sampling", message, hint)


def recipe_of_class(
    found: Gathered, entry: Entry, at: At, of_class: str, name: str, operation_runs: str = "the operation runs on"
) -> Iterator[Problem]:
    """A class or a recipe that is not there, or a recipe of another class."""
    if found.lacks("class", of_class):
        message = f"there is no class {of_class}"
        yield entry.problem((*at, "class"), "unknown_class", message, choice(of_class, found.known("class")))
    recipe = found.named("recipe").get(name)
    if recipe is None and found.lacks("recipe", name):
        message = f"there is no recipe {name}"
        versions = [key for key in found.known("recipe") if "@" in key]
        yield entry.problem((*at, "recipe"), "unknown_recipe", message, choice(name, versions))
    elif recipe is not None and recipe.equipment_class != of_class:
        message = f"{recipe.key} is a recipe for {recipe.equipment_class}, {operation_runs} {of_class}"
        fitting = [r.key for r in found.parts("recipe") if r.equipment_class == of_class]
        hint = f"take a recipe of {of_class}: {choice(name, fitting)}"
        yield entry.problem((*at, "recipe"), "recipe_class", message, hint)


def _alternatives(found: Gathered, entry: Entry, index: int, operation: Operation) -> Iterator[Problem]:
    own = found.named("class").get(operation.equipment_class)
    for n, one in enumerate(operation.alternatives):
        at: At = ("operations", index, "alternatives", n)
        yield from recipe_of_class(found, entry, at, one.equipment_class, one.recipe, "the alternative runs on")
        its_class = found.named("class").get(one.equipment_class)
        if own is not None and its_class is not None and (its_class.kind, its_class.batch) != (own.kind, own.batch):
            message = f"{its_class.name} works in another way than {own.name}: its kind or batch differ"
            yield entry.problem((*at, "class"), "alternative_kind", message, f"name a class of kind {own.kind}")
        if operation.ways.index((one.equipment_class, one.recipe)) <= n:
            message = f"{one.equipment_class} with {one.recipe} stands twice"
            yield entry.problem(at, "duplicate_alternative", message, "keep one")


def _sampling(entry: Entry, index: int, route: Route) -> Iterator[Problem]:
    operation, at = route.operations[index], ("operations", index, "sampling")
    if operation.sampling is None:
        return
    if operation.kind not in LEFT_OUT:
        message = f"nothing can leave operation {operation.number} out: {operation.kind} moves units"
        yield entry.problem(at, "sampling", message, "leave sampling out; only process and test have it")
    if operation.sampling.every_lots == 1 and operation.sampling.substrates is None:
        message = f"operation {operation.number} is done of every substrate of every lot"
        yield entry.problem(at, "sampling", message, "write every_lots: of 2 or more, substrates: or neither")
    for n, limit in enumerate(route.queue_limits):
        if limit.from_operation == operation.number:
            message = f"operation {operation.number} begins a queue time, and some substrates leave it out"
            hint = "let the queue time begin at an operation that all come through"
            yield entry.problem(("queue_limits", n, "from"), "sampling", message, hint)
