"""`mes container`: what is done to syringes, reels and bags of material."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.equipment.queries import equipment_id
from mes.history import Act
from mes.materials.baking import bake as bake_container
from mes.materials.looks import look, select_containers, wanted
from mes.materials.models import Container
from mes.materials.mounting import mount as mount_container
from mes.materials.mounting import return_container
from mes.materials.preparing import open_container
from mes.materials.preparing import thaw as thaw_container
from mes.materials.queries import container_id
from mes.materials.scrapping import scrap_container
from mes.materials.states import ContainerState

app = typer.Typer(no_args_is_help=True)

ContainerName = Annotated[str, typer.Argument(metavar="CONTAINER", help="Name of the container.")]
Owner = Annotated[str | None, typer.Option("--customer", help="Whose it is, where owners share a name.")]
OutOfOrder = Annotated[bool, typer.Option("--out-of-order", help="Though another expires earlier; say why.")]


@app.command(name="list")
def list_containers(
    *,
    material: Annotated[str | None, typer.Option(help="Only of this material.")] = None,
    state: Annotated[ContainerState | None, typer.Option(help="Only of this state.")] = None,
    equipment: Annotated[str | None, typer.Option(help="Only what is mounted on it.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    named: Annotated[str | None, typer.Option("--q", help="Only with this in their name.")] = None,
    ended: Annotated[
        bool | None, typer.Option("--ended/--left", help="Only with nothing left in them, or only others.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Containers by name, with what is left in them and when they expire.

    Example: mes container list --material flux --left
    """
    asked: dict[str, Any] = {
        "material": material,
        "state": state,
        "equipment": equipment,
        "customer": customer,
        "ended": ended,
    }
    if there := server():
        found = there.rows("containers", q=named, **asked)
    else:
        with reading() as session:
            query = wanted(select_containers(plant_now(session)), named=named, **asked)
            query = query.order_by(Container.name, Container.id)
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found if as_json else [_brief(one) for one in found], as_json=as_json, empty="No containers.")


def _brief(one: dict[str, Any]) -> dict[str, Any]:
    """What of a container fits on a line."""
    kept = ("container", "material", "state", "remainder", "unit", "expires_at", "expired", "equipment")
    return {key: one[key] for key in kept}


@app.command(name="show")
def show_container(name: ContainerName, *, customer: Owner = None, as_json: Json = False) -> None:
    """One container, with the lot it came in.

    Example: mes container show FLX-31
    """
    if there := server():
        told = there.get("containers", name, customer=customer)
    else:
        with reading() as session:
            told = look(session, container_id(session, name, customer), plant_now(session))
    show_one(told, as_json=as_json)


@app.command()
def thaw(
    name: ContainerName, *, out_of_order: OutOfOrder = False, customer: Owner = None, why: Why = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take a container out of the cold. Refused while another there expires earlier.

    Example: mes container thaw FLX-31
    """
    body = {"out_of_order": out_of_order}
    _do(name, "thaw", body, lambda s, i, a: thaw_container(s, i, a, **body), customer, why, as_json=as_json)


@app.command(name="open")
def open_one(name: ContainerName, *, customer: Owner = None, why: Why = "", as_json: Json = False) -> None:
    """Open a container that has thawed, or need not.

    Example: mes container open FLX-31
    """
    _do(name, "open", {}, open_container, customer, why, as_json=as_json)


@app.command()
def bake(name: ContainerName, *, customer: Owner = None, why: Why = "", as_json: Json = False) -> None:
    """Dry an open container in an oven; after that it has its whole floor life.

    Example: mes container bake REEL-7
    """
    _do(name, "bake", {}, bake_container, customer, why, as_json=as_json)


@app.command()
def mount(
    name: ContainerName,
    *,
    equipment: Annotated[str, typer.Option(help="Where it is mounted.")],
    out_of_order: OutOfOrder = False,
    customer: Owner = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Put a container on an equipment. Refused while another of its material that is ready expires earlier.

    Example: mes container mount FLX-31 --equipment TCB-01
    """

    def here(session: Session, found: int, act: Act) -> Container:
        return mount_container(session, found, equipment_id(session, equipment), act, out_of_order=out_of_order)

    body = {"equipment": equipment, "out_of_order": out_of_order}
    _do(name, "mount", body, here, customer, why, as_json=as_json)


@app.command(name="return")
def return_one(name: ContainerName, *, customer: Owner = None, why: Why = "", as_json: Json = False) -> None:
    """Take a container off its equipment with what is left in it. Refused while a run takes of it.

    Example: mes container return FLX-31
    """
    _do(name, "return", {}, return_container, customer, why, as_json=as_json)


@app.command()
def scrap(
    name: ContainerName,
    *,
    why: Why,
    amount: Annotated[int | None, typer.Option(help="How much, in its unit; all that is left if not given.")] = None,
    customer: Owner = None,
    as_json: Json = False,
) -> None:
    """Throw a part of a container away, or all that is left in it.

    Example: mes container scrap FLX-31 --amount 200 --why "purged after the stop"
    """
    _do(
        name, "scrap", {"amount": amount}, lambda s, i, a: scrap_container(s, i, amount, a), customer, why,
        as_json=as_json,
    )  # fmt: skip


def _do(
    name: str, verb: str, body: dict[str, Any], here: Callable[[Session, int, Act], Container], customer: str | None,
    why: str, *, as_json: bool,
) -> None:  # fmt: skip
    """A verb on a container, over HTTP or here, and what that leaves."""
    if there := server():
        told = there.post("containers", name, verb, body={**body, "why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            found = container_id(session, name, customer)
            here(session, found, act)
            session.flush()
            told = look(session, found, act.at)
    show_one(told, as_json=as_json)
