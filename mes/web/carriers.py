"""Carriers: how full they are, where they stand, until when they are clean, and what stands in their slots."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from mes.definitions.clock import act_now, plant_now
from mes.http import paging
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.lots.carriers.carry import change_carrier, clean_carrier, leave_carrier, move_carrier
from mes.lots.carriers.models import Carrier
from mes.lots.carriers.queries import carrier_id, look, select_carriers
from mes.lots.queries import lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web.forms import Field, Note, Unchosen, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/carriers", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Worker = Annotated[Person, require(Permission.WORK_LOTS)]
CarrierName = Annotated[Name, Path()]


@router.get("")
def show_all(request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, q: str = "") -> Response:
    """Carriers by name."""
    query = select_carriers(plant_now(session)).where(Carrier.name.icontains(q, autoescape=True))
    found = paging.paged(session, query, (Carrier.name,), asked)
    told: dict[str, Any] = {"rows": found["items"], "q": q, "plant": plant_time(session, view_of(request, viewer))}
    told["further"] = found["next"] and urlencode({"q": q, "after": found["next"]})
    return page(request, "carriers.html", "/equipment", viewer, **told)


@router.get("/{carrier}")
def show(request: Request, session: Tx, viewer: Viewer, carrier: CarrierName) -> Response:
    """One carrier, slot by slot."""
    told = look(session, carrier_id(session, carrier), plant_now(session))
    inside = {one["slot"]: one for one in told["contents"]}
    plant = plant_time(session, view_of(request, viewer))
    lots = sorted({(one["customer"], one["lot"]) for one in told["contents"]})
    here = path("carriers", carrier)
    return page(request, "carrier.html", "/equipment", viewer, carrier=told, inside=inside, lots=lots, plant=plant,
                here=here)  # fmt: skip


@router.post("/{carrier}/load")
def load(session: Tx, by: Worker, carrier: CarrierName, lot: Field, customer: Field | Unchosen = "") -> Response:
    """Put every substrate of a lot that waits into this one, by name into the slots that are free."""
    found = lot_id(session, lot, customer or None)
    change_carrier(session, found, carrier_id(session, carrier), None, act_now(session, by.name))
    return onwards(path("carriers", carrier))


@router.post("/{carrier}/unload")
def unload(session: Tx, by: Worker, carrier: CarrierName, lot: Field, customer: Field, why: Note = "") -> Response:
    """Take a lot out of its carriers, this one among them."""
    found = lot_id(session, lot, customer)
    leave_carrier(session, found, carrier_id(session, carrier), act_now(session, by.name, why))
    return onwards(path("carriers", carrier))


@router.post("/{carrier}/move")
def move(session: Tx, by: Worker, carrier: CarrierName, location: Field) -> Response:
    """Say where a carrier stands."""
    move_carrier(session, carrier_id(session, carrier), location, act_now(session, by.name))
    return onwards(path("carriers", carrier))


@router.post("/{carrier}/clean")
def clean(session: Tx, by: Worker, carrier: CarrierName, why: Note = "") -> Response:
    """An empty carrier was cleaned."""
    clean_carrier(session, carrier_id(session, carrier), act_now(session, by.name, why))
    return onwards(path("carriers", carrier))
