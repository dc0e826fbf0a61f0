"""What labels are written as."""

from collections.abc import Sequence
from enum import StrEnum

from mes.labels.label import Label, Size, drawn
from mes.labels.pdf import as_pdf
from mes.labels.zpl import as_zpl


class Format(StrEnum):
    """What labels are written as."""

    PDF = "pdf"
    ZPL = "zpl"


MEDIA_TYPES = {Format.PDF: "application/pdf", Format.ZPL: "application/zpl"}


def write(labels: Sequence[Label], size: Size, written_as: Format) -> bytes:
    """Labels of one size. Raises `Malformed` where the code of one has no room in it."""
    laid_out = [drawn(label, size) for label in labels]
    return as_pdf(laid_out, size) if written_as is Format.PDF else as_zpl(laid_out, size)
