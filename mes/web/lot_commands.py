"""What people do to a lot on its page."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import NaiveDatetime

from mes.definitions.clock import act_now
from mes.equipment.queries import equipment_id
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import WRITTEN, Name
from mes.http.transaction import Tx
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.gate.reserve import lift_reservation, reserve
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import hold, release_hold
from mes.lots.holds.mask_text import read_units
from mes.lots.priority import change_priority
from mes.lots.queries import lot_id
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.people.signing import SIGNED
from mes.web.forms import Field, Note, Unchosen, Why, onwards
from mes.web.pages import plant_moment, view_of

router = APIRouter(prefix="/lots/{customer}/{name}", route_class=FormRoute)

Holder = Annotated[Person, require(Permission.HOLD_LOTS)]
Changer = Annotated[Person, require(Permission.CHANGE_LOTS)]
Engineer = Annotated[Person, require(Permission.DISPOSE_QUEUE_TIMES)]
Reworker = Annotated[Person, require(Permission.REWORK_LOTS)]
Releaser = Annotated[Person, require(Permission.RELEASE_HOLDS)]


@router.post("/priority")
def change_priority_of_lot(
    request: Request, session: Tx, by: Changer, customer: str, name: str,
    priority: Annotated[int, Form(ge=1, le=9)], due: Annotated[NaiveDatetime | None, Form()] = None, why: Note = "",
) -> Response:  # fmt: skip
    """Change the priority of the lot and, where one is given in the zone of its page, its due date."""
    due_at = plant_moment(session, view_of(request, by), due)
    change_priority(session, lot_id(session, name, customer), priority, due_at, act_now(session, by.name, why))
    return onwards(path("lots", customer, name))


@router.post("/reserve")
def reserve_lot(
    request: Request, session: Tx, by: Changer, customer: str, name: str, equipment: Field, until: NaiveDatetime,
    why: Note = "",
) -> Response:  # fmt: skip
    """Reserve the lot for one equipment until a time in the zone of its page."""
    ends = plant_moment(session, view_of(request, by), until)
    assert ends is not None
    found, on = lot_id(session, name, customer), equipment_id(session, equipment)
    reserve(session, found, on, ends, act_now(session, by.name, why))
    return onwards(path("lots", customer, name))


@router.post("/lift-reservation")
def lift_reservation_of_lot(session: Tx, by: Changer, customer: str, name: str, why: Note = "") -> Response:
    """Let all equipment of the class start the lot again."""
    lift_reservation(session, lot_id(session, name, customer), act_now(session, by.name, why))
    return onwards(path("lots", customer, name))


@router.post("/split")
def split_lot(
    session: Tx, by: Changer, customer: str, name: str,
    substrate: Annotated[list[Name] | None, Form()] = None,
    into: Annotated[Name | None, Form()] = None, why: Note = "",
) -> Response:  # fmt: skip
    """Let the chosen substrates go on in a lot of their own, and show that."""
    new = split(session, lot_id(session, name, customer), substrate or [], into, act_now(session, by.name, why))
    return onwards(path("lots", customer, new.name))


@router.post("/merge")
def merge_lots(session: Tx, by: Changer, customer: str, name: str, other: Field, why: Note = "") -> Response:
    """Let all of another lot of the customer go on in this one."""
    into = lot_id(session, name, customer)
    merge(session, into, lot_id(session, other, customer), act_now(session, by.name, why))
    return onwards(path("lots", customer, name))


@router.post("/hold")
def hold_lot(
    request: Request,
    session: Tx,
    by: Holder,
    customer: str,
    name: str,
    code: Field,
    why: Why,
    owner: Annotated[Role | Unchosen, Form()] = "",
    review: Annotated[NaiveDatetime | None, Form()] = None,
    positions: Annotated[str, Form(max_length=20000, pattern=WRITTEN)] = "",
) -> Response:
    """Hold the lot, or units of it, to be looked at again by a time in the zone of its page if one is given."""
    units = [read_units(line) for line in positions.splitlines() if line.strip()]
    act, review_by = act_now(session, by.name, why), plant_moment(session, view_of(request, by), review)
    hold(session, lot_id(session, name, customer), code, why, owner or None, act, review_by, units)
    return onwards(path("lots", customer, name))


@router.post("/future-hold")
def hold_lot_later(
    session: Tx, by: Holder, customer: str, name: str, operation: Field, code: Field, why: Why,
    owner: Annotated[Role | Unchosen, Form()] = "",
) -> Response:  # fmt: skip
    """Hold the lot when it reaches an operation."""
    act = act_now(session, by.name, why)
    set_future_hold(session, lot_id(session, name, customer), operation, code, why, owner or None, act)
    return onwards(path("lots", customer, name))


@router.post("/withdraw-future-hold")
def withdraw_future_hold_of_lot(
    session: Tx, by: Releaser, customer: str, name: str, future_hold: Annotated[int, Form(ge=1, lt=2**31)], why: Why
) -> Response:
    """Take back one future hold of the lot."""
    act = act_now(session, by.name, why)
    withdraw_future_hold(session, lot_id(session, name, customer), future_hold, why, by.role, act)
    return onwards(path("lots", customer, name))


@router.post("/release-hold")
def release_hold_of_lot(
    session: Tx, by: Releaser, customer: str, name: str, hold: Annotated[int, Form(ge=1, lt=2**31)], why: Why
) -> Response:
    """Release one hold of the lot."""
    release_hold(session, lot_id(session, name, customer), hold, why, by.role, act_now(session, by.name, why))
    return onwards(path("lots", customer, name))


@router.post("/dispose-queue-time", dependencies=[SIGNED])
def dispose_queue_time_of_lot(
    request: Request, session: Tx, by: Engineer, customer: str, name: str, why: Why,
    substrate: Annotated[list[Name] | None, Form()] = None, until: Annotated[NaiveDatetime | None, Form()] = None,
) -> Response:  # fmt: skip
    """Sign that substrates that waited too long go on, until a time in the zone of the page if one is given."""
    ends = plant_moment(session, view_of(request, by), until)
    act = act_now(session, by.name, why)
    dispose_queue_time(session, lot_id(session, name, customer), substrate or [], ends, by, act)
    return onwards(path("lots", customer, name))


@router.post("/rework")
def rework_lot(
    session: Tx, by: Reworker, customer: str, name: str, reason: Field, why: Why,
    substrate: Annotated[list[Name] | None, Form()] = None,
) -> Response:  # fmt: skip
    """Send the chosen substrates back on their route."""
    act = act_now(session, by.name, why)
    rework(session, lot_id(session, name, customer), substrate or [], reason, act)
    return onwards(path("lots", customer, name))
