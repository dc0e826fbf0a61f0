"""Bin codes as E142 spells them: between text and uint16 arrays, whole maps at a time."""

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import BinType

_WIDTH = {BinType.ASCII: 1, BinType.HEXADECIMAL: 2, BinType.INTEGER2: 4}
_LARGEST = {BinType.ASCII: 0x7E, BinType.DECIMAL: 999, BinType.HEXADECIMAL: 0xFF, BinType.INTEGER2: 0xFFFF}
_NO_DIGIT = 255
_DIGIT = np.full(256, _NO_DIGIT, np.uint8)
for _i, _character in enumerate(b"0123456789ABCDEF"):
    _DIGIT[_character] = _DIGIT[ord(chr(_character).lower())] = _i
_WHAT = {
    BinType.ASCII: "one character",
    BinType.DECIMAL: "decimal digits, blanks between the codes",
    BinType.HEXADECIMAL: "two hexadecimal digits",
    BinType.INTEGER2: "four hexadecimal digits",
}


def spell(code: int, bin_type: BinType) -> str:
    """The code as the format writes it, "00FF" for 255 in Integer2."""
    match bin_type:
        case BinType.ASCII:
            return chr(code)
        case BinType.DECIMAL:
            return f"{code:03d}"
        case BinType.HEXADECIMAL:
            return f"{code:02X}"
        case BinType.INTEGER2:
            return f"{code:04X}"


def fits(code: int, bin_type: BinType) -> bool:
    """Whether a strict file of this bin type can hold the code; of ASCII only printable characters."""
    return (0x20 if bin_type is BinType.ASCII else 0) <= code <= _LARGEST[bin_type]


def read_code(text: str, bin_type: BinType, place: str) -> int:
    """One code, of a definition or NullBin. Refuses (`not-a-number`) what does not spell exactly one."""
    if bin_type is not BinType.ASCII or len(text) != 1:
        text = text.strip()
    flat, counts = read_rows([text], bin_type, place)
    if counts[0] != 1 or (bin_type in _WIDTH and len(text) != _WIDTH[bin_type]):
        raise MapRefused("not-a-number", place, f"Bin code {text!r} is not {_WHAT[bin_type]}.")
    return int(flat[0])


def read_rows(rows: list[str], bin_type: BinType, place: str) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """All codes of all rows one after the other, and how many whole codes each row holds.

    Blanks around and, in hexadecimal rows, between codes do not count; characters at the end of a row that make no
    whole code are not read (the caller sees a short row). Refuses (`not-a-number`) what is no code.
    """
    if bin_type is BinType.DECIMAL:
        return _decimal(rows, place)
    width = _WIDTH[bin_type]
    if width > 1:
        rows = ["".join(row.split()) for row in rows]
        rows = [row[: len(row) - len(row) % width] for row in rows]
    counts = np.fromiter((len(row) // width for row in rows), np.int64, len(rows))
    joined = "".join(rows)
    return (_characters(joined, counts, place) if width == 1 else _hexadecimal(joined, width, counts, place)), counts


def write_rows(codes: NDArray[np.uint16], bin_type: BinType) -> list[str]:
    """One text per row, top row first. The codes must fit the bin type."""
    used, which = np.unique(codes, return_inverse=True)
    spelled = np.array([spell(int(code), bin_type) for code in used], dtype=str)
    separator = " " if bin_type is BinType.DECIMAL else ""
    return [separator.join(row) for row in spelled[which.reshape(codes.shape)].tolist()]


def _characters(joined: str, counts: NDArray[np.int64], place: str) -> NDArray[np.uint16]:
    points = np.frombuffer(joined.encode("utf-32-le"), "<u4")
    _refuse_first(points > 0xFFFF, joined, 1, counts, BinType.ASCII, place)
    return points.astype(np.uint16)


def _hexadecimal(joined: str, width: int, counts: NDArray[np.int64], place: str) -> NDArray[np.uint16]:
    digits = _DIGIT[np.frombuffer(joined.encode("latin-1", "replace"), np.uint8)].reshape(-1, width)
    bin_type = BinType.HEXADECIMAL if width == 2 else BinType.INTEGER2
    _refuse_first((digits == _NO_DIGIT).any(axis=1), joined, width, counts, bin_type, place)
    value = np.zeros(len(digits), np.uint16)
    for column in range(width):
        value = (value << np.uint16(4)) | digits[:, column]
    return value


def _decimal(rows: list[str], place: str) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    known: dict[str, int] = {}
    codes = [np.zeros(0, np.uint16)]
    counts = np.zeros(len(rows), np.int64)
    for y, row in enumerate(rows):
        tokens = _split_decimal(row)
        counts[y] = len(tokens)
        if wrong := {token for token in {*tokens} - known.keys() if not _is_decimal(token)}:
            x = next(x for x, token in enumerate(tokens) if token in wrong)
            _refuse(int(counts[:y].sum()) + x, tokens[x], counts, BinType.DECIMAL, place)
        known |= {token: int(token) for token in {*tokens} - known.keys()}
        codes.append(np.array([known[token] for token in tokens], np.uint16))
    return np.concatenate(codes), counts


def _is_decimal(token: str) -> bool:
    return len(token) <= 5 and token.isascii() and token.isdecimal() and int(token) <= 0xFFFF


def _split_decimal(row: str) -> list[str]:
    """Codes between blanks; a row without any blank is taken three digits at a time."""
    tokens = row.split()
    if len(tokens) == 1 and len(row := tokens[0]) > 5:
        return [row[i : i + 3] for i in range(0, len(row) - len(row) % 3, 3)]
    return tokens


def _refuse_first(
    bad: NDArray[np.bool_], joined: str, width: int, counts: NDArray[np.int64], bin_type: BinType, place: str
) -> None:
    if bad.any():
        i = int(bad.argmax())
        _refuse(i, joined[i * width : (i + 1) * width], counts, bin_type, place)


def _refuse(i: int, code: str, counts: NDArray[np.int64], bin_type: BinType, place: str) -> None:
    ends = np.cumsum(counts)
    row = int(np.searchsorted(ends, i, side="right"))
    column = i - int(ends[row] - counts[row])
    where = f"{place}, row {row + 1}, code {column + 1}" if len(counts) > 1 else place
    shown = code if len(code) <= 20 else code[:20] + "…"
    raise MapRefused("not-a-number", where, f"{shown!r} is no {bin_type} bin code: it must be {_WHAT[bin_type]}.")
