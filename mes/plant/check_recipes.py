"""What must fit together in a recipe: its class, who approved it, and a body that says what its parameters say."""

from collections.abc import Iterator

from equipment.interface.recipe_body import SetPoint, set_points
from mes.people.roles import Role
from mes.plant.gather import Entry, Gathered
from mes.plant.problems import Problem, choice
from mes.plant.schema_products import Parameter, Recipe


def recipe_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake of every recipe."""
    engineers = {p.name for p in found.parts("person") if p.role == Role.PROCESS_ENGINEER} | found.broken["person"]
    for entry in found.entries["recipe"]:
        recipe: Recipe = entry.part
        if found.lacks("class", recipe.equipment_class):
            message = f"there is no class {recipe.equipment_class}"
            hint = choice(recipe.equipment_class, found.known("class"))
            yield entry.problem(("class",), "unknown_class", message, hint)
        if "person" not in found.lost and recipe.approved_by not in engineers:
            message = f"{recipe.approved_by} may not approve recipes"
            hint = f"a process engineer may: {choice(recipe.approved_by, engineers)}"
            yield entry.problem(("approved_by",), "approver", message, hint)
        yield from _body(entry, recipe)
        yield from _limits(entry, recipe)


def _body(entry: Entry, recipe: Recipe) -> Iterator[Problem]:
    named = {parameter.name for parameter in recipe.parameters}
    seen: set[str] = set()
    if not any(True for _ in set_points(recipe.body)):
        yield entry.problem(("body",), "empty_body", f"the body of {recipe.key} sets nothing", "write set points")
    for point in set_points(recipe.body):
        where = f"line {point.line} of the body"
        if point.value is None:
            message = f"{where} is {point.text[:60]!r}"
            yield entry.problem(("body",), "body_line", message, "write name = value unit", point.line)
        elif point.name in seen:
            message = f"{where} sets {point.name} again"
            yield entry.problem(("body",), "body_line", message, "keep one", point.line)
        elif point.name not in named:
            message = f"{where} sets {point.name}, which has no limits"
            hint = f"add the parameter; {choice(point.name, named)}"
            yield entry.problem(("body",), "without_limits", message, hint, point.line)
        seen.add(point.name)


def _limits(entry: Entry, recipe: Recipe) -> Iterator[Problem]:
    points = {point.name: point for point in set_points(recipe.body)}
    seen: set[str] = set()
    for index, parameter in enumerate(recipe.parameters):
        at = ("parameters", index)
        if parameter.name in seen:
            yield entry.problem(at, "duplicate_name", f"{parameter.name} stands twice", "keep one")
        seen.add(parameter.name)
        if not parameter.low <= parameter.target <= parameter.high:
            message = (
                f"the target of {parameter.name} is {parameter.target:g}, "
                f"the limits are {parameter.low:g} to {parameter.high:g}"
            )
            yield entry.problem((*at, "target"), "limits", message, "keep low <= target <= high")
        point = points.get(parameter.name)
        if point is None:
            message = f"the body does not set {parameter.name}"
            hint = f"add {parameter.name} = {parameter.target:g} {parameter.unit} to the body, or drop the parameter"
            yield entry.problem((*at, "name"), "not_in_body", message, hint)
        elif point.value is not None:
            yield from _agreement(entry, index, parameter, point)


def _agreement(entry: Entry, index: int, parameter: Parameter, point: SetPoint) -> Iterator[Problem]:
    at = ("parameters", index)
    if point.unit != parameter.unit:
        message = f"{parameter.name} is in {parameter.unit}, in the body in {point.unit or 'no unit'}"
        yield entry.problem((*at, "unit"), "body_differs", message, "give both the same unit")
    elif point.value != parameter.target:
        message = f"the target of {parameter.name} is {parameter.target:g}, the body sets {point.value:g}"
        yield entry.problem((*at, "target"), "body_differs", message, "give both the same value")
