"""Shipments: what left and what came, each with its document; lots are sent away from their own page."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.http import paging
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import PRINTED, Name
from mes.http.transaction import Tx
from mes.lots.own_lots import own_lots
from mes.lots.queries import lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.shipments.looks import NEWEST_FIRST, document, look, select_shipments
from mes.shipments.queries import shipment_id
from mes.shipments.send import Sending, confirm, send
from mes.shipments.states import ShipmentState
from mes.web.forms import Field, Note, Unchosen, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_LOTS)]
Shipper = Annotated[Person, require(Permission.SHIP_LOTS)]
ShipmentName = Annotated[Name, Path()]


@router.get("/shipments")
def show_all(
    request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, state: ShipmentState | Unchosen = ""
) -> Response:  # fmt: skip
    """Shipments, the newest first; a customer's own, or all for the centre's people."""
    query = select_shipments(state=state or None)
    found = paging.paged(session, query, NEWEST_FIRST, asked, newest_first=True)
    told: dict[str, Any] = {"rows": found["items"], "state": state, "states": list(ShipmentState)}
    told["older"] = found["next"] and urlencode({"state": state, "after": found["next"]})
    plant = _plant(request, session, viewer)
    return page(request, "shipments.html", "/lots", viewer, plant=plant, **told)


@router.get("/shipments/{shipment}")
def show(request: Request, session: Tx, viewer: Viewer, shipment: ShipmentName) -> Response:
    """One shipment with its lots, and what arrived otherwise than its document says."""
    told = look(session, shipment_id(session, shipment))
    plant = _plant(request, session, viewer)
    return page(request, "shipment.html", "/lots", viewer, shipment=told, plant=plant, here=path("shipments", shipment))


def _plant(request: Request, session: Session, viewer: Person) -> dict[str, Any]:
    """The clock and the zone, which are the centre's."""
    with own_lots(session):
        return plant_time(session, view_of(request, viewer))


@router.get("/shipments/{shipment}/document")
def show_document(session: Tx, _: Viewer, shipment: ShipmentName) -> Response:
    """The document, as a file to give along."""
    written = document(session, shipment_id(session, shipment))
    headers = {"content-disposition": f'attachment; filename="{shipment}.json"'}
    return Response(written, media_type="application/json", headers=headers)


@router.post("/lots/{customer}/{name}/ship")
def send_lot(
    session: Tx, by: Shipper, customer: str, name: str, to: Field,
    reference: Annotated[str, Form(max_length=200, pattern=PRINTED)] = "", why: Note = "",
) -> Response:  # fmt: skip
    """Let the lot leave alone, and show its shipment."""
    wanted = Sending([lot_id(session, name, customer)], to, reference)
    return onwards(path("shipments", send(session, wanted, act_now(session, by.name, why)).name))


@router.post("/shipments/{shipment}/confirm")
def confirm_shipment(session: Tx, by: Shipper, shipment: ShipmentName, differs: Note = "", why: Note = "") -> Response:
    """Note that it arrived, and what was found otherwise, a line each."""
    differences = [line.strip() for line in differs.splitlines() if line.strip()]
    confirm(session, shipment_id(session, shipment), differences, act_now(session, by.name, why))
    return onwards(path("shipments", shipment))
