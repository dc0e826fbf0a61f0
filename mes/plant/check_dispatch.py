"""What must fit together for dispatch: criteria that rank lots, and the times that these need."""

from collections.abc import Iterator

from mes.dispatch.criteria import Criterion
from mes.plant.gather import Entry, Gathered
from mes.plant.problems import Problem
from mes.plant.schema import Ranking


def dispatch_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake of every ranking."""
    for entry in (*found.entries["site"], *found.entries["class"]):
        yield from _twice(entry)
    yield from _times(found)


def _twice(entry: Entry) -> Iterator[Problem]:
    ranking = entry.part.ranking
    for index, criterion in enumerate(ranking):
        if criterion in ranking[:index]:
            message = f"{criterion} stands twice in the ranking"
            yield entry.problem(("ranking", index), "duplicate_criterion", message, "keep the first")


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
