"""Find anything by what stands on it: a name typed or scanned leads to its page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from mes.equipment.models import Equipment
from mes.http.transaction import Tx
from mes.lots.models import Lot, RunSubstrate
from mes.people.access import may, require
from mes.people.models import Customer
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.runs.models import Run
from mes.units.models import Substrate
from mes.web.forms import onwards, path
from mes.web.pages import page

router = APIRouter()

MOST = 50
"""Of each kind that is listed where nothing has exactly that name."""
LONGEST = 200
"""Characters of what is looked for."""


@dataclass(frozen=True)
class Found:
    """One thing with that name; ``customer`` is empty for what belongs to the centre."""

    kind: str
    name: str
    customer: str
    address: str


def find(session: Session, wanted: str, *, centre: bool) -> list[Found]:
    """All that is called so, in upper or lower case; else lots and substrates with a name that holds it."""
    wanted = wanted.replace("\0", "").strip()[:LONGEST]
    if not wanted:
        return []
    exact = [*_lots(session, _is(Lot.name, wanted)), *_substrates(session, _is(Substrate.name, wanted))]
    if centre:
        exact += [*_equipment(session, wanted), *_runs(session, wanted)]
    if exact:
        return exact
    holding = (Lot.name.icontains(wanted, autoescape=True), Substrate.name.icontains(wanted, autoescape=True))
    return [*_lots(session, holding[0]), *_substrates(session, holding[1])]


Text = InstrumentedAttribute[str]


def _is(column: Text, wanted: str) -> ColumnElement[bool]:
    return func.lower(column) == wanted.lower()


def _lots(session: Session, named: ColumnElement[bool]) -> Iterator[Found]:
    query = select(Lot.name, Customer.name).join(Customer, Customer.id == Lot.customer_id).where(named)
    for lot, customer in session.execute(query.order_by(Lot.name, Customer.name).limit(MOST)):
        yield Found("lot", lot, customer, path("lots", customer, lot))


def _substrates(session: Session, named: ColumnElement[bool]) -> Iterator[Found]:
    query = select(Substrate.name, Substrate.kind, Customer.name).where(named)
    query = query.join(Customer, Customer.id == Substrate.customer_id)
    for substrate, kind, customer in session.execute(query.order_by(Substrate.name, Customer.name).limit(MOST)):
        yield Found(kind, substrate, customer, path("substrates", customer, substrate))


def _equipment(session: Session, wanted: str) -> Iterator[Found]:
    for name in session.scalars(select(Equipment.name).where(_is(Equipment.name, wanted))):
        yield Found("equipment", name, "", path("equipment", name))


def _runs(session: Session, wanted: str) -> Iterator[Found]:
    """A run leads to the lots that are in it."""
    query = (
        select(Run.name, Lot.name, Customer.name)
        .join(RunSubstrate, RunSubstrate.run_id == Run.id)
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .join(Customer, Customer.id == Lot.customer_id)
        .where(_is(Run.name, wanted))
        .distinct()
    )
    for run, lot, customer in session.execute(query.limit(MOST)):
        yield Found("run", run, customer, path("lots", customer, lot))


@router.get("/find")
def show(
    request: Request, session: Tx, viewer: Annotated[Person, require(Permission.SEE_LOTS)], q: str = ""
) -> Response:
    """To the page of what is called so; a list where several are, or nothing is."""
    found = find(session, q, centre=may(viewer, Permission.SEE_LINE))
    if len(found) == 1:
        return onwards(found[0].address)
    return page(request, "find.html", "", viewer, q=q[:LONGEST], found=found, most=MOST)
