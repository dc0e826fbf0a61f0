"""What the simulated equipment runs: a recipe body and the set points of the order over it."""

import math
from collections.abc import Iterable, Mapping

from equipment.interface.messages import Parameter
from equipment.interface.recipe_body import set_points

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


class BadRecipe(ValueError):
    """A recipe cannot be run; the text names the line or the parameter and what would be right."""


class RecipeValues:
    """What the equipment runs: the recipe body it holds, overlaid with the parameters of the job order."""

    def __init__(self, body: str, overlay: Iterable[Parameter] = ()) -> None:
        self._values = _read(body) | {parameter.name: parameter for parameter in overlay}

    def value(self, name: str, unit: str) -> float | None:
        """The set point ``name`` in ``unit``, None where there is none. Times in min or h are turned into s."""
        parameter = self._values.get(name)
        if parameter is None:
            return None
        factors = _SECONDS if unit == "s" else {unit: 1.0}
        if parameter.unit not in factors:
            raise BadRecipe(f"{name} is given in {parameter.unit or 'no unit'}; it is read in {' or '.join(factors)}")
        value = parameter.value * factors[parameter.unit]
        if not math.isfinite(value) or (unit == "s" and value < 0.0):
            raise BadRecipe(f"{name} is {parameter.value} {parameter.unit}, which cannot be run")
        return value

    def check(self, reads: Mapping[str, str]) -> None:
        """Raise `BadRecipe` unless every name that is read, with its unit, can be run."""
        for name, unit in reads.items():
            self.value(name, unit)


def _read(body: str) -> dict[str, Parameter]:
    values: dict[str, Parameter] = {}
    for point in set_points(body):
        if point.value is None:
            raise BadRecipe(f"recipe line {point.line}: {point.text[:80]!r} is not 'name = value unit'")
        if point.name in values:
            raise BadRecipe(f"recipe line {point.line}: {point.name} stands twice")
        values[point.name] = Parameter(point.name, point.value, point.unit)
    return values
