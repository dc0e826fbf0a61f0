"""`mes key`: keys by which programs act over the API."""

from datetime import timedelta
from typing import Annotated

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, show, show_one
from mes.people.keys import create_key, revoke_key, select_keys
from mes.people.permissions import Permission

app = typer.Typer(no_args_is_help=True)

KeyName = Annotated[str, typer.Argument(metavar="KEY", help="Name of the key.")]


@app.command(name="list")
def list_keys(*, as_json: Json = False) -> None:
    """All keys: whose they are, what they give, and until when. The keys themselves are not stored.

    Example: mes key list
    """
    with reading() as session:
        found = [dict(row) for row in session.execute(select_keys()).mappings()]
    show(found, as_json=as_json, empty="No keys; mes key create makes one.")


@app.command()
def create(
    name: KeyName,
    *,
    user: Annotated[str, typer.Option(help="Whom the program acts as.")],
    scope: Annotated[list[Permission], typer.Option(help="What it may do, of what the user may; repeat.")],
    days: Annotated[int, typer.Option(help="How long it lasts.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a key and print it, once: it is not stored and cannot be shown again.

    Example: mes key create dashboard --user manager --scope see_lots --scope see_reports
    """
    with writing("") as (session, act):
        token = create_key(session, name, user, scope, timedelta(days=days), act.actor)
    show_one({"key": name, "user": user, "scopes": [s.value for s in scope], "token": token}, as_json=as_json)


@app.command()
def revoke(name: KeyName, *, as_json: Json = False) -> None:
    """End a key at once.

    Example: mes key revoke dashboard
    """
    with writing("") as (session, act):
        revoke_key(session, name, act.actor)
    show_one({"key": name, "revoked": True}, as_json=as_json)
