"""What must fit together in a plant's text of certifications, durables and maintenance."""

from collections.abc import Iterator

from mes.plant.gather import Entry, Gathered
from mes.plant.problems import Problem, choice
from mes.plant.read import At


def upkeep_problems(found: Gathered) -> Iterator[Problem]:
    """Certifications that are not there, plans for no class or without an interval, checks that say nothing."""
    for entry in found.entries["class"]:
        yield from _certification(found, entry, ("certification",), entry.part.certification)
    for entry in found.entries["route"]:
        for index, operation in enumerate(entry.part.operations):
            at = ("operations", index, "certification")
            yield from _certification(found, entry, at, operation.certification)
            yield from _durables(found, entry, index, operation.durables)
    for entry in found.entries["layout"]:
        yield from _holder(found, entry)
    for entry in found.entries["maintenance_plan"]:
        yield from _plan(found, entry)


def _certification(found: Gathered, entry: Entry, at: At, name: str | None) -> Iterator[Problem]:
    if name is not None and found.lacks("certification", name):
        message = f"there is no certification {name}"
        yield entry.problem(at, "unknown_certification", message, choice(name, found.known("certification")))


def _durables(found: Gathered, entry: Entry, index: int, names: list[str]) -> Iterator[Problem]:
    for n, name in enumerate(names):
        at = ("operations", index, "durables", n)
        if found.lacks("durable_kind", name):
            message = f"there is no kind of durables {name}"
            yield entry.problem(at, "unknown_durable", message, choice(name, found.known("durable_kind")))
        elif (kind := found.named("durable_kind").get(name)) is not None and kind.per == "load":
            message = f"{name} carries loads and is mounted nowhere"
            yield entry.problem(at, "durable_is_holder", message, "leave it out; name it as the holder of a layout")
        if name in names[:n]:
            yield entry.problem(at, "duplicate_durable", f"{name} stands twice", "name it once")


def _holder(found: Gathered, entry: Entry) -> Iterator[Problem]:
    name = entry.part.holder
    if name is None:
        return
    if found.lacks("durable_kind", name):
        hint = choice(name, found.known("durable_kind"))
        yield entry.problem(("holder",), "unknown_durable", f"there is no kind of durables {name}", hint)
    elif (kind := found.named("durable_kind").get(name)) is not None and kind.per != "load":
        hint = f"let {name} count per: load, or name another kind"
        yield entry.problem(("holder",), "durable_is_no_holder", f"{name} is mounted and carries no load", hint)


def _plan(found: Gathered, entry: Entry) -> Iterator[Problem]:
    plan = entry.part
    if found.lacks("class", plan.equipment_class):
        message = f"there is no class {plan.equipment_class}"
        hint = choice(plan.equipment_class, found.known("class"))
        yield entry.problem(("class",), "unknown_class", message, hint)
    if plan.every_h is None and plan.every_runs is None and plan.every_units is None:
        message = f"nothing says when {plan.name} is due"
        yield entry.problem(("name",), "without_interval", message, "add every_h:, every_runs: or every_units:")
    seen: set[str] = set()
    for index, check in enumerate(plan.checks):
        at = ("checks", index)
        if check.name in seen:
            yield entry.problem((*at, "name"), "duplicate_check", f"the check {check.name} stands twice", "rename one")
        seen.add(check.name)
        if check.unit is None and (check.low, check.high) != (None, None):
            yield entry.problem(at, "limits", f"{check.name} has limits and no unit", "add unit:")
        if check.low is not None and check.high is not None and check.low > check.high:
            message = f"low {check.low:g} is above high {check.high:g}"
            yield entry.problem((*at, "low"), "limits", message, "let low be the smaller one")
