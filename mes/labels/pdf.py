"""Labels as PDF: a page for each, as large as the label; everything is drawn, sharp on any printer."""

from collections.abc import Sequence
from io import BytesIO

import pydyf

from mes.labels.label import Drawn, Size

POINT_MM = 25.4 / 72
FONT = {"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Courier-Bold", "Encoding": "/WinAnsiEncoding"}
"""One that every reader has, with letters as wide as `mes.labels.label` counts on. It has Western letters alone: others
are printed as question marks, and stand in the code."""
BASELINE = 0.8
"""How far below the top of the letters their base is, against their height."""


def as_pdf(labels: Sequence[Drawn], size: Size) -> bytes:
    """The labels, one after the other."""
    made = pydyf.PDF()
    font = pydyf.Dictionary(FONT)
    made.add_object(font)
    for label in labels:
        content = pydyf.Stream(compress=True)
        _draw(content, label, size)
        made.add_object(content)
        made.add_page(
            pydyf.Dictionary({
                "Type": "/Page", "Parent": made.pages.reference, "Contents": content.reference,
                "MediaBox": pydyf.Array([0, 0, size.width_mm / POINT_MM, size.height_mm / POINT_MM]),
                "Resources": pydyf.Dictionary({"Font": pydyf.Dictionary({"F": font.reference})}),
            })
        )  # fmt: skip
    written = BytesIO()
    made.write(written)
    return written.getvalue()


def _draw(content: pydyf.Stream, label: Drawn, size: Size) -> None:
    """In points from the lower left corner, as PDF counts."""
    module, left, top = (mm / POINT_MM for mm in (label.module_mm, label.x_mm, size.height_mm - label.y_mm))
    for row, line in enumerate(label.modules):
        for column in line.nonzero()[0]:
            content.rectangle(left + int(column) * module, top - (row + 1) * module, module, module)
    content.fill()
    for one in label.text:
        content.begin_text()
        content.set_font_size("F", one.height_mm / POINT_MM)
        base_mm = size.height_mm - one.y_mm - BASELINE * one.height_mm
        content.set_text_matrix(1, 0, 0, 1, one.x_mm / POINT_MM, base_mm / POINT_MM)
        content.show_text_string(one.text.encode("cp1252", errors="replace"))
        content.end_text()
