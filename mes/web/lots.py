"""The list of lots: a customer's own, or all for people of the centre. Its filters stand in the address."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.definitions.models import Product
from mes.errors import Malformed
from mes.http import paging
from mes.http.event_stream import EventStream
from mes.http.transaction import Tx
from mes.lots.holds.hold_codes import OWNERS, hold_codes
from mes.lots.looks import LINE_FIRST, QUEUE_WARNING, LotFilter, select_lots
from mes.lots.many.bulk import to_hold
from mes.lots.models import Lot, LotSubstrate
from mes.lots.own_lots import own_lots
from mes.lots.states import LotState
from mes.people.access import may, require, still
from mes.people.models import Customer
from mes.people.permissions import Permission
from mes.people.saved import saved_filters
from mes.people.sign_in import Person
from mes.routes.models import Operation
from mes.web.live import Live
from mes.web.pages import View, page, plant_time, render, view_of

router = APIRouter(prefix="/lots")
Viewer = Annotated[Person, require(Permission.SEE_LOTS)]

MOST = 200
"""Lots on one page."""

_SINCE = func.coalesce(
    Lot.ended_at,
    select(func.min(LotSubstrate.since))
    .where(LotSubstrate.lot_id == Lot.id, LotSubstrate.progress != "closed")
    .scalar_subquery(),
    Lot.created_at,
)
"""It waits, or has ended, or was created."""

IN_WORDS = (
    Customer.title.label("customer_title"),
    Product.title.label("product_title"),
    func.coalesce(Operation.title, "").label("operation_title"),
    Product.unit.label("unit"),
    _SINCE.label("since"),
    QUEUE_WARNING.label("queue_warning_at"),
)


@dataclass(frozen=True)
class LotList:
    """One list as it is asked for: which lots, and after which place in the list."""

    wanted: LotFilter
    after: str | None = None

    def __call__(self, session: Session, view: View) -> Mapping[str, str]:
        """The list that the transaction's scope sees: one customer's lots, or those of all with their customers."""
        with own_lots(session) as ids:
            query = select_lots(self.wanted).add_columns(*IN_WORDS)
            query = query if ids is None else query.where(Lot.id.in_(ids))
            found = paging.paged(session, query, LINE_FIRST, paging.Paging(MOST, self.after))
            plant = plant_time(session, view)
        told = {"lots": found["items"], "customers": ids is None, "asked": self.query, "following": self._next(found)}
        return {
            "plant-clock": render("plant_clock.html", view, plant=plant),
            "lots": render("lots_table.html", view, plant=plant, **told),
        }

    @property
    def query(self) -> str:
        """The filters as they stand in the address."""
        asked = {key: value for key, value in asdict(self.wanted).items() if value is not None}
        words = {True: "true", False: "false"}
        return urlencode({key: words[value] if isinstance(value, bool) else value for key, value in asked.items()})

    def _next(self, found: dict[str, Any]) -> str:
        return "" if found["next"] is None else f"{self.query}&{urlencode({'after': found['next']})}".lstrip("&")


_FILTER = TypeAdapter(LotFilter)


def _asked(request: Request) -> LotList:
    """What the address asks for; a field of the form that was left empty asks for nothing."""
    given = {name: value for name, value in request.query_params.items() if value}
    if not all(value.isprintable() for value in given.values()):
        raise Malformed("A filter holds a character that cannot be printed; take it out.")
    after = given.pop("after", None)
    try:
        return LotList(_FILTER.validate_python(given), after)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


Asked = Annotated[LotList, Depends(_asked)]


@router.get("")
def show(request: Request, session: Tx, viewer: Viewer, asked: Asked) -> Response:
    """The list."""
    customers = session.scalars(select(Customer.name).order_by(Customer.name)).all()
    told: dict[str, Any] = {
        "asked": asked.wanted, "stream": f"/lots/stream?{asked.query}", "states": list(LotState),
        "here": f"/lots?{asked.query}".rstrip("?"), "saved": saved_filters(session, viewer, "/lots"),
        "centre": viewer.customer_id is None, "customers": customers, "holdable": 0,
    }  # fmt: skip
    if asked.query and may(viewer, Permission.BULK_LOTS):
        count = session.scalar(select(func.count()).select_from(to_hold(asked.wanted).subquery()))
        told |= {"query": asked.query, "holdable": count, "codes": hold_codes(session), "roles": OWNERS}
        told |= {"plant": plant_time(session, view_of(request, viewer))}
    return page(request, "lots.html", "/lots", viewer, parts=asked(session, view_of(request, viewer)), **told)


@router.get("/stream")
async def stream(request: Request, viewer: Viewer, asked: Asked) -> EventStream:
    """What changes in it."""
    live: Live = request.app.state.live
    return live.stream(asked, viewer.scope, view_of(request, viewer), still(request, viewer))
