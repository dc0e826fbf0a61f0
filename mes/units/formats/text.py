"""Map files that are lines of text: decoded, and cut into lines, within bounds."""

import codecs
import re
from collections.abc import Iterator

from mes.units.formats.findings import MapRefused

MAX_BYTES = 20 * 1024 * 1024
MAX_LINES = 150_000
MAX_LINE = 100_000
"""Characters of one line: a row of 25,000 codes."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_NEVER_PRINTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def printed(text: str) -> str:
    """The text with a blank for each character that nobody prints: no name holds one, nor any XML."""
    return _NEVER_PRINTED.sub(" ", text)


def decoded(content: bytes) -> str:
    """The text by its byte order mark, else as UTF-8, else as Latin-1 that takes every byte; `printed`.

    Refuses (`too-large`) more than `MAX_BYTES`.
    """
    if len(content) > MAX_BYTES:
        raise MapRefused("too-large", "the file", f"It has {len(content)} bytes; at most {MAX_BYTES} of text are read.")
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return printed(content[len(mark) :].decode(encoding, "replace"))
    try:
        return printed(content.decode())
    except UnicodeDecodeError:
        return printed(content.decode("latin-1"))


def lines(text: str, around: str | None = None) -> Iterator[tuple[int, str]]:
    """Each line that is not empty with its number from 1, without the blanks, or those characters, around it.

    Refuses (`too-large`) more lines, or longer ones, than any map has.
    """
    if text.count("\n") >= MAX_LINES:
        raise MapRefused("too-large", "the file", f"It has more than {MAX_LINES} lines.")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise MapRefused("too-large", f"line {number}", f"It has more than {MAX_LINE} characters.")
        if stripped := line.strip(around):
            yield number, stripped
