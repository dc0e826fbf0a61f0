"""`mes map`: substrate maps as files."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mes.cli.database import reading, writing
from mes.cli.finding import owned
from mes.cli.map_figures import app as figures
from mes.cli.output import Json, Why, print_json, show, show_one, working
from mes.cli.remote import server
from mes.lots.maps.incoming import take_in
from mes.lots.maps.map_file import DISPOSITIONS, exported
from mes.lots.maps.reading import MapIn
from mes.units.formats.csv_write import write_csv
from mes.units.formats.describe import describe
from mes.units.formats.detect import read_any
from mes.units.formats.e142_write import write_e142
from mes.units.formats.frame import DEFAULT
from mes.units.formats.left_out import left_out
from mes.units.formats.mapfile import MapFile
from mes.units.formats.unpack import declare
from mes.units.queries import substrate_id
from mes.units.warned import warnings_of

app = typer.Typer(no_args_is_help=True)

FileIn = Annotated[Path, typer.Argument(help="A map file.", exists=True, dir_okay=False)]
AsItCame = Annotated[
    bool, typer.Option("--as-it-came", help="Drawn and counted like the file it came in, not from the lower left.")
]
DeclarationIn = Annotated[
    Path | None,
    typer.Option("--declaration", help="YAML that says how plain text is to be read.", exists=True, dir_okay=False),
]


DeclarationNamed = Annotated[
    str | None,
    typer.Option("--declaration", help="How plain text is to be read: a declaration of the plant, or a YAML file."),
]


@app.command(name="show")
def show_map(file: FileIn, *, declaration: DeclarationIn = None, as_json: Json = False) -> None:
    """What a file says, and everything in it that does not fit. Needs no database.

    Example: mes map show wafer.xml --json
    """
    told = describe(_read(file, declaration))
    if as_json:
        print_json(told)
        return
    for substrate in told["substrates"]:
        show_one(_short(substrate), as_json=False)
        typer.echo()
    show(told["warnings"], as_json=False, empty="No warnings.")


def _read(file: Path, declaration: Path | None) -> MapFile:
    with file.open("rb") as stream:
        return read_any(declare(stream, declaration.read_bytes()) if declaration else stream)


def _short(substrate: dict[str, Any]) -> dict[str, Any]:
    """A substrate without what the file does not say, without columns of coordinates, its frame in words alone."""
    short = substrate | {
        "transfers": [_transfers(overlay) for overlay in substrate["transfers"]],
        "device_ids": [_device_ids(overlay) for overlay in substrate["device_ids"]],
    }
    return {key: value for key, value in short.items() if value not in (None, []) and key != "frame"}


def _transfers(overlay: dict[str, Any]) -> dict[str, Any]:
    source = f"{overlay['from']['type'] or ''} {overlay['from']['id']}".strip()
    return {"overlay": overlay["overlay"], "version": overlay["version"], "from": source, "count": overlay["count"]}


def _device_ids(overlay: dict[str, Any]) -> dict[str, Any]:
    kept = {key: overlay[key] for key in ("overlay", "version", "count")}
    return kept | {end: overlay["ids"][i] if overlay["ids"] else None for end, i in (("first", 0), ("last", -1))}


@app.command(name="import")
def import_maps(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False)],
    *,
    customer: Annotated[str, typer.Option(help="Whose material it is.")],
    route: Annotated[str, typer.Option(help="The route that its lots take.")],
    released: Annotated[bool, typer.Option("--release", help="Release the lots, too.")] = False,
    declaration: DeclarationNamed = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Take in the material that files describe: a lot for each lot they name, all of them or none.

    Example: mes map import incoming/*.xml --customer alpha --route hbm_core --release
    """
    named, read = declared(files, declaration)
    with working("Taking maps in", as_json=as_json) as at:
        if there := server():
            to = {"customer": customer, "route": route, "release": released, "declaration": named, "why": why}
            told = there.upload("maps", files=read, **to)
        else:
            with writing(why) as (session, act):
                came = _one_by_one(read, at)
                told = take_in(session, came, customer, route, act, released=released, declaration=named)
    show_one(told, as_json=as_json)


def declared(files: Sequence[Path], declaration: str | None) -> tuple[str | None, list[tuple[str, bytes]]]:
    """The name of the plant's declaration by which they are read, if any; their names and contents, with a file's."""
    read = [(file.name, file.read_bytes()) for file in files]
    if declaration is None or not Path(declaration).is_file():
        return declaration, read
    says = Path(declaration).read_bytes()
    return None, [(name, declare(content, says)) for name, content in read]


