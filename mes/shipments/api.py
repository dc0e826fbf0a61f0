"""Shipments over HTTP: sent and received, each with its document."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, Field

from mes.definitions.clock import act_now
from mes.http import paging
from mes.http.command import CommandRoute
from mes.http.shapes import Asked, Name, Text, example
from mes.http.transaction import Tx
from mes.lots.queries import lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.shipments.document import EXAMPLE, MOST_CERTIFICATES, MOST_LOTS, Certificate, Document
from mes.shipments.looks import NEWEST_FIRST, document, look, select_shipments
from mes.shipments.models import Shipment
from mes.shipments.queries import shipment_id
from mes.shipments.receive import Receiving, receive
from mes.shipments.send import Sending, confirm, send
from mes.shipments.states import Direction, ShipmentState

router = APIRouter(prefix="/shipments", route_class=CommandRoute, tags=["shipments"])

Viewer = Annotated[Person, require(Permission.SEE_LOTS)]
Shipper = Annotated[Person, require(Permission.SHIP_LOTS)]
ShipmentName = Annotated[Name, Path(description="Name of the shipment.")]

SENT: dict[str, Any] = {
    "shipment": "SHP-000012", "direction": "sent", "state": "in_transit", "customer": "alpha",
    "partner": "test house", "reference": "waybill 4711", "units": 96, "sent_at": "2026-03-02T09:00:00Z",
    "arrived_at": None,
}  # fmt: skip
"""A shipment in the examples."""


class ShipmentRow(BaseModel):
    """A shipment in a list. Times are UTC on the plant clock of who sent, and of who received."""

    model_config = example(**SENT, lots=2, differences=0)

    shipment: str
    direction: Direction
    state: ShipmentState
    customer: str
    partner: str = Field(description="To whom it went, or from whom it came.")
    reference: str = Field(description="What the sender calls it.")
    lots: int
    units: int = Field(description="Good ones, when it left or came.")
    sent_at: datetime
    arrived_at: datetime | None
    differences: int = Field(description="In how much another thing arrived than the document says.")


class ShippedLot(BaseModel):
    """A lot of a shipment."""

    lot: str
    state: str
    substrates: int
    units: int


class ShipmentLook(BaseModel):
    """A shipment with its lots."""

    model_config = example(
        **SENT,
        lots=[{"lot": "L-1", "state": "in_transit", "substrates": 4, "units": 96}],
        differences=[],
        sha256="9f86d0",
    )

    shipment: str
    direction: Direction
    state: ShipmentState
    customer: str
    partner: str
    reference: str
    lots: list[ShippedLot]
    units: int
    sent_at: datetime
    arrived_at: datetime | None
    differences: list[str] = Field(description="What arrived otherwise than the document says, a sentence each.")
    sha256: str = Field(description="Of the document.")


class SendBody(Asked):
    """Lots of one customer, to whom they go, and what goes with them."""

    model_config = example(lots=["L-1", "L-2"], to="test house", reference="waybill 4711", why="all tested")

    lots: Annotated[list[Name], Field(min_length=1, max_length=MOST_LOTS)]
    customer: Name | None = Field(None, description="Whose lots, where customers share a name.")
    to: Name
    reference: Annotated[Text, Field(max_length=200)] = ""
    certificates: Annotated[list[Certificate], Field(max_length=MOST_CERTIFICATES)] = Field(default=[])
    why: Text = ""


class ConfirmBody(Asked):
    """That a shipment arrived, and what its receiver found otherwise."""

    model_config = example(differences=["W-3 is broken"], why="mail of 2 March")

    differences: Annotated[list[Annotated[Text, Field(min_length=1)]], Field(max_length=100)] = Field(default=[])
    why: Text = ""


class ReceiveBody(Asked):
    """A document as its sender made it, and what was counted on arrival."""

    model_config = example(document=EXAMPLE.model_dump(mode="json"), counted={"W-1": 11})

    document: Document
    customer: Name | None = Field(None, description="Whose material it is here; as the document says if not given.")
    route: Name | None = Field(None, description="Of its lots; the one that makes the product of each if not given.")
    release: bool = Field(False, description="Release the lots, too.")  # noqa: FBT003
    counted: Annotated[dict[Name, Annotated[int, Field(ge=0, lt=2**31)]], Field(max_length=2000)] = Field(
        default={},
        description="By substrate, the units counted on arrival; by container, the amount. 0: it did not come.",
    )
    why: Text = ""


@router.get("", response_model=paging.Page[ShipmentRow])
def list_shipments(
    session: Tx, _: Viewer, asked: paging.Asked, direction: Direction | None = None, state: ShipmentState | None = None
) -> Any:
    """Shipments, the newest first; a customer's own, or all for the centre's people."""
    return paging.paged(session, select_shipments(direction, state), NEWEST_FIRST, asked, newest_first=True)


@router.get("/{shipment}", response_model=ShipmentLook)
def show(session: Tx, _: Viewer, shipment: ShipmentName) -> Any:
    """One shipment with its lots, and what arrived otherwise than its document says."""
    return look(session, shipment_id(session, shipment))


@router.get("/{shipment}/document", response_model=Document)
def show_document(session: Tx, _: Viewer, shipment: ShipmentName) -> Any:
    """The document as it was sent, to be given to whoever receives the shipment."""
    return Response(document(session, shipment_id(session, shipment)), media_type="application/json")


@router.post("", response_model=ShipmentLook, status_code=201)
def send_lots(session: Tx, by: Shipper, body: SendBody) -> Any:
    """Let whole lots leave together, completed ones or such from the die bank. Refused with every reason."""
    lots = [lot_id(session, lot, body.customer) for lot in body.lots]
    wanted = Sending(lots, body.to, body.reference, tuple(body.certificates))
    return _look(session, send(session, wanted, act_now(session, by.name, body.why)))


@router.post("/received", response_model=ShipmentLook, status_code=201)
def receive_shipment(session: Tx, by: Shipper, body: ReceiveBody) -> Any:
    """Create the lots of a shipment from its document; a lot of which other than that came is held.

    Refused where the document was altered on the way, or was received already.
    """
    wanted = Receiving(body.document, body.customer, body.route, body.release, body.counted)
    return _look(session, receive(session, wanted, act_now(session, by.name, body.why)))


@router.post("/{shipment}/confirm", response_model=ShipmentLook)
def confirm_shipment(session: Tx, by: Shipper, shipment: ShipmentName, body: ConfirmBody) -> Any:
    """Note that a shipment arrived, and what its receiver found otherwise than the document says."""
    found = shipment_id(session, shipment)
    return _look(session, confirm(session, found, body.differences, act_now(session, by.name, body.why)))


def _look(session: Tx, shipment: Shipment) -> dict[str, Any]:
    session.flush()
    return look(session, shipment.id)
