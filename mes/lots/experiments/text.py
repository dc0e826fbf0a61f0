"""A leg in a line of text, as people write it: `hot: peak_temperature=154, recipe=bake@2, substrate=W1`."""

from mes.errors import Malformed
from mes.lots.experiments.plan import NewLeg

USAGE = "write NAME: parameter=number, recipe=name@version, substrate=name; all after the name may be left out"


def read_leg(line: str) -> NewLeg:
    """The leg that a line says. Raises `Malformed` with how it is written."""
    name, _, rest = line.partition(":")
    recipe: str | None = None
    parameters: dict[str, float] = {}
    substrates: list[str] = []
    if not name.strip():
        raise Malformed(f"A leg has no name; {USAGE}.")
    for part in (part.strip() for part in rest.split(",") if part.strip()):
        what, equals, value = (one.strip() for one in part.partition("="))
        if not equals or not value:
            raise Malformed(f"{part} says nothing; {USAGE}.")
        if what == "recipe":
            recipe = value
        elif what == "substrate":
            substrates.append(value)
        else:
            parameters[what] = _number(what, value)
    return NewLeg(name.strip(), recipe, parameters, tuple(substrates))


def _number(name: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError as error:
        raise Malformed(f"{name} is set to {value}, which is no number; {USAGE}.") from error
    if found - found != 0:
        raise Malformed(f"{name} is set to {value}, which is no number; {USAGE}.")
    return found
