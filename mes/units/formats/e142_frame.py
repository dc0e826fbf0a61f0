"""The frame that an E142 SubstrateMap declares: which side, how turned, from which origin, along which axes.

Words are taken in any case, with blanks, hyphens or underscores, and in some shorter spellings, with a finding. Numbers
for names are refused, because formats number their origins differently.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from lxml import etree

from mes.units.formats.e142_xml import at, named
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import DEFAULT, TURNS, Axis, Frame, Origin, Side

ATTRIBUTES = ("SubstrateSide", "Orientation", "OriginLocation", "AxisDirection")

_Word = TypeVar("_Word", Side, Origin, Axis)
_SIDES = {
    Side.TOP: "top front frontside",
    Side.BOTTOM: "bottom back backside",
}
_ORIGINS = {
    Origin.LOWER_LEFT: "ll leftlower bottomleft leftbottom tolowerleft",
    Origin.LOWER_RIGHT: "lr rightlower bottomright rightbottom tolowerright",
    Origin.UPPER_LEFT: "ul leftupper topleft lefttop toupperleft",
    Origin.UPPER_RIGHT: "ur rightupper topright righttop toupperright",
    Origin.CENTER: "c centre middle tocenter",
}
_AXES = {
    Axis.UP_RIGHT: "ur rightup",
    Axis.DOWN_RIGHT: "dr rightdown",
    Axis.UP_LEFT: "ul leftup",
    Axis.DOWN_LEFT: "dl leftdown",
}
_DEGREES = re.compile(r"([+-]?[0-9]{1,6})(\.0*)?(deg|degree|degrees|°)?")


def read_frame(element: etree._Element, label: str, findings: Findings) -> Frame:
    """The frame of a SubstrateMap; what it does not say is the default. Refuses (`orientation`) unknown words."""
    place = f"{at(element)} of {label}"
    return Frame(
        side=_word(element, "SubstrateSide", _SIDES, DEFAULT.side, place, findings),
        orientation=read_orientation(element, place, findings),
        origin=_word(element, "OriginLocation", _ORIGINS, DEFAULT.origin, place, findings),
        axis=_word(element, "AxisDirection", _AXES, DEFAULT.axis, place, findings),
    )


def declared(frame: Frame) -> dict[str, str | None]:
    """The attributes that say it, in the standard's spelling; None where the default says the same."""
    values = (frame.side, str(frame.orientation), frame.origin, frame.axis)
    defaults = (DEFAULT.side, str(DEFAULT.orientation), DEFAULT.origin, DEFAULT.axis)
    told = zip(ATTRIBUTES, values, defaults, strict=True)
    return {name: None if value == default else str(value) for name, value, default in told}


def _word(
    element: etree._Element,
    name: str,
    words: Mapping[_Word, str],
    default: _Word,
    place: str,
    findings: Findings,
) -> _Word:
    given = named(element, name)
    if given is None or given == default:
        return default
    bare = re.sub(r"[\s_-]", "", given).lower()
    for word, also in words.items():
        if bare == word.lower() or bare in also.split():
            _respelled(name, given, word, place, findings)
            return word
    raise MapRefused("orientation", place, f"{name} is {given[:40]!r}; it must be one of {', '.join(words)}.")


def read_orientation(element: etree._Element, place: str, findings: Findings) -> int:
    """The attribute Orientation in degrees. Refuses (`orientation`) all but quarter turns."""
    given = named(element, "Orientation")
    if given is None:
        return DEFAULT.orientation
    found = _DEGREES.fullmatch(re.sub(r"\s", "", given).lower())
    degrees = int(found[1]) % 360 if found else None
    if degrees not in TURNS:
        message = f"Orientation is {given[:40]!r}; it must be one of {', '.join(map(str, TURNS))}."
        raise MapRefused("orientation", place, message)
    _respelled("Orientation", given, str(degrees), place, findings)
    return degrees


def _respelled(name: str, given: str, word: str, place: str, findings: Findings) -> None:
    if given != word:
        findings.add("frame-spelling", place, f"{name} is {given[:40]!r}; it was read as {word}.")
