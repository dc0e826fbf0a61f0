"""`mes material`: kinds of material, and lots as suppliers deliver them."""

from datetime import datetime
from typing import Annotated

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.definitions.models import MaterialKind
from mes.errors import Malformed
from mes.materials.looks import look_at_lot, select_kinds, select_material_lots
from mes.materials.models import MaterialLot
from mes.materials.queries import material_lot_id
from mes.materials.receive import Delivery
from mes.materials.receive import receive as receive_lot

app = typer.Typer(no_args_is_help=True)

EXPIRY = ["%Y-%m-%dT%H:%M%z"]
LotName = Annotated[str, typer.Argument(metavar="LOT", help="The supplier's number of the lot.")]
Owner = Annotated[str | None, typer.Option("--customer", help="Whose it is; the centre's if not given.")]


@app.command(name="list")
def list_materials(*, as_json: Json = False) -> None:
    """All kinds of material: their unit, how long they thaw, how long they last.

    Example: mes material list
    """
    if there := server():
        found = there.rows("materials")
    else:
        with reading() as session:
            found = [dict(row) for row in session.execute(select_kinds().order_by(MaterialKind.name)).mappings()]
    show(found, as_json=as_json, empty="No material; the text of the plant names it in materials.yaml.")


@app.command()
def lots(
    *, material: Annotated[str | None, typer.Option(help="Only of this material.")] = None, as_json: Json = False
) -> None:
    """All lots of material with supplier, certificate and shelf life.

    Example: mes material lots --material flux
    """
    if there := server():
        found = there.rows("material-lots", material=material)
    else:
        query = select_material_lots().order_by(MaterialLot.name, MaterialLot.id)
        if material is not None:
            query = query.where(MaterialKind.name == material)
        with reading() as session:
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No lots of material.")


@app.command(name="show")
def show_lot(name: LotName, *, customer: Owner = None, as_json: Json = False) -> None:
    """One lot of material with its containers.

    Example: mes material show F-2207
    """
    if there := server():
        told = there.get("material-lots", name, customer=customer)
    else:
        with reading() as session:
            told = look_at_lot(session, material_lot_id(session, name, customer), plant_now(session))
    show_one(told, as_json=as_json)


@app.command()
def receive(
    name: LotName,
    containers: Annotated[list[str], typer.Argument(metavar="CONTAINER=AMOUNT...", help="What it came in.")],
    *,
    material: Annotated[str, typer.Option(help="Which material it is.")],
    supplier: Annotated[str, typer.Option(help="Who delivered it.")] = "",
    certificate: Annotated[str, typer.Option(help="Reference of its certificate.")] = "",
    expires: Annotated[datetime | None, typer.Option(help="End of shelf life, with offset.", formats=EXPIRY)] = None,
    customer: Owner = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Receive a lot of material in its containers, each with its amount in the unit of the material.

    Example: mes material receive F-2207 FLX-31=30000 FLX-32=30000 --material flux --certificate COA-88211
    """
    came = tuple(_amount(text) for text in containers)
    if there := server():
        body = {
            "id": name, "material": material, "supplier": supplier, "certificate": certificate, "customer": customer,
            "containers": [{"id": one, "amount": amount} for one, amount in came], "why": why,
        }  # fmt: skip
        told = there.post("material-lots", body={**body, "expires_at": expires and expires.isoformat()})
    else:
        with writing(why) as (session, act):
            lot = receive_lot(session, Delivery(name, material, came, supplier, certificate, expires, customer), act)
            session.flush()
            told = look_at_lot(session, lot.id, act.at)
    show_one(told, as_json=as_json)


def _amount(text: str) -> tuple[str, int]:
    """``CONTAINER=AMOUNT`` taken apart. Raises `Malformed`."""
    name, equals, amount = text.rpartition("=")
    if not equals or not amount.isdecimal():
        raise Malformed(f"{text} names no amount; write CONTAINER=AMOUNT, a whole number in the unit of the material.")
    return name, int(amount)
