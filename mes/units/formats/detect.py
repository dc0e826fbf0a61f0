"""Every substrate map file comes in here: unpacked, told by its content, never by its name, and read."""

import re
from collections.abc import Callable

from mes.units.formats.declared import read_declared
from mes.units.formats.e142 import read_e142
from mes.units.formats.findings import MapRefused
from mes.units.formats.g85 import read_g85
from mes.units.formats.klarf import read_klarf
from mes.units.formats.klarf_text import is_klarf
from mes.units.formats.mapfile import MapFile
from mes.units.formats.sinf import is_sinf, read_sinf
from mes.units.formats.stdf import read_stdf
from mes.units.formats.stdf_records import is_stdf
from mes.units.formats.text import decoded
from mes.units.formats.unpack import Source, unpack
from mes.units.formats.values import MAX_BYTES

KNOWN = "E142 XML, G85 XML, SINF, STDF V4, KLARF"
MAX_XML_BYTES = 24 * 1024 * 1024
MAX_TAGS, MAX_ATTRIBUTES = 250_000, 500_000
"""What XML holds stays in memory whole: a wafer of 60,000 dies with ids and transfers has two thirds of it."""

_HEAD = 16 * 1024
_XML_HEAD = 4096
_NOT_ROOT = re.compile(r"<\?.*?\?>|<!--.*?-->|<!\w[^>\[]*+(?:\[[^\]]*+\])?+[^>]*+>", re.DOTALL)
_ROOT = re.compile(r"\s*<(?:[\w.-]+:)?(\w+)")
_G85_ROOTS = ("maps", "map")

_Reader = Callable[[bytes], MapFile]


def read_any(source: Source, max_bytes: int = MAX_BYTES) -> MapFile:
    """The maps of a file in any format that is known, plain or packed.

    Refuses with `MapRefused`: a package that is broken, too large or a bomb; content of no known format; and what
    the format's own reader refuses.
    """
    unpacked = unpack(source, max_bytes)
    if unpacked.declaration is not None:
        return read_declared(unpacked.whole(), unpacked.declaration)
    if is_stdf(unpacked.head):
        return read_stdf(unpacked.blocks)
    content = unpacked.whole()
    return _reader(content)(content)


def _reader(content: bytes) -> _Reader:
    head = decoded(content[:_HEAD])
    if head.lstrip().startswith("<"):
        return _xml_reader(content, head[:_XML_HEAD])
    if is_klarf(head):
        return read_klarf
    if is_sinf(head):
        return read_sinf
    message = f"The content is of no known format; {KNOWN} are read, and text with a declaration of its layout."
    raise MapRefused("format-unknown", "the file", message)


def _xml_reader(content: bytes, head: str) -> _Reader:
    if len(content) > MAX_XML_BYTES:
        message = f"It has {len(content)} bytes; at most {MAX_XML_BYTES} of XML are read."
        raise MapRefused("too-large", "the file", message)
    if content.count(b"<") > MAX_TAGS or content.count(b"=") > MAX_ATTRIBUTES:
        message = f"It has more than {MAX_TAGS} tags or {MAX_ATTRIBUTES} attributes; send its maps one by one."
        raise MapRefused("too-large", "the file", message)
    root = _ROOT.match(_NOT_ROOT.sub("", head))
    return read_g85 if root and root[1].lower() in _G85_ROOTS else read_e142
