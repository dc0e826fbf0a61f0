"""Labels as ZPL II, the language of label printers: the code as a picture, so that every printer prints the same."""

import re
from collections.abc import Sequence

import numpy as np

from mes.labels.label import Drawn, Size

PLAIN = re.compile(r"[^A-Za-z0-9 ./:()+-]")
"""All but these is written as its bytes: ``^`` and ``~`` begin commands, ``_`` announces bytes."""

SAME = ":"
"""A row of dots like the one before it. Written out, a hundred large labels for a fine printer would be gigabytes."""


def as_zpl(labels: Sequence[Drawn], size: Size) -> bytes:
    """The labels, one after the other, in UTF-8; every byte of it is ASCII."""
    return "".join(_label(label, size) for label in labels).encode("ascii")


def _label(label: Drawn, size: Size) -> str:
    """Every number is one of dots, from the upper left corner."""

    def dots(mm: float) -> int:
        return round(mm * size.dpi / 25.4)

    scale = dots(label.module_mm)
    picture = np.packbits(np.repeat(label.modules, scale, axis=1), axis=1)
    written = "".join(row.tobytes().hex().upper() + SAME * (scale - 1) for row in picture)
    drawing = f"^GFA,{picture.size * scale},{picture.size * scale},{picture.shape[1]},{written}"
    lines = [
        f"^FO{dots(one.x_mm)},{dots(one.y_mm)}^A0N,{dots(one.height_mm)},{dots(one.height_mm)}^FH_^FD{_escaped(one.text)}^FS"
        for one in label.text
    ]
    head = f"^XA^CI28^PW{dots(size.width_mm)}^LL{dots(size.height_mm)}^LH0,0"
    return "\n".join([head, f"^FO{dots(label.x_mm)},{dots(label.y_mm)}{drawing}^FS", *lines, "^XZ", ""])


def _escaped(text: str) -> str:
    """A text in which nothing commands the printer: ``_5E`` is ``^``."""
    return PLAIN.sub(lambda found: "".join(f"_{byte:02X}" for byte in found[0].encode()), text)
