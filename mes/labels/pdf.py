"""Labels as PDF: a page for each, as large as the label; everything is drawn, sharp on any printer."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import pydyf

from mes.labels.label import Drawn, Size

POINT_MM = 25.4 / 72
WESTERN = {"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Courier-Bold", "Encoding": "/WinAnsiEncoding"}
"""A font that every reader has, with letters as wide as `mes.labels.label` counts on, and Western ones alone."""
KOREAN = "/HYGothic-Medium"
"""The font for any other text: the reader takes it, or one like it, from its machine (ISO 32000-1, 9.7.5.2)."""
LATIN = "[1 [600] 2 95 600]"
"""The widths of its Latin letters in thousandths of their height; all others are as wide as they are high."""
BASELINE = 0.8
"""How far below the top of the letters their base is, against their height."""


def as_pdf(labels: Sequence[Drawn], size: Size) -> bytes:
    """The labels, one after the other."""
    made = pydyf.PDF()
    fonts = pydyf.Dictionary({"W": _added(made, WESTERN), "K": _korean(made)})
    for label in labels:
        content = pydyf.Stream(compress=True)
        _draw(content, label, size)
        made.add_object(content)
        made.add_page(
            pydyf.Dictionary({
                "Type": "/Page", "Parent": made.pages.reference, "Contents": content.reference,
                "MediaBox": pydyf.Array([0, 0, size.width_mm / POINT_MM, size.height_mm / POINT_MM]),
                "Resources": pydyf.Dictionary({"Font": fonts}),
            })
        )  # fmt: skip
    written = BytesIO()
    made.write(written)
    return written.getvalue()


def _added(made: pydyf.PDF, content: Mapping[str, Any]) -> bytes:
    """The reference of an object that is now in the document."""
    added = pydyf.Dictionary(dict(content))
    made.add_object(added)
    reference: bytes = added.reference
    return reference


def _korean(made: pydyf.PDF) -> bytes:
    """A font of Adobe's Korean collection that is not in the document, for text in UTF-16."""
    like = {
        "Type": "/FontDescriptor", "FontName": KOREAN, "Flags": 4, "FontBBox": pydyf.Array([-6, -145, 1003, 880]),
        "ItalicAngle": 0, "Ascent": 880, "Descent": -120, "CapHeight": 737, "StemV": 58,
    }  # fmt: skip
    letters = {
        "Type": "/Font", "Subtype": "/CIDFontType0", "BaseFont": KOREAN, "FontDescriptor": _added(made, like),
        "CIDSystemInfo": pydyf.Dictionary({
            "Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("Korea1"), "Supplement": 2,
        }),
        "DW": 1000, "W": LATIN,
    }  # fmt: skip
    return _added(made, {
        "Type": "/Font", "Subtype": "/Type0", "BaseFont": KOREAN, "Encoding": "/UniKS-UTF16-H",
        "DescendantFonts": pydyf.Array([_added(made, letters)]),
    })  # fmt: skip


def _draw(content: pydyf.Stream, label: Drawn, size: Size) -> None:
    """In points from the lower left corner, as PDF counts."""
    module, left, top = (mm / POINT_MM for mm in (label.module_mm, label.x_mm, size.height_mm - label.y_mm))
    for row, line in enumerate(label.modules):
        for column in line.nonzero()[0]:
            content.rectangle(left + int(column) * module, top - (row + 1) * module, module, module)
    content.fill()
    for one in label.text:
        font, encoded = _in_font(one.text)
        content.begin_text()
        content.set_font_size(font, one.height_mm / POINT_MM)
        base_mm = size.height_mm - one.y_mm - BASELINE * one.height_mm
        content.set_text_matrix(1, 0, 0, 1, one.x_mm / POINT_MM, base_mm / POINT_MM)
        content.show_text_string(encoded)
        content.end_text()


def _in_font(text: str) -> tuple[str, bytes]:
    """The font in which a text can be written, and the text in its bytes; a question mark is what cannot be seen."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    try:
        return "W", text.encode("cp1252")
    except UnicodeEncodeError:
        return "K", text.encode("utf-16-be")
