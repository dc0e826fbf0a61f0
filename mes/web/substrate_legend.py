"""What the codes of a map mean to people: words, marks and shades, and how many positions have each."""

from collections.abc import Iterator
from dataclasses import dataclass

from mes.lots.maps.map_file import NOT_DEFINED
from mes.units.formats.mapfile import BinCodes, BinDefinition
from mes.units.states import ABNORMAL, Disposition

MARKS = {
    Disposition.NOT_FOR_USE: "·",
    Disposition.SUSPECT: "?",
    Disposition.REJECTED: "R",
    Disposition.COMPLETED: "+",
    Disposition.SAMPLED: "s",
    Disposition.SCRAPPED: "X",
    Disposition.LOST: "L",
    Disposition.SHIPPED: "→",
    Disposition.RETURNED: "←",
}
"""What is written on positions that are wide enough, and in the legend."""
QUALITIES = PASS, FAIL, UNKNOWN = "pass", "fail", "unknown_bin"
"""Words for bins; the last for one that the layer does not define."""
PICKS = {Disposition.COMPLETED: "may_be_picked", Disposition.IN_PROCESS: "not_yet_to_be_picked"}
STAYS = (Disposition.NOT_FOR_USE, Disposition.SUSPECT, Disposition.REJECTED)


@dataclass(frozen=True)
class Entry:
    """One code of a map. ``shade`` is from 0, the lightest of the calm or of the abnormal ones, to 1."""

    code: int
    word: str
    """Of ours, to be translated; empty where the plant's ``name`` says it."""
    name: str
    abnormal: bool
    shade: float
    mark: str
    count: int


def pick(disposition: Disposition) -> str:
    """Whether a unit may be picked from its position for an assembly, in a word."""
    if disposition in PICKS:
        return PICKS[disposition]
    return "not_to_be_picked" if disposition in STAYS else "gone"


def states() -> list[tuple[int, str, str]]:
    """Every disposition of a unit: its code, its word, and whether it may be picked."""
    return [(int(d), d.name.lower(), pick(d)) for d in Disposition if d is not Disposition.NO_UNIT]


def of_dispositions(codes: BinCodes) -> list[Entry]:
    """What has become of the units: each word has a shade of its own, and stands here where a position has it."""
    units = [d for d in Disposition if d is not Disposition.NO_UNIT]
    counts = {d.code: d.count or 0 for d in codes.definitions}
    return [
        Entry(int(d), d.name.lower(), "", d in ABNORMAL, shade, MARKS.get(d, ""), counts[int(d)])
        for d, shade in zip(units, shades([d in ABNORMAL for d in units]), strict=True)
        if counts[int(d)]
    ]


def of_bins(codes: BinCodes) -> list[Entry]:
    """Every bin that is defined, and those that are on the map all the same."""
    bad = [not d.good for d in codes.definitions]
    return [
        Entry(d.code, *_said(d), wrong, shade, str(d.code) if wrong else "", d.count or 0)
        for d, wrong, shade in zip(codes.definitions, bad, shades(bad), strict=True)
    ]


def _said(bin_: BinDefinition) -> tuple[str, str]:
    """The word for a bin's quality, and the plant's name for it."""
    if bin_.description == NOT_DEFINED:
        return UNKNOWN, ""
    return PASS if bin_.good else FAIL, bin_.description or ""


def shades(abnormal: list[bool]) -> Iterator[float]:
    """The place of each among the calm ones, or among the abnormal ones, from 0 to 1."""
    seen = {False: 0, True: 0}
    for kind in abnormal:
        yield seen[kind] / max(abnormal.count(kind) - 1, 1)
        seen[kind] += 1
