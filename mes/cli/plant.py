"""`mes plant`: the plant as text."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, print_json, refuse, say, show, working
from mes.cli.refusals import REFUSED
from mes.plant import Difference, json_schemas
from mes.plant import apply as apply_plant
from mes.plant import check as check_plant
from mes.plant import diff as compare_plant
from mes.plant import export as export_plant
from mes.plant import load as load_plant

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the plant's YAML files.", file_okay=False)]


@app.command()
def check(folder: Folder, *, as_json: Json = False) -> None:
    """Every mistake in the text by file and line, and what would be right. Needs no database.

    Example: mes plant check deploy/plants/demonstration_centre
    """
    problems = check_plant(folder)
    if as_json:
        print_json([asdict(problem) for problem in problems])
    elif not problems:
        typer.echo(f"{folder} has no mistakes.")
    if problems:
        refuse(f"{folder} has mistakes.")
        for problem in problems:
            refuse(str(problem))
        raise typer.Exit(REFUSED)


@app.command()
def diff(folder: Folder, *, as_json: Json = False) -> None:
    """What applying the text would change, and what of it would be refused. Changes nothing.

    Example: mes plant diff deploy/plants/demonstration_centre
    """
    plant = load_plant(folder)
    with reading() as session:
        _print(compare_plant(session, plant), "Nothing differs.", as_json=as_json)


@app.command()
def apply(folder: Folder, *, why: Why = "", as_json: Json = False) -> None:
    """Make the database say what the text says, in one transaction, or refuse with every reason.

    Example: mes plant apply deploy/plants/demonstration_centre --why "second bonder"
    """
    plant = load_plant(folder)
    with writing(why, on_new=True) as (session, act), working("Applying the plant", as_json=as_json):
        differences = apply_plant(session, plant, act)
    _print(differences, "Nothing to change.", as_json=as_json)


@app.command()
def export(folder: Folder, *, as_json: Json = False) -> None:
    """Write the plant of the database as text into a new folder, with JSON Schema for editors.

    Example: mes plant export /tmp/plant
    """
    with reading() as session:
        written = export_plant(session, folder)
    show([{"file": str(file)} for file in written], as_json=as_json)


@app.command()
def schema(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="Where to write; printed if not given.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """JSON Schema of every file, for editors. Needs no database.

    Example: mes plant schema /tmp/schema
    """
    schemas = json_schemas()
    if folder is None:
        print_json(schemas)
        return
    folder.mkdir(parents=True, exist_ok=True)
    files = {pattern: folder / (pattern.split("/")[0].removesuffix(".yaml") + ".json") for pattern in schemas}
    for pattern, content in schemas.items():
        files[pattern].write_text(json.dumps(content, indent=2) + "\n")
    show([{"files": pattern, "schema": str(file)} for pattern, file in files.items()], as_json=as_json)


def _print(differences: Sequence[Difference], none: str, *, as_json: bool) -> None:
    if as_json:
        print_json([_plain(difference) for difference in differences])
    else:
        for difference in differences:
            say(str(difference))
        typer.echo(f"{len(differences)} differences." if differences else none)


def _plain(difference: Difference) -> dict[str, Any]:
    return {**asdict(difference), "changed": difference.changed if difference.verb == "change" else {}}
