"""Reads maps that are plain text as a declaration says: a table with a line for each position, or a picture."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.check import check
from mes.units.formats.declaration import Column, Declaration, Found, read_declaration
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.grid import Grids, bounded, picture, placed
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, MapFile, SubstrateMap
from mes.units.formats.text import decoded, lines

FORMAT = "text"
NO_UNIT = 0xFFFF
"""Null bin of numbers; of characters it is the first that is declared, or a blank."""

_LARGEST = 0xFFFE
_FARTHEST = 10**8
_BASE = {"decimal": 10, "hexadecimal": 16}

_Line = tuple[int, str]


@dataclass(frozen=True)
class _Table:
    """The declared columns alone, each row with the number of its line."""

    columns: list[Column]
    rows: list[tuple[int, list[str]]]


def read_declared(data: bytes, declaration: bytes) -> MapFile:
    """The map of a file of text, with every discrepancy found in it.

    Refuses with `MapRefused`: a declaration that is wrong; a file in which what is declared cannot be found; a code
    or coordinate that is none; dimensions over the bound.
    """
    declared = read_declaration(declaration)
    findings, grids = Findings(), Grids()
    every = list(lines(decoded(data), "\r\n" if declared.width else None))
    body = _body(every, declared)
    if declared.form == "table":
        table = _table(body, declared)
        bins = _from_table(table, declared, findings)
    else:
        table = _Table([], [])
        bins = _from_picture(body, declared, findings)
    rows, columns = bins.codes.shape
    substrate = SubstrateMap(
        id=_said(declared.substrate, "substrate", every, table),
        type=declared.type,
        layout=grids.name(columns, rows, "the file", product=declared.product),
        rows=rows,
        columns=columns,
        lot=None if declared.lot is None else _said(declared.lot, "lot", every, table),
        frame=declared.frame,
        overlays=(bins,),
    )
    mapfile = MapFile(layouts=grids.layouts, substrates=(substrate,), format=FORMAT)
    check(mapfile, findings)
    return replace(mapfile, discrepancies=findings.listed())


def _body(every: list[_Line], declared: Declaration) -> list[_Line]:
    """The lines of the map, with the head of its table."""
    first, last = 0, len(every)
    if declared.after is not None:
        first = _line_of(declared.after, every, "after") + 1
    if declared.until is not None:
        behind = (i for i in range(first, last) if every[i][1].startswith(declared.until))
        last = next(behind, last)
    return every[first:last]


def _line_of(text: str, every: list[_Line], key: str) -> int:
    found = next((i for i, (_, line) in enumerate(every) if line.startswith(text)), None)
    if found is None:
        message = f"No line begins with {text[:80]!r}, which {key} of the declaration names."
        raise MapRefused("declared-missing", "the file", message)
    return found


def _said(where: Found | str, key: str, every: list[_Line], table: _Table) -> str:
    if isinstance(where, str):
        return where
    if where.line is not None:
        n, line = every[_line_of(where.line, every, key)]
        place, values = f"line {n}", {line[len(where.line) :].lstrip(" \t:=").strip()}
    else:
        assert where.column is not None
        place, at = f"column {where.column}", table.columns.index(where.column) if table.columns else None
        values = set() if at is None else {row[at] for _, row in table.rows}
    if len(values) != 1 or not (value := values.pop()):
        message = f"It does not say the {key}, or says several; a file has one."
        raise MapRefused("declared-missing", place, message)
    return value


def _table(body: list[_Line], declared: Declaration) -> _Table:
    named = [declared.x, declared.y, declared.bin]
    named += [where.column for where in (declared.substrate, declared.lot) if isinstance(where, Found)]
    wanted = [column for column in named if column is not None]
    names = {column for column in wanted if isinstance(column, str)}
    at = {column: column - 1 for column in wanted if isinstance(column, int)}
    rest = _split(body, declared)
    head: list[str] = []
    for _, row in rest if names else ():
        head = [cell.strip() for cell in row]
        if names <= set(head):
            break
    else:
        if names:
            message = f"No line has the columns {', '.join(sorted(names))}, which the declaration names."
            raise MapRefused("declared-missing", "the file", message)
    places = [at[column] if isinstance(column, int) else head.index(column) for column in wanted]
    most, rows = max(places), []
    for n, row in rest:
        if len(row) <= most:
            message = f"It has {len(row)} columns; the declaration reads column {most + 1}."
            raise MapRefused("table-broken", f"line {n}", message)
        rows.append((n, [row[i].strip() for i in places]))
    return _Table(wanted, rows)


def _split(body: list[_Line], declared: Declaration) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line, with its number."""
    at = 0

    def fed() -> Iterator[str]:
        nonlocal at
        for at, line in body:  # noqa: B007  # told beside each row
            yield line

    if declared.delimiter == "blank":
        yield from ((n, line.split()) for n, line in body)
        return
    try:
        for row in csv.reader(fed(), delimiter="\t" if declared.delimiter == "tab" else declared.delimiter):
            yield at, row
    except csv.Error as error:
        raise MapRefused("table-broken", f"line {at}", f"It is no row of a table: {error}.") from None


