"""`mes history`: what happened to a subject, seals, and the proof that nothing was altered."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from mes.cli.database import reading
from mes.cli.history_lines import beside, lines
from mes.cli.output import Json, print_json, refuse, show, show_one, working
from mes.cli.refusals import REFUSED
from mes.cli.remote import Row, Server, server
from mes.cli.sealing import verify as verify_history
from mes.cli.sealing import write_seal
from mes.errors import NotFound
from mes.history import History, entry

CHAINED = """\
Every chain is whole: since it was written no entry was changed, taken out or put in between.
Not proven: who may write to the whole database can cut off the end of a chain, or write it anew with all its hashes.
What to do: mes history seal FILE now and then, keep the file elsewhere, check with mes history verify --seal FILE."""
SEALED = """\
Every chain is whole, and every entry that was sealed stands as it was.
Not proven: that nothing of what was written after the seal was cut off. A new seal covers it, too."""

app = typer.Typer(no_args_is_help=True)


@app.command(name="show")
def show_history(
    subject: Annotated[str, typer.Argument(help="Name of a lot, substrate, run, equipment, recipe or route version.")],
    *,
    kind: Annotated[str | None, typer.Option(help="Only subjects of this kind, e.g. lot.")] = None,
    as_json: Json = False,
) -> None:
    """All entries of a subject, as they happened; JSON as they were recorded. Over HTTP those of a lot, in fewer words.

    Example: mes history show L-104
    """
    of_runs: dict[int | None, Row] = {}
    if there := server():
        entries = _of_lot(there, subject, kind)
    else:
        query = select(History).where(History.subject == subject).order_by(History.subject_kind, History.subject_id)
        if kind is not None:
            query = query.where(History.subject_kind == kind)
        with reading() as session:
            entries = [entry(row) for row in session.scalars(query.order_by(History.n))]
            of_runs = {} if as_json else beside(session, subject)
    if not entries:
        raise NotFound(f"Nothing happened to {subject}; there is no subject of that name.")
    if as_json:
        print_json(entries)
    else:
        show(lines(entries, of_runs), as_json=False)


def _of_lot(there: Server, subject: str, kind: str | None) -> list[Row]:
    """The entries of a lot as the API gives them: without the units that changed accounts, the event and the hash."""
    if kind not in {None, "lot"}:
        raise there.lacks("History of anything but lots is", "ask where the database is.")
    told = {"kind": "lot", "subject": subject}
    return [told | entry for entry in there.entries("lots", subject, "history")]


@app.command()
def seal(
    file: Annotated[Path, typer.Argument(help="A new file, kept outside the database.", dir_okay=False)],
    *,
    as_json: Json = False,
) -> None:
    """Write the heads of all chains to a file. Keep it where who can write to the database cannot.

    Example: mes history seal history-2026-11.seal
    """
    with reading() as session:
        written = write_seal(session, file)
    told = {
        "file": str(file),
        "database": written.database,
        "sealed_at": written.sealed_at,
        "chains": len(written.heads),
    }
    show_one(told, as_json=as_json)


@app.command()
def verify(
    *,
    seal: Annotated[Path | None, typer.Option(help="Seal to check against.", dir_okay=False)] = None,
    as_json: Json = False,
) -> None:
    """Check every chain, and with a seal also that none was cut or rewritten. Exit code 1 if one was.

    Example: mes history verify --seal history-2026-11.seal
    """
    with reading() as session, working("Checking every chain", as_json=as_json):
        problems = verify_history(session, seal)
    if as_json:
        print_json({"whole": not problems, "problems": problems})
    elif not problems:
        typer.echo(SEALED if seal else CHAINED)
    if problems:
        refuse(f"History has {len(problems)} problems.")
        for problem in () if as_json else problems:
            refuse(problem)
        raise typer.Exit(REFUSED)
