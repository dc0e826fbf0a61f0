"""KLARF as text: the statements of versions 1.0 to 1.2, and the records, fields and lists of 1.8, as one stream."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mes.units.formats.findings import MapRefused
from mes.units.formats.text import MAX_LINES, lines

PLAN, DEFECTS, SUMMARY = "SampleTestPlan", "DefectList", "SummaryList"
"""Names of the lists that are read; a list has another name in 1.8."""

_START = re.compile(r"\s*(FileVersion\s+\d|Record\s+FileRecord\b)", re.IGNORECASE)
_WORD = re.compile(r'"[^"]*"|[^\s",{}]+')
_PIECE = re.compile(r'(?:[^;"]++|"[^"]*"|")*+;?')
_MARK = re.compile(r"(Record|Field|List)\s+(\w+)\s*(.*)", re.IGNORECASE)
_SPECS = {"DefectRecordSpec": DEFECTS, "SummarySpec": SUMMARY}
_LISTS = {"SampleTestPlanList": PLAN, "DefectList": DEFECTS, "TestSummaryList": SUMMARY}
_RECORDS = {"LotRecord": "LotID", "WaferRecord": "WaferID", "FileRecord": "FileVersion"}
_FIELDS = {"SlotNumber": "Slot"}
_IMAGES = "IMAGELIST"

_Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Said:
    """A name with the words that follow it, as strings without quotes."""

    line: int
    name: str
    words: list[str]


class Row(NamedTuple):
    """A row of a list; `cells` has the columns up to the first of variable length, by their names."""

    line: int
    name: str
    columns: list[str]
    cells: list[str]


def is_klarf(head: str) -> bool:
    """Whether the text begins as KLARF does."""
    return _START.match(head) is not None


def said(text: str) -> Iterator[Said | Row]:
    """What the file says, in its order; rows of the three lists alone. Refuses (`too-large`) what is beyond bounds."""
    if text.count(";") > 2 * MAX_LINES:
        raise MapRefused("too-large", "the file", f"It has more than {2 * MAX_LINES} statements and rows.")
    match = _START.match(text)
    records = match is not None and match[1].lower().startswith("record")
    return _from_records(lines(text)) if records else _from_statements(lines(text))


def _words(text: str) -> list[str]:
    return [word.strip('"') for word in _WORD.findall(text)]


def _from_statements(rest: Iterator[_Line]) -> Iterator[Said | Row]:
    """What statements say. Of one that is cut off by the end of the file only the rows count."""
    columns = {PLAN: ["XINDEX", "YINDEX"], DEFECTS: [], SUMMARY: []}
    for pieces in _statements(rest):
        n, first = pieces[0]
        name, _, after = first.removesuffix(";").strip().partition(" ")
        if name in columns:
            rows = _Rows(name, columns[name])
            pieces[0] = n, after.partition(" ")[2] if name == PLAN else after
            for at, piece in pieces:
                yield from rows.add(at, piece.removesuffix(";"))
        elif pieces[-1][1].endswith(";"):
            words = _words(after)
            if spec := _SPECS.get(name):
                words += [word for _, piece in pieces[1:] for word in _words(piece.removesuffix(";"))]
                columns[spec] = [word.upper() for word in words[1:]]
            yield Said(n, name, words)


def _statements(rest: Iterator[_Line]) -> Iterator[list[_Line]]:
    """Each statement in pieces, up to the `;` that ends it: rows of a list stand on lines of their own, before it."""
    pieces: list[_Line] = []
    for n, line in rest:
        for piece in _pieces(line):
            pieces.append((n, piece))
            if piece.endswith(";"):
                yield pieces
                pieces = []
    if pieces:
        yield pieces


def _pieces(line: str) -> list[str]:
    """The line cut behind each `;` that is not in quotes."""
    if line.find(";") in (-1, len(line) - 1):
        return [line]
    return [piece for piece in _PIECE.findall(line) if piece.strip()]


class _Rows:
    """Rows of a list put together from lines: a row may stand on several, and several on one.

    Where a row ends with a list of images, of which it is not known how many words it has, each row begins a line;
    shorter lines go on with its images.
    """

    def __init__(self, name: str, columns: list[str]) -> None:
        self._name = name
        self._images = _IMAGES in columns
        self._columns = columns[: columns.index(_IMAGES)] if self._images else columns
        self._cells: list[str] = []

    def add(self, n: int, line: str) -> Iterator[Row]:
        """The rows that the line completes."""
        width = len(self._columns)
        words = line.split()
        if not words or not width:
            return
        if self._images:
            if len(words) >= width:
                yield Row(n, self._name, self._columns, words)
            return
        self._cells += words
        first = 0
        while len(self._cells) - first >= width:
            yield Row(n, self._name, self._columns, self._cells[first : first + width])
            first += width
        self._cells = self._cells[first:]


def _from_records(rest: Iterator[_Line]) -> Iterator[Said | Row]:
    """Nested blocks: only the names count, so braces are not matched but where rows end."""
    for n, line in rest:
        match = _MARK.match(line)
        if match is None:
            continue
        kind, name, after = match[1].lower(), match[2], match[3]
        if kind == "record":
            yield Said(n, _RECORDS.get(name, name), _words(after))
        elif kind == "field":
            yield Said(n, _FIELDS.get(name, name), _words(_whole_field(after, rest))[1:])
        elif name in _LISTS:
            yield from _list(_LISTS[name], rest)


def _whole_field(after: str, rest: Iterator[_Line]) -> str:
    while "}" not in after and (line := next(rest, None)) is not None and len(after) < 10_000:
        after += " " + line[1]
    return after


def _list(name: str, rest: Iterator[_Line]) -> Iterator[Row]:
    """`Columns n { type NAME, … }`, then `Data n { row; … }`."""
    head = ""
    for _, line in rest:
        head += " " + line
        if "}" in line or len(head) > 100_000:
            break
    columns = [word.upper() for word in _words(head.rpartition("{")[2].partition("}")[0])[1::2]]
    row: list[str] = []
    for n, line in rest:
        if not row and (line.startswith("}") or _MARK.match(line)):
            return
        if not row and (line == "{" or line.lower().startswith("data ")):
            continue
        for piece in _pieces(line):
            row += piece.removesuffix(";").split()
            if piece.endswith(";"):
                yield Row(n, name, columns, row)
                row = []
        if len(row) > 10_000:
            raise MapRefused("table-broken", f"line {n}", "A row has more than 10,000 words; each ends with ;.")
