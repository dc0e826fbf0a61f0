"""Jobs of equipment and the records that came back: what was refused, what waits, and what a person does about it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.http import paging
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.jobs.looks import look, look_record, select_jobs, select_records
from mes.jobs.models import ReceivedRecord, SentOrder
from mes.jobs.set_aside import retry, set_aside
from mes.jobs.states import OrderState, RecordState
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.runs.models import Run
from mes.runs.states import RunState
from mes.web.forms import Unchosen, Why, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/jobs", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_JOBS)]
Mender = Annotated[Person, require(Permission.MEND_JOBS)]
Number = Annotated[int, Path(ge=1, lt=2**63)]

MOST_SHOWN = 20_000
"""Characters of a record or an order on the page."""
MOST_RECORDS = 50
"""Records of a job on its page, the newest."""


@router.get("")
def show_all(
    request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, equipment: str = "",
    state: RunState | Unchosen = "", order: OrderState | Unchosen = "",
) -> Response:  # fmt: skip
    """Jobs, the newest first."""
    given = {"equipment": equipment, "state": state, "order": order}
    query = _filtered(session, select_jobs(), {Run.state: state, SentOrder.state: order}, equipment)
    found = paging.paged(session, query, (Run.id,), asked, newest_first=True)
    choices: dict[str, list[Any]] = {"state": list(RunState), "order": list(OrderState)}
    return _list(request, session, viewer, "jobs.html", given, choices, found)


@router.get("/records")
def show_records(
    request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, equipment: str = "",
    state: RecordState | Unchosen = "", run: str = "",
) -> Response:  # fmt: skip
    """Records, the newest first."""
    given = {"equipment": equipment, "state": state, "run": run}
    query = _filtered(session, select_records(), {ReceivedRecord.state: state, ReceivedRecord.run: run}, equipment)
    found = paging.paged(session, query, (ReceivedRecord.id,), asked, newest_first=True)
    return _list(request, session, viewer, "records.html", given, {"state": list(RecordState)}, found)


@router.get("/records/{record}")
def show_record(request: Request, session: Tx, viewer: Viewer, record: Number) -> Response:
    """One record: what became of it, why, and what it says."""
    told: dict[str, Any] = {
        "record": look_record(session, record),
        "plant": plant_time(session, view_of(request, viewer)),
    }
    body = _shown(session, select(ReceivedRecord.body).where(ReceivedRecord.id == record))
    return page(request, "record.html", "/jobs", viewer, here=path("jobs", "records", record), body=body, **told)


@router.post("/records/{record}/set-aside")
def set_record_aside(session: Tx, by: Mender, record: Number, why: Why) -> Response:
    """Reject a record that cannot take effect, so that those behind it on its equipment can."""
    set_aside(session, record, act_now(session, by.name, why))
    return onwards(path("jobs", "records", record))


@router.post("/records/{record}/retry")
def retry_record(session: Tx, by: Mender, record: Number, why: Why) -> Response:
    """Let a rejected record be tried again, by the connector's next round."""
    retry(session, record, act_now(session, by.name, why))
    return onwards(path("jobs", "records", record))


@router.get("/{job}")
def show(request: Request, session: Tx, viewer: Viewer, job: Annotated[Name, Path()]) -> Response:
    """One job: its substrates, its records, and the order as it was sent."""
    told: dict[str, Any] = {"job": look(session, job), "plant": plant_time(session, view_of(request, viewer))}
    records = select_records().where(ReceivedRecord.run == job, Equipment.name == told["job"]["equipment"])
    newest = session.execute(records.order_by(ReceivedRecord.id.desc()).limit(MOST_RECORDS)).mappings().all()
    body = _shown(session, select(SentOrder.body).join(Run, Run.id == SentOrder.run_id).where(Run.name == job))
    return page(request, "job.html", "/jobs", viewer, records=newest, most=MOST_RECORDS, body=body, **told)


def _filtered(session: Session, query: Select[Any], wanted: Mapping[Any, str], equipment: str) -> Select[Any]:
    """Only rows with the values that are given. Raises `NotFound`: no such equipment."""
    if equipment:
        query = query.where(Equipment.id == equipment_id(session, equipment))
    return query.where(*(column == value for column, value in wanted.items() if value))


def _list(
    request: Request, session: Session, viewer: Person, template: str, given: Mapping[str, str],
    choices: Mapping[str, Sequence[str]], found: Mapping[str, Any],
) -> Response:  # fmt: skip
    """A list with its filters, and what waits for a person above it."""
    asked = {name: value for name, value in given.items() if value}
    older = urlencode({**asked, "after": found["next"]}) if found["next"] else ""
    told: dict[str, Any] = {
        "rows": found["items"], "older": older, "given": given, "asked": asked, "choices": choices,
        "equipment": session.scalars(select(Equipment.name).order_by(Equipment.name)).all(),
        "counts": _counts(session), "plant": plant_time(session, view_of(request, viewer)),
    }  # fmt: skip
    return page(request, template, "/jobs", viewer, **told)


def _counts(session: Session) -> dict[str, int]:
    """What may need a person: records by state, but for those applied, and orders that equipment refused."""
    count = select(func.count())
    asked = {
        "received": count.where(ReceivedRecord.state == RecordState.RECEIVED),
        "rejected": count.where(ReceivedRecord.state == RecordState.REJECTED),
        "refused": count.where(SentOrder.state == OrderState.REFUSED),
    }
    return {name: session.scalars(query).one() for name, query in asked.items()}


def _shown(session: Session, query: Select[Any]) -> dict[str, Any]:
    """A stored text as a person reads it: its beginning where it is long, with how many characters it has."""
    text = query.subquery().c.body
    begin, length = session.execute(select(func.left(text, MOST_SHOWN), func.length(text))).one()
    if length > MOST_SHOWN:
        return {"text": begin, "length": length, "cut": True}
    with suppress(ValueError):
        begin = json.dumps(json.loads(begin), indent=1, ensure_ascii=False)
    return {"text": begin, "length": length, "cut": False}
