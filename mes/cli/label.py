"""`mes label`: labels to be printed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mes.cli.database import reading
from mes.cli.remote import server
from mes.labels.formats import Format, write
from mes.labels.label import KINDS, Size, labels_of


def label(
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help="NAME or CUSTOMER/NAME; each gives a label.")],
    *,
    kind: Annotated[str | None, typer.Option(help=f"Of which kind all of them are: {', '.join(KINDS)}.")] = None,
    written_as: Annotated[Format, typer.Option("--format", help="What they are written as.")] = Format.PDF,
    file: Annotated[Path | None, typer.Option("--output", "-o", help="Write them to a file.")] = None,
    width_mm: Annotated[float, typer.Option(min=10, max=200)] = Size.width_mm,
    height_mm: Annotated[float, typer.Option(min=5, max=200)] = Size.height_mm,
    dpi: Annotated[int, typer.Option(min=150, max=1200, help="Dots per inch of the printer.")] = Size.dpi,
) -> None:
    """Labels with a Data Matrix and text, at most 100 at once, as PDF or for a label printer as ZPL.

    Example: mes label FOUP-07 FOUP-08 --format zpl
    """
    if written_as is Format.PDF and file is None and sys.stdout.isatty():
        raise typer.BadParameter("pdf is not for a terminal; name a file with -o FILE", param_hint="--format")
    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"one of {', '.join(KINDS)}", param_hint="--kind")
    if there := server():
        query = {"code": codes, "kind": kind, "format": written_as, "width_mm": width_mm, "height_mm": height_mm}
        written = there.sent("GET", ("labels",), {**query, "dpi": dpi}).content
    else:
        size = Size(width_mm, height_mm, dpi)
        with reading() as session:
            written = write(labels_of(session, codes, kind), size, written_as)
    if file is not None:
        file.write_bytes(written)
    else:
        typer.echo(written, nl=False)
