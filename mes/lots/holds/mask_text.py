"""Units of a lot as people write them, a line for each substrate: ``W-3 4,7 5,7``, ``W-3 id A7``, ``* bin MAP 7``."""

import re
from typing import Any

from mes.errors import Malformed
from mes.lots.holds.masks import Units

_PLACE = r"\d{1,5}\s*,\s*\d{1,5}"
_LINE = re.compile(
    rf"(?P<substrate>\S.*?)(?:\s+(?:(?P<at>{_PLACE}(?:[\s;]+{_PLACE})*)|id\s+(?P<ids>\S.*)|bin\s+(?P<bin>\S.*)\s+(?P<code>\d{{1,5}})))?"
)


def read_units(line: str) -> Units:
    """The units that a line names; ``*`` is every substrate of the lot. Raises `Malformed` where it is empty."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise Malformed("Name a substrate and its positions, such as W-3 4,7 5,7, or ids or a bin of a map.")
    substrate = None if found["substrate"] == "*" else found["substrate"]
    if found["at"]:
        return Units(substrate, at=[(int(x), int(y)) for x, y in re.findall(r"(\d+)\s*,\s*(\d+)", found["at"])])
    if found["ids"]:
        return Units(substrate, ids=found["ids"].split())
    return Units(substrate, bin=(found["bin"], int(found["code"])) if found["bin"] else None)


def as_body(units: Units) -> dict[str, Any]:
    """The same as programs send it."""
    body: dict[str, Any] = {"substrate": units.substrate, "ids": units.ids}
    if units.at is not None:
        body["at"] = [{"x": x, "y": y} for x, y in units.at]
    if units.bin is not None:
        body["bin"] = {"map": units.bin[0], "code": units.bin[1]}
    return {name: value for name, value in body.items() if value is not None}
