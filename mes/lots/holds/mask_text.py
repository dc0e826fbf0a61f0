"""Units of a lot as people write them, a line for each substrate: ``W-3 4,7 5,7``, ``W-3 id A7``, ``* bin MAP 7``,
``W-3 block 0,1``.

Lines are read word by word: nobody's line, however long, takes longer than its length.
"""

import re
from collections.abc import Sequence
from typing import Any

from mes.errors import Malformed
from mes.lots.holds.masks import Units

_COMMA = re.compile(r"(?<=\d) ?, ?(?=\d)")
_PLACES = re.compile(r";*(?:\d{1,5},\d{1,5}(?:;+|$))*")
_BLOCK = re.compile(r"(\d{1,5}),(\d{1,5})")
_CODE = re.compile(r"\d{1,5}")


def read_units(line: str) -> Units:
    """The units that a line names; ``*`` is every substrate of the lot. Raises `Malformed` where it is empty."""
    words = line.split()
    if not words:
        raise Malformed("Name a substrate and its positions, such as W-3 4,7 5,7, or ids or a bin of a map.")
    for n, word in enumerate(words):
        if n and word == "id" and words[n + 1 :]:
            return Units(_substrate(words[:n]), ids=words[n + 1 :])
        if n and word == "bin" and words[n + 2 :] and _CODE.fullmatch(words[-1]):
            return Units(_substrate(words[:n]), bin=(" ".join(words[n + 1 : -1]), int(words[-1])))
        if n and word == "block" and (place := _BLOCK.fullmatch(" ".join(words[n + 1 :]))):
            return Units(_substrate(words[:n]), block=(int(place[1]), int(place[2])))
    return _places(_COMMA.sub(",", " ".join(words)).split())


def _substrate(words: Sequence[str]) -> str | None:
    name = " ".join(words)
    return None if name == "*" else name


def _places(words: Sequence[str]) -> Units:
    """A substrate, and what of its end are positions; without any all of it."""
    n = len(words)
    while n > 1 and _PLACES.fullmatch(words[n - 1]):
        n -= 1
    at = [(int(x), int(y)) for word in words[n:] for x, y in re.findall(r"(\d+),(\d+)", word)]
    return Units(_substrate(words[:n]), at=at or None)


def as_body(units: Units) -> dict[str, Any]:
    """The same as programs send it."""
    body: dict[str, Any] = {"substrate": units.substrate, "ids": units.ids}
    if units.at is not None:
        body["at"] = [{"x": x, "y": y} for x, y in units.at]
    if units.bin is not None:
        body["bin"] = {"map": units.bin[0], "code": units.bin[1]}
    if units.block is not None:
        body["block"] = {"x": units.block[0], "y": units.block[1]}
    return {name: value for name, value in body.items() if value is not None}
