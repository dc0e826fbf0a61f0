"""Recipe bodies as equipment runs and the MES checks them: one ``name = value unit`` a line, ``#`` begins a comment."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>[-+.\w]+)(?:\s+(?P<unit>\S+))?")


@dataclass(frozen=True)
class SetPoint:
    """One line of a body; ``line`` counts from 1. ``value`` is None where the line is not a set point."""

    line: int
    text: str
    name: str = ""
    value: float | None = None
    unit: str = ""


def set_points(body: str) -> Iterator[SetPoint]:
    """Every line that says something, in order."""
    for number, line in enumerate(body.splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if text:
            yield _set_point(number, text)


def _set_point(number: int, text: str) -> SetPoint:
    match = _LINE.fullmatch(text)
    if match is None:
        return SetPoint(number, text)
    try:
        value = float(match["value"])
    except ValueError:
        return SetPoint(number, text)
    if not math.isfinite(value):
        return SetPoint(number, text)
    return SetPoint(number, text, match["name"], value, match["unit"] or "")
