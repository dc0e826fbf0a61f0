"""Reads wafer maps in SINF: lines `KEY:value`, then `RowData:` with two or three characters for each position.

Frame. Rows are a picture: the first is the top, its first code the left. `FNLOC` says where the flat or notch is:
0 at the top, 90 at the right, 180 at the bottom, 270 at the left.
Codes of two characters are hexadecimal, of three decimal; `__` is no die and `@@` one that was not looked at.
"""

import re
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.check import check
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import TURNS, Axis, Frame, Origin, Shape
from mes.units.formats.grid import Grids, SizeUm, bounded, picture
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, MapFile, ReferenceDevice, SubstrateMap
from mes.units.formats.text import decoded, lines
from mes.units.formats.values import micrometres, whole

FORMAT = "SINF"
NO_DIE, NOT_LOOKED_AT = 0xFFFF, 0xFFFE
"""Codes for `__` and `@@`; beyond every code that the format spells."""

_ROW = re.compile(r"^[ \t]*RowData[ \t]*:", re.IGNORECASE | re.MULTILINE)
_KEY = re.compile(r"([A-Za-z][\w#]*)\s*:(.*)", re.DOTALL)
_CODE = re.compile(r"[0-9A-Fa-f]{2}|[0-9]{3}")
_READ = frozenset((
    "DEVICE", "LOT", "WAFER", "FNLOC", "ROWCT", "COLCT", "BCEQU", "REFPX", "REFPY", "DUTMS", "DIECT", "XDIES", "YDIES",
    "COMMENT",
))  # fmt: skip
_UM = {"mm": Decimal(1000), "mil": Decimal("25.4"), "um": Decimal(1)}

_Header = dict[str, tuple[int, str]]
"""Key -> number of its line, value."""


def is_sinf(text: str) -> bool:
    """Whether there are rows as SINF writes them."""
    return _ROW.search(text) is not None


def read_sinf(data: bytes) -> MapFile:
    """The map of one SINF file, with every discrepancy found in it.

    Refuses with `MapRefused`: no wafer; dimensions over the bound; an FNLOC that is unknown; codes of other
    spellings, or of two widths in one file.
    """
    findings, grids = Findings(), Grids()
    header, rows = _parts(decoded(data), findings)
    frame = _frame(header, findings)
    columns, count = _size(header, rows, findings)
    bounded(columns, count, "the file")
    shape = frame.drawn((count, columns))
    codes, counts, met = _codes(rows)
    layout = grids.name(
        shape[1], shape[0], "the file", product=_value(header, "DEVICE"), pitch_um=_pitch_um(header, findings)
    )
    wafer = _value(header, "WAFER")
    if wafer is None:
        raise MapRefused("substrate-id", "the file", "There is no WAFER; it says whose map it is.")
    bins = BinCodes(
        name="Bins",
        references=_reference(header, frame, shape),
        bin_type=BinType.INTEGER2,
        null_bin=NO_DIE,
        codes=frame.ours(picture(codes, counts, (count, columns), NO_DIE, "RowData", findings)),
        definitions=_definitions(header, met, findings),
    )
    _check_dice(header, bins.codes, findings)
    substrate = SubstrateMap(wafer, "Wafer", layout, *shape, lot=_value(header, "LOT"), frame=frame, overlays=(bins,))
    mapfile = MapFile(layouts=grids.layouts, substrates=(substrate,), format=FORMAT)
    check(mapfile, findings)
    return replace(mapfile, discrepancies=findings.listed())


def _parts(text: str, findings: Findings) -> tuple[_Header, list[tuple[int, str]]]:
    """The header, and the rows of codes with the numbers of their lines."""
    header: _Header = {}
    rows: list[tuple[int, str]] = []
    for n, line in lines(text):
        match = _KEY.fullmatch(line)
        key, value = (match[1].upper(), match[2].strip()) if match else ("", line)
        if key == "ROWDATA":
            rows.append((n, value))
        elif key not in _READ:
            findings.add("not-read", f"line {n}", f"{line[:40]!r} is not read.")
        elif header.setdefault(key, (n, value)) != (n, value):
            findings.add("header-duplicate", f"line {n}", f"{key} is given again; the first one counts.")
    return header, rows


def _value(header: _Header, key: str) -> str | None:
    return header[key][1] or None if key in header else None


def _place(header: _Header, key: str) -> str:
    return f"line {header[key][0]}, {key}"


