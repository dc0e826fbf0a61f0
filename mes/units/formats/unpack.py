"""A map file as it was packed for the way: plain, gzip, or a zip of one map and perhaps its declaration.

What a zip says of its sizes is judged before anything is unpacked; of both, no more is unpacked than the bound.
"""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO

from mes.units.formats import declaration
from mes.units.formats.e142_xml import MAX_BYTES
from mes.units.formats.findings import MapRefused

MAX_RATIO = 200
"""Bytes that one packed byte may become, once more than `FREE_BYTES` come out."""
FREE_BYTES = 1024 * 1024
MAX_MEMBERS = 16
"""Of a zip, and of gzips joined to one."""

_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_END = struct.Struct("<4s4H2LH")
_LONGEST_END = _END.size + 0xFFFF
_LARGEST_DIRECTORY = 64 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The map, and what a zip declared beside it."""

    content: bytes
    declaration: bytes | None = None


def unpack(data: bytes, max_bytes: int = MAX_BYTES) -> Unpacked:
    """What is in the package; plain data as it is.

    Refuses (`too-large`, `packed-ratio`, `packed-broken`, `packed-twice`, `zip-members`, `gzip-members`) what is no
    whole package of one map within its bounds.
    """
    if len(data) > max_bytes:
        raise MapRefused("too-large", "the file", f"It has {len(data)} bytes; at most {max_bytes} are read.")
    if data.startswith(_GZIP):
        found = Unpacked(_gunzip(data, max_bytes))
    elif data.startswith((_ZIP, _EMPTY_ZIP)):
        found = _unzip(data, max_bytes)
    else:
        return Unpacked(data)
    if found.content.startswith((_GZIP, _ZIP, _EMPTY_ZIP)):
        raise MapRefused("packed-twice", "the file", "There is a package inside the package; pack the map once.")
    return found


def declare(data: bytes, declared: bytes | None) -> bytes:
    """The file, packed or not, with its declaration beside it; as it is without one. Refuses what `unpack` refuses."""
    if declared is None:
        return data
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("map", unpack(data).content)
        archive.writestr(declaration.NAME, declared)
    return file.getvalue()


def _bound(packed: int, max_bytes: int) -> int:
    return min(max_bytes, max(FREE_BYTES, MAX_RATIO * packed))


def _check_size(size: int, packed: int, place: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise MapRefused("too-large", place, f"It unpacks to {size} bytes; at most {max_bytes} are read.")
    if size > _bound(packed, max_bytes):
        message = f"{packed} bytes unpack to {size} or more; at most {MAX_RATIO} for each are read."
        raise MapRefused("packed-ratio", place, message)


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    """All members one after the other, as gzip joins them."""
    parts: list[bytes] = []
    rest, size = data, 0
    while rest.startswith(_GZIP):
        if len(parts) == MAX_MEMBERS:
            message = f"It is joined from more than {MAX_MEMBERS} packages; pack the map as one."
            raise MapRefused("gzip-members", "gzip", message)
        stream = zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(rest, _bound(len(data), max_bytes) - size + 1)
        except zlib.error as error:
            raise MapRefused("packed-broken", "gzip", f"It is no whole gzip: {error}; send it again.") from None
        size += len(part)
        _check_size(size, len(data), "gzip", max_bytes)
        if not stream.eof:
            raise MapRefused("packed-broken", "gzip", "It ends before its end; send it again.")
        parts.append(part)
        rest = stream.unused_data if part else b""
    return b"".join(parts)


def _unzip(data: bytes, max_bytes: int) -> Unpacked:
    _check_directory(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            declared = [member for member in members if member.filename == declaration.NAME]
            maps = [member for member in members if member.filename != declaration.NAME]
            if len(maps) != 1 or len(declared) > 1:
                names = ", ".join(repr(member.filename[:80]) for member in members[:5]) or "nothing"
                message = f"It holds {names}; a zip holds one map, and {declaration.NAME} where the map needs one."
                raise MapRefused("zip-members", "zip", message)
            texts = [_member(archive, member, max_bytes) for member in (*maps, *declared)]
    except MapRefused:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise MapRefused("packed-broken", "zip", f"It is no whole zip: {error}; send it again.") from None
    return Unpacked(texts[0], texts[1] if declared else None)


def _check_directory(data: bytes) -> None:
    """Refuses a zip whose list of members alone would be too much to read."""
    at = data.rfind(_EMPTY_ZIP, max(0, len(data) - _LONGEST_END))
    if at < 0 or len(data) - at < _END.size:
        raise MapRefused("packed-broken", "zip", "It has no end of a zip; send it again.")
    _, _, _, _, members, size, _, _ = _END.unpack_from(data, at)
    if members > MAX_MEMBERS or size > _LARGEST_DIRECTORY:
        raise MapRefused("zip-members", "zip", f"It lists {members} members; at most {MAX_MEMBERS} are looked at.")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    place = f"zip, {member.filename[:80]}"
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        message = "It is encrypted, or packed in a way that is not read; pack it as zip with deflate."
        raise MapRefused("packed-broken", place, message)
    _check_size(member.file_size, member.compress_size, place, max_bytes)
    with archive.open(member) as stream:
        return stream.read(member.file_size + 1)  # without a number it unpacks all that there is, whatever it says
