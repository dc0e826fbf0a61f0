"""STDF V4 as records: which there are, where each begins, and the fields of those that say something of wafers."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.text import printed

MAX_BYTES = 512 * 1024 * 1024
"""Of one file, unpacked: it is read block by block, and most of it is tests that are passed over."""
MAX_RECORDS, MAX_PARTS, MAX_OTHERS = 20_000_000, 500_000, 50_000
"""Records of one file: all, those of parts, and all others that are read."""

MIR = (1, 10)
HBR, SBR = (1, 40), (1, 50)
WIR, WRR, WCR = (2, 10), (2, 20), (2, 30)
PRR = (5, 20)
"""Type and subtype of the records that are read; all others, such as tests, are passed over."""

_READ = frozenset((MIR, HBR, SBR, WIR, WRR, WCR, PRR))
_TYPES = frozenset(kind for kind, _ in _READ)
_BIG, _LITTLE = b"\x00\x02\x00\x0a", b"\x02\x00\x00\x0a"
_HEAD = 4


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is read."""

    kind: tuple[int, int]
    body: bytes


def is_stdf(content: bytes) -> bool:
    """Whether the first record is an FAR, in either byte order."""
    return content.startswith((_BIG, _LITTLE))


def byte_order(content: bytes) -> str:
    """ "<" or ">" as the length of the FAR tells. Refuses (`stdf-version`) what is not version 4."""
    if len(content) < 6 or content[5] != 4:
        version = content[5] if len(content) > 5 else "missing"
        raise MapRefused("stdf-version", "FAR", f"The version is {version}; only version 4 of STDF is supported.")
    return "<" if content.startswith(_LITTLE) else ">"


def records(blocks: Iterable[bytes], order: str, findings: Findings) -> Iterator[Record]:
    """The records that are read, in the order of the file; a record that is cut off ends them, with a finding.

    Holds no more than a block and a record. Refuses (`too-large`) more records than are allowed.
    """
    low, high = (0, 1) if order == "<" else (1, 0)
    rest, count, parts, others = b"", 0, 0, 0
    for block in blocks:
        content = rest + block
        at, end, last = 0, 0, len(content)
        while at + _HEAD <= last:
            end = at + _HEAD + content[at + low] + 256 * content[at + high]
            if end > last:
                break
            count += 1
            if content[at + 2] in _TYPES and (kind := (content[at + 2], content[at + 3])) in _READ:
                parts += kind == PRR
                others += kind != PRR
                _refuse_many(count, parts, others)
                yield Record(kind, content[at + _HEAD : end])
            at = end
        _refuse_many(count, parts, others)
        rest = content[at:]
    if rest:
        message = "The file ends inside a record; what stands before it was read."
        findings.add("record-cut", f"record {count + 1}", message)


def _refuse_many(count: int, parts: int, others: int) -> None:
    if count > MAX_RECORDS or parts > MAX_PARTS or others > MAX_OTHERS:
        limits = f"{MAX_RECORDS} records, {MAX_PARTS} of parts, {MAX_OTHERS} of wafers and bins"
        raise MapRefused("too-large", f"record {count}", f"There are more than are read: {limits}.")


class Fields:
    """The fields of one record, one after the other; those that it leaves out at its end are None."""

    def __init__(self, body: bytes, order: str) -> None:
        self._body, self._at, self._order = body, 0, order

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
        text = self._body[self._at : self._at + length].decode("latin-1")
        self._at += length
        return printed(text).strip() or None

    def skip(self, bytes_: int) -> None:
        """Passes over fields of so many bytes together."""
        self._at += bytes_

    def _next(self, kind: str) -> float | None:
        form = struct.Struct(self._order + kind)
        if self._at + form.size > len(self._body):
            self._at = len(self._body)
            return None
        (value,) = form.unpack_from(self._body, self._at)
        self._at += form.size
        return float(value) if kind == "f" else int(value)