def _frame(header: _Header, findings: Findings) -> Frame:
    given = _value(header, "FNLOC")
    if given is None:
        findings.add(
            "orientation-assumed", "the file", "There is no FNLOC; flat or notch is taken to be at the bottom."
        )
        given = "180"
    if given not in map(str, TURNS):
        message = f"FNLOC is {given[:40]!r}; it must be one of {', '.join(map(str, TURNS))}."
        raise MapRefused("orientation", _place(header, "FNLOC"), message)
    return Frame(orientation=(int(given) - 180) % 360, origin=Origin.UPPER_LEFT, axis=Axis.DOWN_RIGHT)


def _size(header: _Header, rows: list[tuple[int, str]], findings: Findings) -> tuple[int, int]:
    """Columns and rows as they are declared; as they are drawn, with a finding, where they are not."""
    columns, count = _value(header, "COLCT"), _value(header, "ROWCT")
    if columns and count:
        return whole(columns, "COLCT", _place(header, "COLCT")), whole(count, "ROWCT", _place(header, "ROWCT"))
    size = max(len(row.split()) for _, row in rows), len(rows)
    findings.add("dimension-missing", "the file", f"ROWCT or COLCT is missing; {size[0]} x {size[1]} as drawn.")
    return size


class _Spellings(dict[str, int]):
    """Code of each spelling that was met; a new one is judged once. Refuses (`not-a-number`) what is no code."""

    def __missing__(self, token: str) -> int:
        code = NO_DIE if set(token) == {"_"} else NOT_LOOKED_AT if set(token) == {"@"} else _code(token)
        if code is None or (self and len(token) != len(next(iter(self)))):
            right = "two hexadecimal or three decimal digits in all of the file, __ or @@"
            message = f"{token[:20]!r} is no bin code here: it must be {right}, with blanks between."
            raise MapRefused("not-a-number", "RowData", message)
        self[token] = code
        return code


def _codes(rows: list[tuple[int, str]]) -> tuple[NDArray[np.uint16], NDArray[np.int64], set[int]]:
    """All codes of all rows one after the other, how many each row holds, and which occur."""
    known = _Spellings()
    found = []
    for n, row in rows:
        try:
            found.append(np.array([known[token] for token in row.split()], np.uint16))
        except MapRefused as error:
            raise MapRefused(error.code, f"line {n}", error.message) from None
    counts = np.fromiter(map(len, found), np.int64, len(found))
    return np.concatenate(found), counts, set(known.values())


def _code(token: str) -> int | None:
    if not _CODE.fullmatch(token):
        return None
    return int(token, 16) if len(token) == 2 else int(token)


def _definitions(header: _Header, met: set[int], findings: Findings) -> tuple[BinDefinition, ...]:
    """Each code that occurs, good where `BCEQU` lists it."""
    listed = re.split(r"[,;\s]+", _value(header, "BCEQU") or "01")
    good = {code for code in map(_code, filter(None, listed)) if code is not None}
    for text in listed:
        if text and _code(text) is None:
            findings.add("good-bins", _place(header, "BCEQU"), f"{text[:20]!r} is no bin code; it is not read.")
    found = []
    for code in sorted((met | good) - {NO_DIE}):
        quality = "Untested" if code == NOT_LOOKED_AT else "Pass" if code in good else "Fail"
        found.append(BinDefinition(code, quality=quality))
    return tuple(found)


def _reference(header: _Header, frame: Frame, shape: Shape) -> tuple[ReferenceDevice, ...]:
    x, y = _value(header, "REFPX"), _value(header, "REFPY")
    if not x or not y:
        return ()
    at = whole(x, "REFPX", _place(header, "REFPX")), whole(y, "REFPY", _place(header, "REFPY"))
    return (ReferenceDevice(*frame.to_ours(*at, shape)),) if at != (0, 0) else ()


def _pitch_um(header: _Header, findings: Findings) -> SizeUm | None:
    x, y, units = _value(header, "XDIES"), _value(header, "YDIES"), _value(header, "DUTMS") or "mm"
    if not x or not y:
        return None
    scale = _UM.get(units.lower())
    if scale is None:
        findings.add("unit-unknown", _place(header, "DUTMS"), f"Unit {units[:40]!r} is not known; mm, mil or um are.")
        return None
    try:
        size = (
            micrometres(x, "XDIES", scale, _place(header, "XDIES")),
            micrometres(y, "YDIES", scale, _place(header, "YDIES")),
        )
    except MapRefused as error:
        findings.add("size-unread", error.place, f"{error.message} The size is not read.")
        return None
    return size if min(size) > 0 else None


def _check_dice(header: _Header, codes: NDArray[np.uint16], findings: Findings) -> None:
    if declared := _value(header, "DIECT"):
        dice = int((codes != NO_DIE).sum())
        if whole(declared, "DIECT", _place(header, "DIECT")) != dice:
            findings.add("die-count", _place(header, "DIECT"), f"{declared} dice are declared, the map has {dice}.")
