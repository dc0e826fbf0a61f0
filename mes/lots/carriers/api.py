"""Carriers over HTTP: what there is and what stands in it, and a path for each verb."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now, plant_now
from mes.errors import Malformed
from mes.http import etag, paging
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import Asked, Name, Text, example
from mes.http.transaction import Tx
from mes.lots.carriers.carry import (
    LEAST_CLEAN_H,
    MOST_CLEAN_H,
    change_carrier,
    clean_carrier,
    leave_carrier,
    move_carrier,
    register_carrier,
)
from mes.lots.carriers.models import MOST_SLOTS, Carrier
from mes.lots.carriers.queries import carrier_id, look, select_carriers
from mes.lots.queries import lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/carriers", route_class=CommandRoute, tags=["carriers"])

CarrierName = Annotated[Name, Path(description="Name of the carrier.")]
Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Keeper = Annotated[Person, require(Permission.KEEP_MATERIALS)]
Worker = Annotated[Person, require(Permission.WORK_LOTS)]

CARRIER: dict[str, Any] = {
    "carrier": "FOUP-07",
    "kind": "foup",
    "slots": 25,
    "used": 1,
    "location": "stocker 2",
    "clean_until": "2026-03-08T02:00:00Z",
    "unclean": False,
}
"""A carrier in the examples."""


class CarrierRow(BaseModel):
    """A carrier. Times are UTC on the plant clock."""

    model_config = example(**CARRIER)

    carrier: str
    kind: str
    slots: int
    used: int = Field(description="Slots in which something stands.")
    location: str
    clean_until: datetime | None = Field(description="By when it is cleaned again; null: it need not be.")
    unclean: bool = Field(description="That time is over.")


class SlotRow(BaseModel):
    """What stands in a slot."""

    slot: int
    substrate: str
    lot: str
    customer: str
    assumed_map: bool = Field(description="It came without a map.")
    units: int = Field(description="Units that are still on it, by its map.")


class CarrierLook(CarrierRow):
    """A carrier with what stands in its slots."""

    model_config = example(
        **CARRIER,
        contents=[
            {"slot": 3, "substrate": "W1", "lot": "L-104", "customer": "hanbit", "assumed_map": False, "units": 412}
        ],
    )

    contents: list[SlotRow]


class NewCarrierBody(Asked):
    """A carrier to take in, clean."""

    model_config = example(id="FOUP-07", kind="foup", slots=25, clean_every_h=168)

    id: Name
    kind: Literal["foup", "magazine", "boat_carrier"]
    slots: int = Field(ge=1, le=MOST_SLOTS)
    clean_every_h: float | None = Field(
        None, ge=LEAST_CLEAN_H, le=MOST_CLEAN_H, description="Without it, it need not be cleaned."
    )
    why: Text = ""


class PlaceBody(Asked):
    """A substrate, and the slot it goes into."""

    substrate: Name
    slot: int = Field(ge=1, le=MOST_SLOTS)


class LoadBody(Asked):
    """A lot that goes into the carrier: each substrate into a slot, or all into the first that are free."""

    model_config = example(lot="L-104", slots=[{"substrate": "W1", "slot": 3}])

    lot: Name
    customer: Name | None = Field(None, description="Whose lot, where customers share a name.")
    slots: list[PlaceBody] = Field(default=[], max_length=MOST_SLOTS)
    why: Text = ""

    @property
    def placed(self) -> dict[str, int] | None:
        """The slot of each substrate, if any are named. Raises `Malformed` where one is named twice."""
        slots = {one.substrate: one.slot for one in self.slots}
        if len(slots) < len(self.slots):
            raise Malformed("A substrate is named twice; it stands in one slot.")
        return slots or None


class UnloadBody(Asked):
    """A lot that leaves its carriers."""

    model_config = example(lot="L-104")

    lot: Name
    customer: Name | None = None
    why: Text = ""


class CarrierMoveBody(Asked):
    """Where the carrier stands now."""

    model_config = example(location="stocker 2")

    location: Name
    why: Text = ""


class CleanBody(Asked):
    """That the carrier was cleaned."""

    model_config = example(why="")

    why: Text = ""


@dataclass
class _Named:
    """The carrier that a command is for, and the version that the caller has seen of it."""

    carrier: CarrierName
    if_match: IfMatch = None

    def id(self, session: Session) -> int:
        """Its id. Raises `NotFound`, and later `Stale` where it has changed since."""
        found = carrier_id(session, self.carrier)
        etag.asked(session, Carrier, found, self.if_match)
        return found


Named = Annotated[_Named, Depends()]


@router.get("", response_model=paging.Page[CarrierRow])
def list_carriers(
    session: Tx, _: Viewer, asked: paging.Asked,
    q: Annotated[str | None, Query(max_length=64, description="A part of the name.")] = None,
) -> Any:  # fmt: skip
    """Carriers by name, with how full they are and by when they are cleaned."""
    query = select_carriers(plant_now(session))
    if q is not None:
        query = query.where(Carrier.name.icontains(q, autoescape=True))
    return paging.paged(session, query, (Carrier.name,), asked)


@router.get("/{carrier}", response_model=CarrierLook)
def show_carrier(session: Tx, _: Viewer, response: Response, carrier: CarrierName) -> Any:
    """One carrier with what stands in its slots."""
    return _look(session, response, carrier_id(session, carrier))


@router.post("", response_model=CarrierLook, status_code=201)
def register(session: Tx, by: Keeper, response: Response, body: NewCarrierBody) -> Any:
    """Take a carrier in, clean."""
    act = act_now(session, by.name, body.why)
    made = register_carrier(session, body.id, body.kind, body.slots, body.clean_every_h, act)
    return _look(session, response, made)


@router.post("/{carrier}/load", response_model=CarrierLook)
def load(session: Tx, by: Worker, of: Named, response: Response, body: LoadBody) -> Any:
    """Change the carrier of a lot: every substrate of it that waits goes into this one."""
    found, lot = of.id(session), lot_id(session, body.lot, body.customer)
    change_carrier(session, lot, found, body.placed, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{carrier}/clean", response_model=CarrierLook)
def clean(session: Tx, by: Worker, of: Named, response: Response, body: CleanBody) -> Any:
    """Say that an empty carrier was cleaned."""
    found = of.id(session)
    clean_carrier(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{carrier}/move", response_model=CarrierLook)
def move(session: Tx, by: Worker, of: Named, response: Response, body: CarrierMoveBody) -> Any:
    """Say where a carrier stands."""
    found = of.id(session)
    move_carrier(session, found, body.location, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{carrier}/unload", response_model=CarrierLook)
def unload(session: Tx, by: Worker, of: Named, response: Response, body: UnloadBody) -> Any:
    """Take a lot out of its carriers, this one among them."""
    found, lot = of.id(session), lot_id(session, body.lot, body.customer)
    leave_carrier(session, lot, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


def _look(session: Session, response: Response, found: int) -> dict[str, Any]:
    """A carrier as the transaction leaves it, and its version in the head of the answer."""
    session.flush()
    etag.tell_row(session, response, Carrier, found)
    return look(session, found, plant_now(session))
