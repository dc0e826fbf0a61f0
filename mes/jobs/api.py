"""Jobs over HTTP: what was sent to equipment, what came back, and what a person does with a record that was refused."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from mes.definitions.clock import act_now
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.http import paging
from mes.http.command import CommandRoute
from mes.http.shapes import Asked, Name, Text, Why, example
from mes.http.transaction import Tx
from mes.jobs.looks import look, look_record, select_jobs, select_records
from mes.jobs.models import ReceivedRecord, SentOrder
from mes.jobs.set_aside import retry, set_aside
from mes.jobs.states import OrderState, RecordState
from mes.lots.states import Work
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.runs.models import Run
from mes.runs.states import RunState

router = APIRouter(prefix="/jobs", route_class=CommandRoute, tags=["jobs"])

Viewer = Annotated[Person, require(Permission.SEE_JOBS)]
Mender = Annotated[Person, require(Permission.MEND_JOBS)]
RecordNumber = Annotated[int, Path(ge=1, lt=2**63, description="Number of the record.")]
OfEquipment = Annotated[Name | None, Query(description="Only of this equipment.")]

JOB: dict[str, Any] = {
    "job": "J-0000007",
    "equipment": "TCB-01",
    "operation": "hbm_stack/10",
    "recipe": "tcb_stack@1",
    "order": "sent",
    "state": "running",
    "reason": "",
    "ordered_at": "2026-03-01T01:10:00Z",
    "started_at": "2026-03-01T01:11:00Z",
    "ended_at": None,
}
"""A job in the examples, alone and with what belongs to it."""


class JobRow(BaseModel):
    """A job in a list. Times are UTC on the plant clock."""

    model_config = example(**JOB)

    job: str = Field(description="Name of the run; the job order id that the equipment knows.")
    equipment: str
    operation: str
    recipe: str
    order: OrderState = Field(description="Where its order stands.")
    state: RunState
    reason: str
    ordered_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class WorkedSubstrate(BaseModel):
    """A substrate in a job, and what came of it in units."""

    substrate: str
    lot: str
    visit: int
    work: Work
    units_in: int
    units_good: int
    units_failed: int
    units_again: int
    units_suspect: int


class JobLook(JobRow):
    """A job with its substrates, and how many of its records came by what became of them."""

    model_config = example(
        **JOB,
        substrates=[
            {
                "substrate": "W1",
                "lot": "D1",
                "visit": 1,
                "work": "waiting",
                "units_in": 0,
                "units_good": 0,
                "units_failed": 0,
                "units_again": 0,
                "units_suspect": 0,
            }
        ],
        records={"applied": 1},
    )

    substrates: list[WorkedSubstrate]
    records: dict[RecordState, int]


class RecordRow(BaseModel):
    """A record of equipment, stored once. ``happened_at`` is plant time, ``recorded_at`` true time."""

    model_config = example(
        record=412,
        equipment="TCB-01",
        sequence=17,
        kind="substrate",
        run="J-0000007",
        happened_at="2026-03-01T01:30:00Z",
        recorded_at="2026-03-01T01:30:01Z",
        state="rejected",
        problem="There is no substrate W9 in J-0000007.",
    )

    record: int
    equipment: str
    sequence: int = Field(description="Its place in the journal of the equipment.")
    kind: str
    run: str = Field(description="The job that it names; empty where it names none.")
    happened_at: datetime
    recorded_at: datetime
    state: RecordState
    problem: str = Field(description="Why it was rejected.")


class SetAsideBody(Asked):
    """Why a record is set aside."""

    model_config = example(why="names a strip that was scrapped by hand")

    why: Why


class RetryBody(Asked):
    """A record to try again and, if you like, why."""

    model_config = example(why="the strip is in the plant now")

    why: Text = ""


@router.get("", response_model=paging.Page[JobRow])
def list_jobs(
    session: Tx, _: Viewer, asked: paging.Asked, equipment: OfEquipment = None, state: RunState | None = None,
    order: OrderState | None = None,
) -> Any:  # fmt: skip
    """Jobs of equipment, the newest first."""
    query = select_jobs()
    if equipment is not None:
        query = query.where(Equipment.id == equipment_id(session, equipment))
    if state is not None:
        query = query.where(Run.state == state)
    if order is not None:
        query = query.where(SentOrder.state == order)
    return paging.paged(session, query, (Run.id,), asked, newest_first=True)


@router.get("/records", response_model=paging.Page[RecordRow])
def list_records(
    session: Tx, _: Viewer, asked: paging.Asked, equipment: OfEquipment = None, state: RecordState | None = None,
    run: Annotated[Name | None, Query(description="Only of this job.")] = None,
) -> Any:  # fmt: skip
    """Records of equipment, the newest first. One that stays received keeps what follows on its equipment waiting."""
    query = select_records()
    if equipment is not None:
        query = query.where(Equipment.id == equipment_id(session, equipment))
    if state is not None:
        query = query.where(ReceivedRecord.state == state)
    if run is not None:
        query = query.where(ReceivedRecord.run == run)
    return paging.paged(session, query, (ReceivedRecord.id,), asked, newest_first=True)


@router.get("/records/{record}", response_model=RecordRow)
def show_record(session: Tx, _: Viewer, record: RecordNumber) -> Any:
    """One record of equipment, and what became of it."""
    return look_record(session, record)


@router.post("/records/{record}/set-aside", response_model=RecordRow)
def set_record_aside(session: Tx, by: Mender, record: RecordNumber, body: SetAsideBody) -> Any:
    """Reject a record that cannot take effect, so that those behind it on its equipment can.

    What it says is not in the maps then: look at the units, and try it again when the cause is mended.
    """
    set_aside(session, record, act_now(session, by.name, body.why))
    return look_record(session, record)


@router.post("/records/{record}/retry", response_model=RecordRow)
def retry_record(session: Tx, by: Mender, record: RecordNumber, body: RetryBody) -> Any:
    """Let a rejected record be tried again, by the connector's next round."""
    retry(session, record, act_now(session, by.name, body.why))
    return look_record(session, record)


@router.get("/{job}", response_model=JobLook)
def show(session: Tx, _: Viewer, job: Annotated[Name, Path(description="Name of the job.")]) -> Any:
    """One job of an equipment, with what came of its substrates."""
    return look(session, job)
