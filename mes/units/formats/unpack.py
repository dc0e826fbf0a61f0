"""A map file as it was packed for the way: plain, gzip, or a zip of one map and perhaps its declaration.

It comes out block by block, so that of a bomb no more is unpacked than the bound, and of STDF little is ever held.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from itertools import chain
from typing import IO

from mes.units.formats import declaration, stdf_records
from mes.units.formats.findings import MapRefused
from mes.units.formats.stdf_records import is_stdf
from mes.units.formats.values import MAX_BYTES

Source = bytes | IO[bytes]
"""A file, or what is in it."""

MAX_RATIO = 200
"""Bytes that one packed byte may become, once more than `FREE_BYTES` come out."""
FREE_BYTES = 1024 * 1024
BLOCK = 256 * 1024
MAX_MEMBERS = 16
"""Of a zip, and of gzips joined to one."""

_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_END = struct.Struct("<4s4H2LH")
_LONGEST_END = _END.size + 0xFFFF
_LARGEST_DIRECTORY = 64 * 1024
_LONGEST_MARK = 6
"""Bytes by which a format is told that comes block by block."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The map from its beginning to its end, once; its first block as well; and what a zip declared beside it."""

    blocks: Iterator[bytes]
    head: bytes
    declaration: bytes | None = None

    def whole(self) -> bytes:
        """All of the map."""
        return b"".join(self.blocks)


def unpack(source: Source, max_bytes: int = MAX_BYTES) -> Unpacked:
    """What is in the package; plain data as it is.

    It and its blocks refuse (`too-large`, `packed-ratio`, `packed-broken`, `packed-twice`, `zip-members`,
    `gzip-members`) what is no whole package of one map within its bounds. STDF has a bound of its own.
    """
    stream = BytesIO(source) if isinstance(source, bytes) else source
    packed = stream.seek(0, SEEK_END)
    stream.seek(0)
    first = stream.read(len(_ZIP))
    stream.seek(0)
    if first.startswith(_GZIP):
        return _unpacked(_bounded(_gunzip(stream), packed, "gzip", max_bytes))
    if first.startswith((_ZIP, _EMPTY_ZIP)):
        blocks, declared = _unzip(stream, packed)
        return _unpacked(_bounded(blocks, packed, "zip", max_bytes), declared)
    most = stdf_records.MAX_BYTES if is_stdf(first) else max_bytes
    if packed > most:
        raise MapRefused("too-large", "the file", f"It has {packed} bytes; at most {most} are read.")
    head = stream.read(BLOCK)
    return Unpacked(chain([head], _blocks(stream)), head)


def _unpacked(blocks: Iterator[bytes], declared: bytes | None = None) -> Unpacked:
    head = b""
    while len(head) < _LONGEST_MARK and (block := next(blocks, b"")):
        head += block
    if head.startswith((_GZIP, _ZIP, _EMPTY_ZIP)):
        raise MapRefused("packed-twice", "the file", "There is a package inside the package; pack the map once.")
    return Unpacked(chain([head], blocks), head, declared)


def declare(source: Source, declared: bytes) -> bytes:
    """The file, packed or not, with its declaration beside it. Refuses what `unpack` refuses."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("map", unpack(source).whole())
        archive.writestr(declaration.NAME, declared)
    return file.getvalue()


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


def _bounded(blocks: Iterator[bytes], packed: int, place: str, max_bytes: int) -> Iterator[bytes]:
    """What is unpacked, until it is over its bound: all of it, or by what it was packed to."""
    size, most = 0, max_bytes
    for block in blocks:
        if not size and is_stdf(block):
            most = stdf_records.MAX_BYTES
        size += len(block)
        if size > most:
            raise MapRefused("too-large", place, f"It unpacks to more than the {most} bytes that are read.")
        if size > max(FREE_BYTES, MAX_RATIO * packed):
            message = f"{packed} bytes unpack to {size} or more; at most {MAX_RATIO} for each are read."
            raise MapRefused("packed-ratio", place, message)
        yield block


def _gunzip(stream: IO[bytes]) -> Iterator[bytes]:
    """All members one after the other, as gzip joins them."""
    members, rest = 0, stream.read(BLOCK)
    while rest.startswith(_GZIP):
        members += 1
        if members > MAX_MEMBERS:
            message = f"It is joined from more than {MAX_MEMBERS} packages; pack the map as one."
            raise MapRefused("gzip-members", "gzip", message)
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            try:
                block = member.decompress(rest, BLOCK)
            except zlib.error as error:
                raise MapRefused("packed-broken", "gzip", f"It is no whole gzip: {error}; send it again.") from None
            rest = member.unused_data if member.eof else member.unconsumed_tail or stream.read(BLOCK)
            if not (block or rest or member.eof):
                raise MapRefused("packed-broken", "gzip", "It ends before its end; send it again.")
            if block:
                yield block
        if len(rest) < len(_GZIP):
            rest += stream.read(BLOCK)


def _unzip(stream: IO[bytes], packed: int) -> tuple[Iterator[bytes], bytes | None]:
    """The blocks of the map in it, and its declaration."""
    _check_directory(stream, packed)
    try:
        archive = zipfile.ZipFile(stream)
        members = [member for member in archive.infolist() if not member.is_dir()]
    except _BROKEN as error:
        raise _no_zip(error) from None
    declared = [member for member in members if member.filename == declaration.NAME]
    maps = [member for member in members if member.filename != declaration.NAME]
    if len(maps) != 1 or len(declared) > 1:
        names = ", ".join(repr(member.filename[:80]) for member in members[:5]) or "nothing"
        message = f"It holds {names}; a zip holds one map, and {declaration.NAME} where the map needs one."
        raise MapRefused("zip-members", "zip", message)
    texts = [b"".join(_bounded(_member(archive, one), packed, "zip", declaration.MAX_BYTES)) for one in declared]
    return _member(archive, maps[0]), texts[0] if texts else None


def _no_zip(error: Exception) -> MapRefused:
    return MapRefused("packed-broken", "zip", f"It is no whole zip: {error}; send it again.")


def _check_directory(stream: IO[bytes], packed: int) -> None:
    """Refuses a zip whose list of members alone would be too much to read."""
    stream.seek(max(0, packed - _LONGEST_END))
    tail = stream.read()
    at = tail.rfind(_EMPTY_ZIP)
    if at < 0 or len(tail) - at < _END.size:
        raise MapRefused("packed-broken", "zip", "It has no end of a zip; send it again.")
    _, _, _, _, members, size, _, _ = _END.unpack_from(tail, at)
    if members > MAX_MEMBERS or size > _LARGEST_DIRECTORY:
        raise MapRefused("zip-members", "zip", f"It lists {members} members; at most {MAX_MEMBERS} are looked at.")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        message = "It is encrypted, or packed in a way that is not read; pack it as zip with deflate."
        raise MapRefused("packed-broken", f"zip, {member.filename[:80]}", message)
    try:
        with archive.open(member) as stream:
            yield from _blocks(stream)
    except _BROKEN as error:
        raise _no_zip(error) from None