def _from_table(table: _Table, declared: Declaration, findings: Findings) -> BinCodes:
    if not table.rows:
        raise MapRefused("no-map", "the file", "The table has no rows: nothing to read.")
    coder = _Coder(declared)
    codes = coder.column([(n, row[2]) for n, row in table.rows])
    x, y = (_coordinates([(n, row[i]) for n, row in table.rows], "xy"[i]) for i in (0, 1))
    frame = declared.frame
    if declared.columns is not None and declared.rows is not None:
        drawn = bounded(declared.columns, declared.rows, "the declaration")[::-1]
    else:
        least = (0, 0) if declared.first is not None else (int(x.min()), int(y.min()))
        x, y = (x - least[0]).astype(np.int32), (y - least[1]).astype(np.int32)
        drawn = bounded(int(x.max()) + 1 - frame.first, int(y.max()) + 1 - frame.first, "the table")[::-1]
    shape = frame.drawn((drawn[0], drawn[1]))
    x, y = frame.to_ours(x, y, shape)
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    if not inside.all():
        n = table.rows[int((~inside).argmax())][0]
        message = f"{int((~inside).sum())} positions are outside {shape[1]} x {shape[0]}: they are not read."
        findings.add("position-outside", f"line {n}", message)
    x, y, codes = x[inside], y[inside], codes[inside]
    if twice := len(x) - len(np.unique(y * shape[1] + x)):
        findings.add("position-twice", "the table", f"{twice} rows repeat a position; the last row of each counts.")
    return BinCodes(
        name="Bins",
        bin_type=_bin_type(declared),
        null_bin=coder.null,
        codes=placed(x, y, codes, coder.null, shape),
        definitions=coder.definitions(),
    )


def _coordinates(cells: list[tuple[int, str]], axis: str) -> NDArray[np.int32]:
    try:
        values = [int(text) for _, text in cells]
        if min(values) > -_FARTHEST and max(values) < _FARTHEST:
            return np.array(values, np.int32)
    except ValueError:
        pass
    for n, text in cells:
        if not (text.lstrip("+-").isdecimal() and text.isascii() and len(text) < 9):
            message = f"{axis} is {text[:40]!r}; it must be a whole number."
            raise MapRefused("not-a-number", f"line {n}", message)
    raise MapRefused("not-a-number", "the table", f"{axis} is not a whole number everywhere.")


def _from_picture(body: list[_Line], declared: Declaration, findings: Findings) -> BinCodes:
    width, coder = declared.width, _Coder(declared)
    rows = [coder.row(n, line.split() if width is None else _cut(n, line, width)) for n, line in body]
    if not rows:
        raise MapRefused("no-map", "the file", "The picture has no rows: nothing to read.")
    counts = np.fromiter(map(len, rows), np.int64, len(rows))
    columns, count = declared.columns or int(counts.max()), declared.rows or len(rows)
    bounded(columns, count, "the picture")
    drawn = picture(np.concatenate(rows), counts, (count, columns), coder.null, "the picture", findings)
    return BinCodes(
        name="Bins",
        bin_type=_bin_type(declared),
        null_bin=coder.null,
        codes=declared.frame.ours(drawn),
        definitions=coder.definitions(),
    )


def _cut(n: int, line: str, width: int) -> list[str]:
    if len(line) % width:
        message = f"Its {len(line)} characters are no whole codes of {width}."
        raise MapRefused("table-broken", f"line {n}", message)
    return [line[i : i + width] for i in range(0, len(line), width)]


def _bin_type(declared: Declaration) -> BinType:
    return BinType.ASCII if declared.codes == "ascii" else BinType.INTEGER2


class _Coder:
    """The codes of texts, each judged once, and what they mean."""

    def __init__(self, declared: Declaration) -> None:
        self._declared = declared
        self.null = NO_UNIT
        if declared.codes == "ascii":
            nulls = declared.empty or [" "]
            self.null = _code(nulls[0], declared, "empty of the declaration")
        self._known = dict.fromkeys(declared.empty, self.null)
        self._good = {_code(text, declared, "good of the declaration") for text in declared.good}

    def row(self, n: int, texts: list[str]) -> NDArray[np.uint16]:
        """The codes of a line. Refuses (`not-a-number`) what is none."""
        for text in {*texts} - self._known.keys():
            self._known[text] = _code(text, self._declared, f"line {n}")
        return np.array([self._known[text] for text in texts], np.uint16)

    def column(self, cells: list[tuple[int, str]]) -> NDArray[np.uint16]:
        """The codes of a column, each with the number of its line. Refuses (`not-a-number`) what is none."""
        for n, text in cells:
            if text not in self._known:
                self._known[text] = _code(text, self._declared, f"line {n}")
        return np.fromiter((self._known[text] for _, text in cells), np.uint16, len(cells))

    def definitions(self) -> tuple[BinDefinition, ...]:
        """Each code that occurred or is declared, but the null bin."""
        bins = sorted(({*self._known.values()} | self._good) - {self.null})
        return tuple(BinDefinition(code, quality="Pass" if code in self._good else "Fail") for code in bins)


def _code(text: str, declared: Declaration, place: str) -> int:
    if declared.codes == "ascii":
        if len(text) == 1 and 0x20 <= ord(text) <= _LARGEST:
            return ord(text)
        raise MapRefused("not-a-number", place, f"{text[:20]!r} is no bin code: it must be one character.")
    base = _BASE[declared.codes]
    if text.isascii() and text.isalnum() and len(text) <= 5:
        try:
            code = int(text, base)
        except ValueError:
            code = -1
        if 0 <= code <= _LARGEST:
            return code
    what = f"a {declared.codes} number up to {_LARGEST}, or stand under empty of the declaration"
    raise MapRefused("not-a-number", place, f"{text[:20]!r} is no bin code: it must be {what}.")
