"""Map files with one to three edits that know the file's structure: values, lines, elements, records, packages."""

import gzip
import io
import random
import re
import struct
import zipfile
from collections.abc import Callable

from mes.units.formats.declaration import NAME
from tests.units import test_declared, test_e142, test_g85, test_klarf, test_sinf, test_stdf

ODD = (
    b"0", b"-1", b"1", b"2", b"7", b"255", b"65535", b"65536", b"1000000000", b"-1000000000", b"99999999999999999999",
    b"1e9", b"1e999", b"NaN", b"3.5", b"0x10", b"", b" ", b"__", b"@@", b"FF", b"Decimal", b"ASCII", b"90", b"180",
    b"UpperLeft", b"\xff\xfe", b"\xc3\xa4", b"\0", b"&lt;", b"x" * 300,
)  # fmt: skip
"""What stands in a place where something else belongs."""

_TOKEN = re.compile(rb"[\w.+-]+")
_VALUE = re.compile(rb'"[^"<]*"|(?<=>)[^<]+(?=<)|(?<=\[CDATA\[)[^\]]*(?=\])')
_CHARACTERS = b"0123456789ABCDEFabcdef _@.,;:-+<>\"'{}[]\t\r\n\0\xff"

Mutator = Callable[[random.Random], bytes]


def _edits(rng: random.Random, data: bytes, edit: Callable[[random.Random, bytes], bytes]) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = edit(rng, data)
    return data


def _replace(rng: random.Random, data: bytes, pattern: re.Pattern[bytes]) -> bytes:
    """Another value in one place: an odd one, or one from elsewhere in the file."""
    places = list(pattern.finditer(data))
    if not places:
        return data
    old = rng.choice(places)
    new = rng.choice((rng.choice(ODD), rng.choice(places)[0].strip(b'"')))
    if old[0].startswith(b'"'):
        new = b'"' + new.replace(b'"', b"") + b'"'
    return data[: old.start()] + new + data[old.end() :]


def _lines(rng: random.Random, data: bytes) -> bytes:
    """A line is gone, there twice, or elsewhere."""
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case 3:
            lines[i:i] = [lines[i]] * rng.choice((2, 10, 100))
    return b"\n".join(lines)


def _byte(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    new = bytes([rng.choice(_CHARACTERS)]) * rng.choice((0, 1, 1, 2))
    return data[:at] + new + data[at + rng.choice((0, 1, 1)) :]


def _text(rng: random.Random, data: bytes) -> bytes:
    kind = rng.randrange(10)
    return _replace(rng, data, _TOKEN) if kind < 6 else _lines(rng, data) if kind < 8 else _byte(rng, data)


def _xml(rng: random.Random, data: bytes) -> bytes:
    kind = rng.randrange(10)
    return _replace(rng, data, _VALUE) if kind < 8 else _lines(rng, data) if kind < 9 else _byte(rng, data)


def _record(rng: random.Random, records: list[bytes]) -> None:
    """A record is gone, twice, elsewhere, of another length, or has another byte or number somewhere."""
    i, j = rng.randrange(len(records)), rng.randrange(len(records))
    record = bytearray(records[i])
    at = rng.randrange(4, max(5, len(record)))
    match rng.randrange(8):
        case 0:
            del records[i]
            return
        case 1:
            records.insert(j, records[i])
            return
        case 2:
            records[i], records[j] = records[j], records[i]
            return
        case 3:
            del record[at:]
            record[0] = max(0, len(record) - 4)
        case 4:
            record[rng.randrange(4)] = rng.randrange(256)
        case 5:
            record[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
            record[0] = (len(record) - 4) % 256
        case 6:
            record[at : at + 2] = struct.pack("<H", rng.choice((0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF)))
        case 7:
            record[at : at + 1] = bytes([rng.randrange(256)])
    records[i] = bytes(record)


def _stdf(rng: random.Random) -> bytes:
    records = test_stdf.wafer(rng.choice("<>"))
    for _ in range(rng.choice((1, 1, 2, 3))):
        if records:
            _record(rng, records)
    data = b"".join(records)
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.05 else data


def _of(*files: str, edit: Callable[[random.Random, bytes], bytes]) -> Mutator:
    return lambda rng: _edits(rng, rng.choice(files).encode(), edit)


def _declared(rng: random.Random) -> bytes:
    text, says = rng.choice(
        ((test_declared.TABLE, test_declared.TABLE_SAYS), (test_declared.PICTURE, test_declared.PICTURE_SAYS))
    )
    if rng.random() < 0.2:
        return zipped({"map": text.encode(), NAME: _edits(rng, says.encode(), _text)})
    return zipped({"map": _edits(rng, text.encode(), _text), NAME: says.encode()})


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _packed(rng: random.Random) -> bytes:
    """A package of a good map with a byte changed or gone in a third of them, or of a mutant; or a small bomb."""
    kind = rng.randrange(10)
    content = test_sinf.WAFER.encode() if kind < 6 else OF[rng.choice(PLAIN)](rng)
    if kind == 9:
        content = bytes(rng.choice((2, 4)) * 1024 * 1024)
    data = gzip.compress(content, 1, mtime=0) if rng.random() < 0.5 else zipped({"map": content})
    return _byte(rng, data) if kind < 4 else data


OF: dict[str, Mutator] = {
    "E142": _of(test_e142.STRIP, edit=_xml),
    "G85": _of(test_g85.WAFER, edit=_xml),
    "SINF": _of(test_sinf.WAFER, edit=_text),
    "STDF": _stdf,
    "KLARF": _of(test_klarf.OLD, test_klarf.NEW, edit=_text),
    "text": _declared,
    "packed": _packed,
}
"""A mutant of each format, from a seeded generator."""
PLAIN = ("E142", "G85", "SINF", "STDF", "KLARF")
