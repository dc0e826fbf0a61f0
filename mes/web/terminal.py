"""The terminal of an operator: scan a lot, scan an equipment, start; scan the lot again, count, finish."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.equipment.queries import equipment_id
from mes.errors import Malformed
from mes.http.command import FormRoute
from mes.http.event_stream import EventStream
from mes.http.transaction import Tx
from mes.labels.find import Found, find
from mes.labels.scanned import readings
from mes.lots.carriers.models import Carrier, CarrierSlot
from mes.lots.carriers.queries import IN_USE
from mes.lots.models import Lot, LotSubstrate
from mes.lots.queries import lot_id, open_run
from mes.lots.states import Progress
from mes.lots.work import run_course
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import TrackIn, lot_parts, track_in
from mes.people.access import require, still
from mes.people.models import Customer
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.units.models import Substrate
from mes.web.forms import Field, Note, Why, onwards
from mes.web.live import Live
from mes.web.pages import View, page, plant_time, render, view_of
from mes.web.terminal_first import first
from mes.web.terminal_step import Step, step

router = APIRouter(prefix="/terminal", route_class=FormRoute)
Worker = Annotated[Person, require(Permission.WORK_LOTS)]


def fragments(session: Session, view: View) -> Mapping[str, str]:
    """What moves on every terminal: the clock. That it is heard of says that the line is there."""
    return {"plant-clock": render("plant_clock.html", view, plant=plant_time(session, view))}


@router.get("")
def show(
    request: Request, session: Tx, person: Worker,
    lot: str = "", customer: str = "", equipment: str = "", run: str = "", said: str = "",
) -> Response:  # fmt: skip
    """What to do now: with nothing, a lot, an equipment, or both."""
    told = step(session, lot_id(session, lot, customer or None), equipment, person.name) if lot else Step()
    begin = None if told.operation or told.runs else first(session, "" if lot else equipment)
    given: dict[str, Any] = {"equipment": equipment, "run": run, "said": said if said in SAID else "", "first": begin}
    view = view_of(request, person)
    given |= {"parts": fragments(session, view), "plant": plant_time(session, view)}
    return page(request, "terminal.html", "/terminal", person, told=told, **given)


SAID = ("started", "finished", "broken_off", "unknown")
"""What the banner may say of what was just done or scanned."""


@router.get("/scan")
def scan(session: Tx, _: Worker, code: str = "", lot: str = "", customer: str = "", equipment: str = "") -> Response:
    """Take what was scanned: a lot begins anew on the equipment that is chosen, an equipment is chosen for the lot.

    A substrate stands for its lot, and a carrier for the lot in it.
    """
    now = {"lot": lot, "customer": customer, "equipment": equipment}
    match [found for found in find(session, code, centre=True) if found.kind in {"lot", "equipment", *LEADS}]:
        case [Found(kind="equipment", name=name)]:
            now["equipment"] = name
        case [found] if len(lots := _lots(session, found)) == 1:
            now["lot"], now["customer"] = lots[0]
        case _:
            return onwards("/terminal", **_given(now), said="unknown", run="".join(readings(code)[:1])[:64])
    return onwards("/terminal", **_given(now))


LEADS = {"substrate", "carrier"}
"""What is scanned in place of the lot that it is in, or that stands in it."""


def _lots(session: Session, found: Found) -> Sequence[tuple[str, str]]:
    """Name and customer of the lots that a code leads to."""
    if found.kind == "lot":
        return [(found.name, found.customer)]
    query = select(Lot.name, Customer.name).join(Customer, Customer.id == Lot.customer_id).distinct()
    query = query.join(LotSubstrate, LotSubstrate.lot_id == Lot.id).where(LotSubstrate.progress != Progress.CLOSED)
    if found.kind == "carrier":
        query = query.join(CarrierSlot, IN_USE).join(Carrier, Carrier.id == CarrierSlot.carrier_id)
        query = query.where(Carrier.name == found.name)
    else:
        query = query.join(Substrate, Substrate.id == LotSubstrate.substrate_id)
        query = query.where(Substrate.name == found.name, Customer.name == found.customer)
    return [(lot, customer) for lot, customer in session.execute(query)]


def _given(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}


@router.get("/stream")
async def stream(request: Request, person: Worker) -> EventStream:
    """That the line is heard of."""
    live: Live = request.app.state.live
    return live.stream(fragments, person.scope, view_of(request, person), still(request, person))


@router.post("/track-in")
def start(session: Tx, by: Worker, lot: Field, customer: Field, equipment: Field) -> Response:
    """Start the lot on the equipment: all its substrates that wait, or as many as fit."""
    found = lot_id(session, lot, customer)
    wanted = TrackIn(equipment_id(session, equipment), tuple(lot_parts(session, [found], ())))
    run = track_in(session, wanted, act_now(session, by.name))
    session.flush()
    return onwards("/terminal", lot=lot, customer=customer, said="started", run=run.name)


@router.post("/track-out")
def end(
    session: Tx, by: Worker, lot: Field, customer: Field, run: Field,
    good: Annotated[int, Form(ge=0, lt=2**31)], failed: Note = "",
) -> Response:  # fmt: skip
    """Finish the lot's part of a run, with the good units counted and those that failed named."""
    found = lot_id(session, lot, customer)
    finish(session, open_run(session, found, run), found, Told(_failed(failed), good), act_now(session, by.name))
    return onwards("/terminal", lot=lot, customer=customer, said="finished", run=run)


@router.post("/abort")
def break_off(session: Tx, by: Worker, lot: Field, customer: Field, run: Field, why: Why) -> Response:
    """Break a run off that was begun by mistake, or cannot be finished: what is not reported waits again."""
    found = lot_id(session, lot, customer)
    run_course.abort(session, open_run(session, found, run).id, why, act_now(session, by.name, why))
    return onwards("/terminal", lot=lot, customer=customer, said="broken_off", run=run)


def _failed(text: str) -> dict[str, dict[tuple[int, int], int]]:
    """Failed units from lines of substrate, x, y and bin. Raises `Malformed` with the line that is not so."""
    found: dict[str, dict[tuple[int, int], int]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match line.split():
            case [substrate, x, y, code] if all(n.isdecimal() and len(n) < 6 for n in (x, y, code)):
                found.setdefault(substrate, {})[int(x), int(y)] = int(code)
            case _:
                raise Malformed(f"'{line[:80]}' is no failed unit; write substrate, x, y and bin, such as W1 3 0 7.")
    return found
