"""STDF V4 as records: which there are, where each begins, and the fields of those that say something of wafers."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.text import printed

MAX_RECORDS, MAX_PARTS, MAX_OTHERS = 1_500_000, 500_000, 50_000
"""Records of one file: all, those of parts, and all others that are read."""

MIR = (1, 10)
HBR, SBR = (1, 40), (1, 50)
WIR, WRR, WCR = (2, 10), (2, 20), (2, 30)
PRR = (5, 20)
"""Type and subtype of the records that are read; all others, such as tests, are passed over."""

_READ = frozenset((MIR, HBR, SBR, WIR, WRR, WCR, PRR))
_BIG, _LITTLE = b"\x00\x02\x00\x0a", b"\x02\x00\x00\x0a"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is read: its body is the bytes from `start` to `end`."""

    kind: tuple[int, int]
    start: int
    end: int


def is_stdf(content: bytes) -> bool:
    """Whether the first record is an FAR, in either byte order."""
    return content.startswith((_BIG, _LITTLE))


def byte_order(content: bytes) -> str:
    """ "<" or ">" as the length of the FAR tells. Refuses (`stdf-version`) what is not version 4."""
    if len(content) < 6 or content[5] != 4:
        version = content[5] if len(content) > 5 else "missing"
        raise MapRefused("stdf-version", "FAR", f"The version is {version}; only version 4 of STDF is supported.")
    return "<" if content.startswith(_LITTLE) else ">"


def records(content: bytes, order: str, findings: Findings) -> Iterator[Record]:
    """The records that are read, in the order of the file; a record that is cut off ends them, with a finding.

    Refuses (`too-large`) more than are allowed.
    """
    low, high = (0, 1) if order == "<" else (1, 0)
    at, end, count, parts, others = 0, len(content), 0, 0, 0
    while at + 4 <= end:
        start = at + 4
        kind = content[at + 2], content[at + 3]
        at = start + content[at + low] + 256 * content[at + high]
        count += 1
        if count > MAX_RECORDS or parts > MAX_PARTS or others > MAX_OTHERS:
            limits = f"{MAX_RECORDS} records, {MAX_PARTS} of parts, {MAX_OTHERS} of wafers and bins"
            raise MapRefused("too-large", f"byte {start - 4}", f"There are more than are read: {limits}.")
        if at > end:
            break
        if kind in _READ:
            parts += kind == PRR
            others += kind != PRR
            yield Record(kind, start, at)
    if at != end:
        message = "The file ends inside a record; what stands before it was read."
        findings.add("record-cut", f"record {count + (at < end)}", message)


class Fields:
    """The fields of one record, one after the other; those that it leaves out at its end are None."""

    def __init__(self, content: bytes, record: Record, order: str) -> None:
        self._content, self._at, self._end, self._order = content, record.start, record.end, order

    def number(self, kind: str) -> int | None:
        """The next field as `struct` spells its type: B, H, I, h."""
        value = self._next(kind)
        return None if value is None else int(value)

    def real(self) -> float | None:
        """The next field, of four bytes."""
        value = self._next("f")
        return None if value is None else float(value)

    def character(self) -> str:
        """The next field of one character; empty where it is a blank or left out."""
        value = self.number("B")
        return "" if value is None else chr(value).strip("\0 ")

    def text(self) -> str | None:
        """The next field of a length and as many characters; None where it is empty, too."""
        length = self.number("B")
        if length is None:
            return None
        text = self._content[self._at : min(self._at + length, self._end)].decode("latin-1")
        self._at += length
        return printed(text).strip() or None

    def skip(self, bytes_: int) -> None:
        """Passes over fields of so many bytes together."""
        self._at += bytes_

    def _next(self, kind: str) -> float | None:
        form = struct.Struct(self._order + kind)
        if self._at + form.size > self._end:
            self._at = self._end
            return None
        (value,) = form.unpack_from(self._content, self._at)
        self._at += form.size
        return float(value) if kind == "f" else int(value)
