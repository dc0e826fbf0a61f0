"""What must fit together for dispatch: criteria that rank lots, the times that these need, and rules of release."""

from collections.abc import Iterator

from mes.dispatch.criteria import Criterion
from mes.plant.gather import Entry, Gathered
from mes.plant.problems import Problem, choice
from mes.plant.schema import EquipmentClass, Ranking


def dispatch_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake of every ranking, every rule of batches and every rule of release."""
    for entry in (*found.entries["site"], *found.entries["class"]):
        yield from _twice(entry)
    for entry in found.entries["class"]:
        yield from _batch(entry)
    yield from _times(found)
    yield from _routes(found)


def _twice(entry: Entry) -> Iterator[Problem]:
    ranking = entry.part.ranking
    for index, criterion in enumerate(ranking):
        if criterion in ranking[:index]:
            message = f"{criterion} stands twice in the ranking"
            yield entry.problem(("ranking", index), "duplicate_criterion", message, "keep the first")


def _batch(entry: Entry) -> Iterator[Problem]:
    its_class: EquipmentClass = entry.part
    least = its_class.least_substrates
    if least > its_class.most_substrates:
        message = f"a batch of {least} substrates never fits into {its_class.most_substrates}"
        hint = f"write {its_class.most_substrates} or fewer"
        yield entry.problem(("least_substrates",), "batch", message, hint)
    if least > 1 and not its_class.batch:
        message = "equipment that takes one lot at a time waits for no other"
        yield entry.problem(("least_substrates",), "batch", message, "leave least_substrates out, or write batch: true")
    if (least > 1) != (its_class.most_wait_h is not None):
        message = "least_substrates and most_wait_h belong together"
        yield entry.problem(("least_substrates",), "batch", message, "write both, or none of them")


def _times(found: Gathered) -> Iterator[Problem]:
    """The critical ratio needs to know how long the rest of a route takes."""
    usual: Ranking = next((part.ranking for part in found.parts("site")), [])
    rankings: dict[str, Ranking] = {part.name: part.ranking or usual for part in found.parts("class")}
    for entry in found.entries["route"]:
        operations = entry.part.operations
        classes = [o.equipment_class for o in operations]
        ranked = [name for name in classes if Criterion.CRITICAL_RATIO in rankings.get(name, ())]
        for index, operation in enumerate(operations):
            if ranked and operation.process_h is None:
                message = f"operation {operation.number} does not say how long it takes; {ranked[0]} ranks by that"
                hint = "add process_h:, or take critical_ratio out of the ranking"
                yield entry.problem(("operations", index), "process_time", message, hint)


def _routes(found: Gathered) -> Iterator[Problem]:
    known = found.broken["route"] | {part.route for part in found.parts("route")}
    for entry in found.entries["release_rule"]:
        if "route" not in found.lost and entry.part.route not in known:
            message = f"there is no route {entry.part.route}"
            yield entry.problem(("route",), "unknown_route", message, choice(entry.part.route, known))
