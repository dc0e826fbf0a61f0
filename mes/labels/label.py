"""What stands on a label, and where: a Data Matrix with the code, beside it the name, what it is and whose."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args
from unicodedata import east_asian_width

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from mes.errors import Malformed, NotFound
from mes.labels.find import Found, find_each
from mes.labels.use_by import use_by

MOST_LABELS = 100
"""At once."""
Kind = Literal["lot", "substrate", "carrier", "container", "material_lot", "durable", "equipment", "shipment"]
"""What has a label."""
KINDS: tuple[str, ...] = get_args(Kind)
LEAST_MODULE_MM = 0.25
"""A module of the code; what is smaller cannot be relied on to be read by hand."""
QUIET = 1
"""Modules of white that a Data Matrix needs around it (ISO/IEC 16022)."""
MARGIN_MM = 1.5
WIDE, FULL_WIDTH = 0.6, 1.0
"""Width of a letter against its height, in a font in which all are as wide; and that of Hangul, or any other letter
that Unicode calls wide."""
LEADING = 1.15
"""Height of a line against that of its letters."""
LARGEST_MM, READABLE_MM, LEAST_MM = 6.0, 2.0, 1.0
"""Heights of letters: of the largest, of those for which a name rather goes on in another line, of the smallest."""
EVEN = 1e-9
"""What division may lose."""


@dataclass(frozen=True)
class Size:
    """Of a label: millimetres, and the dots per inch of what prints it."""

    width_mm: float = 50.0
    height_mm: float = 25.0
    dpi: int = 203


@dataclass(frozen=True)
class Label:
    """``code`` is what the Data Matrix says; ``name`` is written large, and the lines below it small."""

    code: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A line of text: its left end and the top of its letters from the upper left corner, and their height, in mm."""

    x_mm: float
    y_mm: float
    height_mm: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """A label laid out: the modules of its code, black ones true, as large as ``module_mm``; and its text."""

    modules: NDArray[np.bool_]
    module_mm: float
    x_mm: float
    y_mm: float
    text: tuple[Written, ...]


def labels_of(session: Session, codes: Sequence[str], kind: str | None = None) -> list[Label]:
    """A label for each code, which names one thing; of that kind, if one is given.

    Raises `NotFound` where a code names nothing, `Malformed` where one names several, or there are too many.
    """
    if not 1 <= len(codes) <= MOST_LABELS:
        raise Malformed(f"Ask for 1 to {MOST_LABELS} labels at once; these are {len(codes)}.")
    found = find_each(session, codes, KINDS if kind is None else (kind,))
    named = [_one(code, found[code]) for code in codes]
    ends = use_by(session, named)
    return [_label(one, ends.get(one, "")) for one in named]


def _one(code: str, found: Sequence[Found]) -> Found:
    if not found:
        raise NotFound(f"Nothing that has a label is called {code}.")
    if len(found) > 1:
        named = ", ".join(f"{one.kind.replace('_', ' ')} {one.code}" for one in found)
        raise Malformed(f"{code} names {named}; say which kind, or whose: CUSTOMER/NAME.")
    return found[0]


def _label(of: Found, ends: str) -> Label:
    what = of.kind.replace("_", " ")
    return Label(of.code, of.name, tuple(filter(None, (what, of.form.replace("_", " "), of.customer, ends))))


@lru_cache(maxsize=MOST_LABELS)
def modules(code: str) -> NDArray[np.bool_]:
    """The square Data Matrix ECC 200 of a text, without the white around it: black modules are true."""
    made: Any = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
    picture = np.array(made.to_image(scale=1, add_quiet_zones=False), np.uint8)
    return np.equal(picture, 0)


def drawn(label: Label, size: Size) -> Drawn:
    """A label laid out in its size, modules of whole dots. Raises `Malformed` where its code has no room."""
    code = modules(label.code)
    room_mm = min(size.height_mm, size.width_mm) - 2 * MARGIN_MM
    dot_mm = 25.4 / size.dpi
    module_mm = int(room_mm / (max(code.shape) + 2 * QUIET) / dot_mm) * dot_mm
    if module_mm < LEAST_MODULE_MM:
        least = (max(code.shape) + 2 * QUIET) * LEAST_MODULE_MM + 2 * MARGIN_MM
        said = f"The label of {label.name} is too small: its code needs {least:.0f} mm"
        raise Malformed(f"{said}, of modules of {LEAST_MODULE_MM} mm that are whole dots at {size.dpi} dpi.")
    edge_mm = MARGIN_MM + QUIET * module_mm
    left_mm = 2 * MARGIN_MM + (code.shape[1] + 2 * QUIET) * module_mm
    text = tuple(_text(label, left_mm, size.width_mm - left_mm - MARGIN_MM, size.height_mm - 2 * MARGIN_MM))
    return Drawn(code, module_mm, edge_mm, edge_mm, text)


def _text(label: Label, x_mm: float, width_mm: float, height_mm: float) -> Iterator[Written]:
    """The name as large as it fits into three fifths of the height, over lines if it must; the rest below it."""
    y_mm = MARGIN_MM
    below = 0.4 / max(3, len(label.lines))
    for text, share, most_lines in ((label.name, 0.6, 4), *((line, below, 1) for line in label.lines)):
        letter_mm, lines = _fitted(text, width_mm, share * height_mm, most_lines)
        for line in lines:
            yield Written(x_mm, y_mm, letter_mm, line)
            y_mm += letter_mm * LEADING


def _fitted(text: str, width_mm: float, height_mm: float, most_lines: int) -> tuple[float, list[str]]:
    """The height of letters with which a text fills its room, and its lines: few if they can be read, else large ones.

    What does not fit at a millimetre is cut; nothing is written where the code takes all of the width.
    """

    def height(lines: int) -> float:
        longest = _longest(text, lines)
        return min(LARGEST_MM, height_mm / (lines * LEADING), width_mm / longest)

    lines = range(1, most_lines + 1)
    lines_taken = next((n for n in lines if height(n) >= READABLE_MM), max(lines, key=height))
    letter_mm = max(height(lines_taken), LEAST_MM)
    wide = width_mm / letter_mm + EVEN
    if wide < 2 * WIDE:
        return 0.0, []
    written = _broken(text, wide)
    if len(written) > lines_taken:
        written = [*written[: lines_taken - 1], written[lines_taken - 1][:-1] + "…"]
    return letter_mm, written


def _width(letter: str) -> float:
    """Against its height."""
    return FULL_WIDTH if east_asian_width(letter) in "WF" else WIDE


def _longest(text: str, lines: int) -> float:
    """How wide the longest of so many lines is that are as even as letters let them be, against the height."""
    widths = [*map(_width, text)]
    most = sum(widths) / lines + (max(widths) - EVEN if lines > 1 else EVEN)
    return max(sum(map(_width, line)) for line in _broken(text, most))


def _broken(text: str, wide: float) -> list[str]:
    """The text in lines that are at most so wide, against the height, but of a letter at least."""
    lines, left = [""], wide
    for letter in text:
        if lines[-1] and _width(letter) > left:
            lines.append("")
            left = wide
        lines[-1] += letter
        left -= _width(letter)
    return lines
