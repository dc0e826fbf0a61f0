"""One lot: where it stands on its ladder of operations, what holds it, what is in it, and what happened."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.clock import plant_now
from mes.history import History, as_happened, entry
from mes.http.addresses import path
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.lots.gate.dispose_queue_time import MEANS
from mes.lots.holds.hold import releases
from mes.lots.holds.hold_codes import OWNERS, hold_codes
from mes.lots.ladder import Rung, ladder
from mes.lots.looks import look
from mes.lots.own_lots import own_lots
from mes.lots.queries import lot_id
from mes.lots.routing.migration import Migration, others
from mes.lots.states import LotState
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.routes.models import RouteVersion
from mes.web.lot_verbs import offered
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/lots")

MOST = 60
"""Entries of history on the page: what happened last."""


@router.get("/{customer}/{name}")
def show(
    request: Request,
    session: Tx,
    viewer: Annotated[Person, require(Permission.SEE_LOTS)],
    customer: Annotated[Name, Path()],
    name: Annotated[Name, Path()],
) -> Response:
    """The lot. A customer is not told which equipment worked on it, nor who of the centre did what."""
    found = lot_id(session, name, customer)
    of_lot = (History.subject_kind == "lot", History.subject_id == found)
    happened = as_happened(entry(row) for row in session.scalars(select(History).where(*of_lot)))
    centre = viewer.customer_id is None
    with own_lots(session):
        lot, rungs = look(session, found, centre=centre), ladder(session, found)
        codes = hold_codes(session) if centre else []
        plant, now = plant_time(session, view_of(request, viewer)), plant_now(session)
    events = [{**event, "changed": _changed(event) if centre else ""} for event in happened[: -MOST - 1 : -1]]
    told: dict[str, Any] = {
        "lot": lot,
        "rungs": rungs,
        "plant": plant,
        "events": events,
        "centre": centre,
        "codes": codes,
    }
    late = [one for one in lot["queue_times"] if one["ends_at"] and one["ends_at"] < now]
    signs = viewer.role is Role.PROCESS_ENGINEER and may(viewer, Permission.DISPOSE_QUEUE_TIMES)
    told |= {"now": now, "ahead": _ahead(rungs), "late": late, "signs": signs, "means": MEANS}
    here = path("lots", customer, name)
    told |= {"codes": codes, "roles": OWNERS, "mine": partial(releases, viewer.role)}
    told |= {"migration": _migration(session, found, lot) if centre else None}
    told |= {"verbs": offered(session, viewer, lot)}
    return page(request, "lot.html", "/lots", viewer, here=here, most=MOST, **told)


def _migration(session: Session, lot_id: int, lot: Mapping[str, Any]) -> Migration | None:
    """What would become of a lot that waits by the version of its route that new lots take, if that is another."""
    if lot["state"] not in (LotState.CREATED, LotState.QUEUED):
        return None
    route = lot["route"].partition("@")[0]
    query = select(RouteVersion).where(RouteVersion.route == route, RouteVersion.current)
    newest = session.scalars(query.where(RouteVersion.name != lot["route"])).one_or_none()
    return None if newest is None else others(session, newest, lot_id)[0]


def _ahead(rungs: Sequence[Rung]) -> Sequence[Rung]:
    """The operations that none of the lot has reached, in order."""
    reached = [n for n, rung in enumerate(rungs) if rung.state]
    return rungs[reached[-1] + 1 :] if reached else rungs


def _changed(event: Mapping[str, Any]) -> str:
    """What an event changed, in a line."""
    before, after = event["before"], event["after"]
    told = [f"{key} {_words(before[key])} → {_words(after[key])}" if key in before else f"{key} {_words(after[key])}"
            for key in after if after[key] not in ("", None, [], {}) and before.get(key) != after[key]]  # fmt: skip
    moved = [f"{account} {units:+d}" for _, _, account, units in event["deltas"]]
    return "; ".join(told + moved)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    return str(value).replace("_", " ")
