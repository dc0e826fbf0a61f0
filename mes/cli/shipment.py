"""`mes shipment`: lots that leave together and come together."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, print_json, show, show_one
from mes.cli.remote import server
from mes.errors import Malformed
from mes.lots.queries import lot_id
from mes.shipments.document import Certificate, Document
from mes.shipments.looks import document as document_of
from mes.shipments.looks import look, select_shipments
from mes.shipments.models import Shipment
from mes.shipments.queries import shipment_id
from mes.shipments.receive import Receiving
from mes.shipments.receive import receive as receive_shipment
from mes.shipments.send import Sending
from mes.shipments.send import confirm as confirm_shipment
from mes.shipments.send import send as send_lots
from mes.shipments.states import Direction, ShipmentState

app = typer.Typer(no_args_is_help=True)

ShipmentName = Annotated[str, typer.Argument(metavar="SHIPMENT", help="Name of the shipment.")]


@app.command(name="list")
def list_shipments(
    *,
    direction: Annotated[Direction | None, typer.Option(help="Only those sent, or only those received.")] = None,
    state: Annotated[ShipmentState | None, typer.Option(help="Only shipments of this state.")] = None,
    as_json: Json = False,
) -> None:
    """Shipments, the newest first.

    Example: mes shipment list --state in_transit
    """
    if there := server():
        found = there.rows("shipments", direction=direction, state=state)
    else:
        query = select_shipments(direction, state).order_by(Shipment.id.desc())
        with reading() as session:
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No shipments.")


@app.command(name="show")
def show_shipment(name: ShipmentName, *, as_json: Json = False) -> None:
    """One shipment with its lots, and what arrived otherwise than its document says.

    Example: mes shipment show SHP-000012
    """
    if there := server():
        told = there.get("shipments", name)
    else:
        with reading() as session:
            told = look(session, shipment_id(session, name))
    show_one(told, as_json=as_json)


@app.command()
def document(
    name: ShipmentName,
    *,
    target: Annotated[Path | None, typer.Option("--out", help="The file to write; printed if not given.")] = None,
    as_json: Json = False,
) -> None:
    """The document that goes with a shipment: contents, maps, certificates and a hash over them, as JSON.

    Example: mes shipment document SHP-000012 --out SHP-000012.json
    """
    if there := server():
        written = there.fetch("shipments", name, "document", accept="application/json", query={}).decode()
    else:
        with reading() as session:
            written = document_of(session, shipment_id(session, name))
    if target is None:
        print_json(json.loads(written))
    else:
        target.write_text(written, encoding="utf-8")
        show_one({"file": str(target), "bytes": len(written.encode())}, as_json=as_json)


@app.command()
def send(
    lots: Annotated[list[str], typer.Argument(metavar="LOT...", help="Completed lots, or such from the die bank.")],
    *,
    to: Annotated[str, typer.Option(help="To whom they go.")],
    customer: Annotated[str | None, typer.Option(help="Whose lots, where customers share a name.")] = None,
    reference: Annotated[str, typer.Option(help="What the carrier calls it, such as a waybill.")] = "",
    certificates: Annotated[
        list[Path] | None, typer.Option("--certificate", help="Text file that goes along; repeat.", exists=True)
    ] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Let whole lots of one customer leave together.

    Example: mes shipment send L-104 L-105 --to "test house" --reference "waybill 4711"
    """
    along = [{"name": file.name, "text": file.read_text(encoding="utf-8")} for file in certificates or []]
    if there := server():
        body = {"lots": lots, "to": to, "customer": customer, "reference": reference, "certificates": along}
        told = there.post("shipments", body={**body, "why": why})
    else:
        certified = tuple(Certificate(**one) for one in along)
        with writing(why) as (session, act):
            wanted = Sending([lot_id(session, lot, customer) for lot in lots], to, reference, certified)
            told = look(session, send_lots(session, wanted, act).id)
    show_one(told, as_json=as_json)


@app.command()
def confirm(
    name: ShipmentName,
    *,
    differences: Annotated[
        list[str] | None, typer.Option("--differs", help="What the receiver found otherwise; repeat.")
    ] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Note that a shipment arrived, and what its receiver found otherwise than the document says.

    Example: mes shipment confirm SHP-000012 --differs "W-3 is broken"
    """
    if there := server():
        told = there.post("shipments", name, "confirm", body={"differences": differences or [], "why": why})
    else:
        with writing(why) as (session, act):
            shipment = confirm_shipment(session, shipment_id(session, name), differences or [], act)
            told = look(session, shipment.id)
    show_one(told, as_json=as_json)


@app.command()
def receive(
    file: Annotated[Path, typer.Argument(help="The document of the shipment.", exists=True, dir_okay=False)],
    *,
    customer: Annotated[
        str | None, typer.Option(help="Whose material it is here; as the document says if not given.")
    ] = None,
    route: Annotated[
        str | None, typer.Option(help="Of its lots; the one that makes their product if not given.")
    ] = None,
    released: Annotated[bool, typer.Option("--release", help="Release the lots, too.")] = False,
    counted: Annotated[
        list[str] | None,
        typer.Option(
            "--counted",
            metavar="SUBSTRATE=UNITS",
            help="Counted on arrival, of a container its amount; repeat. 0: not there.",
        ),
    ] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Create the lots of a shipment from its document. A lot of which other than that came is held.

    Example: mes shipment receive SHP-000012.json --release --counted W-3=11
    """
    units = dict(_counted(one) for one in counted or [])
    content = file.read_bytes()
    sent = _document(file.name, content)
    if there := server():
        body = {"document": json.loads(content), "customer": customer, "route": route, "release": released}
        told = there.post("shipments", "received", body={**body, "counted": units, "why": why})
    else:
        wanted = Receiving(sent, customer, route, released, units)
        with writing(why) as (session, act):
            told = look(session, receive_shipment(session, wanted, act).id)
    show_one(told, as_json=as_json)


def _counted(text: str) -> tuple[str, int]:
    name, _, units = text.rpartition("=")
    if not name or not units.isdecimal():
        raise Malformed(f"{text} is no count; write SUBSTRATE=UNITS.")
    return name, int(units)


def _document(name: str, content: bytes) -> Document:
    try:
        return Document.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Malformed(
            f"{name} is no document of a shipment: {where + ': ' if where else ''}{first['msg']}."
        ) from None
