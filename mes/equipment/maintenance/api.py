"""Maintenance over HTTP: how each plan stands on each equipment, what was found, and doing it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StrictBool, StrictFloat

from mes.definitions.clock import act_now, plant_now
from mes.equipment.maintenance.looks import all_equipment, last_done, plans_of
from mes.equipment.maintenance.maintain import found_of, maintain
from mes.equipment.maintenance.states import MaintenanceState
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.http import etag
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import Asked, Name, Text, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/equipment/{equipment}", route_class=CommandRoute, tags=["equipment"])
line = APIRouter(prefix="/maintenance", tags=["equipment"], dependencies=[require(Permission.SEE_LINE)])

EquipmentName = Annotated[Name, Path(description="Name of the equipment.")]
MOST = 50

PLAN: dict[str, Any] = {
    "equipment": "TCB-01",
    "plan": "bonder_weekly",
    "title": "Weekly care of a bonder",
    "state": "soon",
    "due_at": "2026-03-08T02:00:00Z",
    "runs_left": 12,
    "units_left": None,
    "since": "2026-03-01T02:00:00Z",
    "done_by": "lee",
    "checks": [{"name": "force", "title": "Force at the load cell", "unit": "N", "low": 48.0, "high": 52.0}],
}
"""A plan on an equipment in the examples."""


class Check(BaseModel):
    """A line of a check-list."""

    name: str
    title: str
    unit: str | None = Field(description="Null: it is done or not.")
    low: float | None
    high: float | None


class PlanRow(BaseModel):
    """How a plan stands on an equipment. Times are UTC on the plant clock."""

    model_config = example(**PLAN)

    equipment: str
    plan: str
    title: str
    state: MaintenanceState = Field(description="Due and failed: nothing starts on the equipment.")
    due_at: datetime | None = Field(description="By time; null where the plan does not go by it.")
    runs_left: int | None = Field(description="Until it is due; below zero where more were done.")
    units_left: int | None
    since: datetime | None = Field(description="From when it counts: it was done, or put in force.")
    done_by: str | None
    checks: list[Check]


class Finding(BaseModel):
    """What was found at one check."""

    check: str
    value: float | bool
    unit: str | None
    within: bool


class DoneRow(BaseModel):
    """A maintenance that was done."""

    plan: str
    title: str
    happened_at: datetime
    done_by: str
    passed: bool = Field(description="Everything was as it should be.")
    found: list[Finding]


class MaintenanceLook(BaseModel):
    """The plans of an equipment, and the last maintenance of it, newest first."""

    model_config = example(
        plans=[PLAN],
        done=[
            {
                "plan": "bonder_weekly",
                "title": "Weekly care of a bonder",
                "happened_at": "2026-03-01T02:00:00Z",
                "done_by": "lee",
                "passed": True,
                "found": [{"check": "force", "value": 50.2, "unit": "N", "within": True}],
            }
        ],
    )

    plans: list[PlanRow]
    done: list[DoneRow]


class FoundBody(Asked):
    """What was found at a check."""

    check: Name
    value: StrictBool | StrictFloat = Field(description="The number that was measured, or whether it was done.")


class MaintainBody(Asked):
    """A maintenance that was done, with a value for every check of its plan."""

    model_config = example(
        plan="bonder_weekly", found=[{"check": "force", "value": 50.2}, {"check": "vacuum_lines", "value": True}]
    )

    plan: Name
    found: list[FoundBody] = Field(max_length=100)
    why: Text = ""


@line.get("", response_model=list[PlanRow])
def list_maintenance(session: Tx, state: MaintenanceState | None = None) -> Any:
    """How every plan stands on every equipment, by equipment; only those in a state, if it is named."""
    rows = plans_of(session, all_equipment(session), plant_now(session))
    return [row for row in rows if state in (None, row["state"])]


@router.get("/maintenance", response_model=MaintenanceLook, dependencies=[require(Permission.SEE_LINE)])
def show_maintenance(session: Tx, equipment: EquipmentName) -> Any:
    """How the plans of one equipment stand, and what was found in the last maintenance of it."""
    return _look(session, equipment_id(session, equipment), plant_now(session))


@router.post("/maintain", response_model=MaintenanceLook)
def maintain_equipment(
    session: Tx, by: Annotated[Person, require(Permission.MAINTAIN_EQUIPMENT)], equipment: EquipmentName,
    body: MaintainBody, if_match: IfMatch = None,
) -> Any:  # fmt: skip
    """Record a maintenance with what was found. What is outside its limits is kept, and blocks the equipment."""
    of, act = equipment_id(session, equipment), act_now(session, by.name, body.why)
    etag.asked(session, Equipment, of, if_match)
    maintain(session, of, body.plan, found_of([(one.check, one.value) for one in body.found]), act)
    session.flush()
    return _look(session, of, act.at)


def _look(session: Tx, of: int, at: datetime) -> dict[str, Any]:
    return {"plans": plans_of(session, [of], at), "done": last_done(session, of, MOST)}
