"""`mes durable`: collets, blades, stencils, boats, trays, and what is done to them."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.models import DurableKind
from mes.equipment.queries import equipment_id
from mes.history import Act
from mes.materials.durables import care
from mes.materials.durables.looks import look, select_durables, select_kinds, wanted
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import durable_id
from mes.materials.durables.states import DurableState

app = typer.Typer(no_args_is_help=True)

DurableName = Annotated[str, typer.Argument(metavar="DURABLE", help="Number of the durable.")]


@app.command()
def kinds(*, as_json: Json = False) -> None:
    """All kinds of durables: what is counted, and their cycles.

    Example: mes durable kinds
    """
    if there := server():
        found = there.rows("durable-kinds")
    else:
        with reading() as session:
            found = [dict(row) for row in session.execute(select_kinds().order_by(DurableKind.name)).mappings()]
    show(found, as_json=as_json, empty="None; the text of the plant names them in durables.yaml.")


@app.command(name="list")
def list_durables(
    *,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    state: Annotated[DurableState | None, typer.Option(help="Only of this state.")] = None,
    equipment: Annotated[str | None, typer.Option(help="Only what is mounted on it.")] = None,
    named: Annotated[str | None, typer.Option("--q", help="Only with this in their number.")] = None,
    as_json: Json = False,
) -> None:
    """Durables by number, with what they have done.

    Example: mes durable list --kind collet
    """
    asked: dict[str, Any] = {"kind": kind, "state": state, "equipment": equipment}
    if there := server():
        found = there.rows("durables", q=named, **asked)
    else:
        with reading() as session:
            query = wanted(select_durables(), named=named, **asked).order_by(Durable.name)
            found = [dict(row) for row in session.execute(query).mappings()]
    brief = ("durable", "kind", "state", "count", "most", "until_clean", "until_inspection", "equipment", "load")
    shown = found if as_json else [{key: row[key] for key in brief} for row in found]
    show(shown, as_json=as_json, empty="No durables.")


@app.command(name="show")
def show_durable(name: DurableName, *, as_json: Json = False) -> None:
    """One durable.

    Example: mes durable show COL-12
    """
    if there := server():
        told = there.get("durables", name)
    else:
        with reading() as session:
            told = look(session, durable_id(session, name))
    show_one(told, as_json=as_json)


@app.command()
def register(
    name: DurableName,
    *,
    kind: Annotated[str, typer.Option(help="What it is.")],
    count: Annotated[int, typer.Option(help="What it has done before.")] = 0,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Take a durable in, cleaned and inspected.

    Example: mes durable register COL-12 --kind collet
    """
    if there := server():
        told = there.post("durables", body={"id": name, "kind": kind, "count": count, "why": why})
    else:
        with writing(why) as (session, act):
            told = look(session, care.register(session, name, kind, count, act).id)
    show_one(told, as_json=as_json)


@app.command()
def mount(
    name: DurableName,
    *,
    equipment: Annotated[str, typer.Option(help="Where it is mounted.")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Put a durable on an equipment, which has one of a kind.

    Example: mes durable mount COL-12 --equipment tcb-1
    """

    def here(session: Session, found: int, act: Act) -> Durable:
        return care.mount_durable(session, found, equipment_id(session, equipment), act)

    _do(name, "mount", {"equipment": equipment}, here, why, as_json=as_json)


@app.command()
def dismount(name: DurableName, *, why: Why = "", as_json: Json = False) -> None:
    """Take a durable off its equipment. Refused while a run counts on it.

    Example: mes durable dismount COL-12
    """
    _do(name, "dismount", {}, care.dismount_durable, why, as_json=as_json)


@app.command()
def clean(name: DurableName, *, why: Why = "", as_json: Json = False) -> None:
    """Say that a durable was cleaned.

    Example: mes durable clean COL-12
    """
    _do(name, "clean", {}, care.clean_durable, why, as_json=as_json)


@app.command()
def inspect(
    name: DurableName,
    *,
    fit: Annotated[bool, typer.Option("--fit/--unfit", help="What was found.")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say that a durable was inspected; one that is unfit comes off its equipment.

    Example: mes durable inspect COL-12 --unfit --why "chipped at the edge"
    """
    _do(name, "inspect", {"fit": fit}, lambda s, i, a: care.inspect_durable(s, i, a, fit=fit), why, as_json=as_json)


@app.command()
def scrap(name: DurableName, *, why: Why, as_json: Json = False) -> None:
    """Throw a durable away.

    Example: mes durable scrap COL-12 --why "worn out"
    """
    _do(name, "scrap", {}, care.scrap_durable, why, as_json=as_json)


def _do(
    name: str, verb: str, body: dict[str, Any], here: Callable[[Session, int, Act], Durable], why: str, *,
    as_json: bool,
) -> None:  # fmt: skip
    """A verb on a durable, over HTTP or here, and what that leaves."""
    if there := server():
        told = there.post("durables", name, verb, body={**body, "why": why})
    else:
        with writing(why) as (session, act):
            found = durable_id(session, name)
            here(session, found, act)
            session.flush()
            told = look(session, found)
    show_one(told, as_json=as_json)