def _one_by_one(files: Sequence[tuple[str, bytes]], at: Callable[[str, int, int], None]) -> Iterator[MapIn]:
    for n, (name, content) in enumerate(files):
        at(name, n, len(files))
        yield MapIn(name, content)


@app.command()
def warnings(
    name: Annotated[str, typer.Argument(metavar="SUBSTRATE", help="Name, or CUSTOMER/NAME.")], *, as_json: Json = False
) -> None:
    """What was odd about the map that a substrate came with, and what that caused.

    Example: mes map warnings module-01.03
    """
    if there := server():
        customer, substrate = owned(name)
        told = there.entries("substrates", substrate, "warnings", customer=customer)
    else:
        with reading() as session:
            told = warnings_of(session, substrate_id(session, name))
    show(told, as_json=as_json, empty="No warnings.")


class MapFormat(StrEnum):
    """Formats that are written."""

    E142 = "e142"
    """SEMI E142 XML, strict."""
    CSV = "csv"
    """A line for each position and bin."""


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="SUBSTRATE", help="Name, or CUSTOMER/NAME.")],
    *,
    target: Annotated[Path | None, typer.Option("--out", help="The file to write; printed if not given.")] = None,
    output: Annotated[MapFormat, typer.Option("--format", help="Format to write.")] = MapFormat.E142,
    layer: Annotated[
        str, typer.Option(help="Layer of bins, e.g. bin:module/20; what became of each if not given.")
    ] = DISPOSITIONS,
    as_it_came: AsItCame = False,
    as_json: Json = False,
) -> None:
    """The map of a substrate as a file: bins, device ids and where its units came from.

    Example: mes map export module-01.03 --out module.xml
    """
    _check_frame(output, as_it_came=as_it_came)
    if there := server():
        customer, substrate = owned(name)
        query = {"customer": customer, "as_it_came": as_it_came or None}
        mapfile = read_any(there.fetch("substrates", substrate, "maps", layer, accept="application/xml", query=query))
    else:
        with reading() as session:
            mapfile = exported(session, substrate_id(session, name), layer, as_it_came=as_it_came)
    written = _written(mapfile, output)
    if target is not None:
        target.write_bytes(written)
        show_one({"file": str(target), "format": output.value, "bytes": len(written)}, as_json=as_json)
    elif as_json:
        print_json(describe(read_any(write_e142(mapfile))))
    else:
        typer.echo(written.decode(), nl=False)


@app.command()
def convert(
    source: FileIn,
    target: Annotated[Path, typer.Argument(help="The file to write.", dir_okay=False)],
    *,
    output: Annotated[MapFormat, typer.Option("--format", help="Format to write.")] = MapFormat.E142,
    as_it_came: AsItCame = False,
    declaration: DeclarationIn = None,
    as_json: Json = False,
) -> None:
    """Read a map liberally and write it strictly. Warnings say what was odd. Needs no database.

    ``left_out`` says what the file has and the written format has not.

    Example: mes map convert supplier.xml clean.xml
    """
    _check_frame(output, as_it_came=as_it_came)
    mapfile = _read(source, declaration)
    target.write_bytes(_written(mapfile if as_it_came else mapfile.in_frame(DEFAULT), output))
    told = {
        "file": str(target),
        "format": output.value,
        "read": _frames(mapfile),
        "left_out": left_out(mapfile, csv=output is MapFormat.CSV),
        "warnings": describe(mapfile)["warnings"],
    }
    show_one(told, as_json=as_json)


def _frames(mapfile: MapFile) -> list[dict[str, str]]:
    """How each substrate was drawn and counted in the file."""
    return [{"substrate": one.id, "conversion": str(one.frame)} for one in mapfile.substrates]


def _check_frame(output: MapFormat, *, as_it_came: bool) -> None:
    if as_it_came and output is MapFormat.CSV:
        raise typer.BadParameter("CSV counts from the upper left, whatever the file does", param_hint="--as-it-came")


def _written(mapfile: MapFile, output: MapFormat) -> bytes:
    return write_csv(mapfile) if output is MapFormat.CSV else write_e142(mapfile)


app.add_typer(figures)
