"""`mes db`: make, upgrade, prove, back up and restore the database."""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url

from equipment.interface.endpoints import FILE
from equipment.interface.pki import pki_folder
from mes.cli.backup import backup as write_backup
from mes.cli.backup import check_backup, refuse_unless_empty
from mes.cli.backup import restore as restore_backup
from mes.cli.database import keep_password, open_known_server, open_server, password_file, schema_version
from mes.cli.db_check import check as check_database
from mes.cli.output import Json, print_json, refuse, show, show_one, working
from mes.cli.refusals import REFUSED
from mes.schema import init as make_database
from mes.schema import make_roles, versions
from mes.schema import upgrade as upgrade_schema
from mes.settings import Settings

app = typer.Typer(no_args_is_help=True)

SealFile = Annotated[Path | None, typer.Option("--seal", help="Seal to check history against.", dir_okay=False)]


@app.command()
def init(*, as_json: Json = False) -> None:
    """Make roles and schema where they are missing, and give mes_app its password. Idempotent.

    Example: mes db init
    """
    settings = Settings()
    with open_server(settings) as owner_url:
        make_database(owner_url, _app_password(settings))
        _print_version(owner_url, as_json=as_json)


@app.command()
def upgrade(*, as_json: Json = False) -> None:
    """Bring the schema to the version of this release. Make a backup first: there is no way back down.

    Example: mes db upgrade
    """
    with open_known_server(Settings()) as owner_url:
        upgrade_schema(owner_url)
        _print_version(owner_url, as_json=as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file, kept on another machine.", dir_okay=False)],
    *,
    as_json: Json = False,
) -> None:
    """Write the whole database to a file, as of one moment, also while the line runs.

    The login must be the owner's. Not in it: what lies in the data directory beside the database, certificates and
    keys of the connector above all; the answer names it.

    Example: mes db backup mes-2026-11-22.backup
    """
    settings = Settings()
    with open_known_server(settings) as owner_url, working("Writing the database", as_json=as_json):
        written = asdict(write_backup(owner_url, file))
    beside = [str(path) for path in (pki_folder(settings.data_dir), settings.data_dir / FILE) if path.exists()]
    show_one({**written, "to_keep_beside_it": beside}, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What mes db backup wrote.", dir_okay=False)], *, as_json: Json = False
) -> None:
    """Make an empty database what a backup holds. One that holds anything is refused and stays as it is.

    The login must be the owner's. mes_app has the password that is set, or a new one. Then let mes db check prove it.

    Example: MES_DATA_DIR=elsewhere mes db restore mes-2026-11-22.backup
    """
    settings = Settings()
    version = check_backup(file)
    with open_server(settings) as owner_url:
        refuse_unless_empty(owner_url)
        make_roles(owner_url, _app_password(settings))
        with working("Reading the database in", as_json=as_json):
            restore_backup(owner_url, file)
        _print_version(owner_url, as_json=as_json)
    if not as_json:
        if version != versions()[-1]:
            typer.echo("The backup is of an older release: run mes db upgrade first.")
        typer.echo("Run mes db check before anything works with it, then mes serve and mes connect.")


def _app_password(settings: Settings) -> str:
    """The password that mes_app shall have: as set, as kept, or made now and kept."""
    if not settings.app_password:
        keep_password(password_file(settings), secrets.token_urlsafe(32))
    return settings.app_password or password_file(settings).read_text()


def _print_version(owner_url: str, *, as_json: bool) -> None:
    server = make_url(owner_url).render_as_string(hide_password=True)
    version = {"server": server, "schema": schema_version(owner_url), "newest": versions()[-1]}
    show_one(version, as_json=as_json)


@app.command()
def check(*, seal: SealFile = None, as_json: Json = False) -> None:
    """Prove invariants and the chain of history, also while the line runs. Exit code 1 if anything is wrong.

    Example: mes db check --seal history-2026-11.seal
    """
    with open_known_server(Settings()) as owner_url, working("Checking the database", as_json=as_json):
        found = check_database(owner_url, seal)
    if as_json:
        print_json({"clean": not found.problems, **asdict(found)})
    else:
        show([asdict(problem) for problem in found.problems], as_json=False, empty="Clean.")
        typer.echo("Records of equipment: " + ", ".join(f"{n} {state}" for state, n in found.records.items()))
    if found.problems:
        refuse(f"The database has {len(found.problems)} problems.")
        raise typer.Exit(REFUSED)
