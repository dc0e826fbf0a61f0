"""Equipment over HTTP: what it is and does, and its state by hand."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.definitions.models import EquipmentClass
from mes.equipment.condition import LONGEST_CODE, change_state, dismiss_alarm
from mes.equipment.looks import last_states, select_equipment, standing_alarms
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.equipment.states import EquipmentState
from mes.http import etag, paging
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import WRITTEN, Asked, Name, Text, Why, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/equipment", route_class=CommandRoute, tags=["equipment"])

EquipmentName = Annotated[Name, Path(description="Name of the equipment.")]
Viewer = Annotated[Person, require(Permission.SEE_LINE)]
MOST_STATES = 100

EQUIPMENT: dict[str, Any] = {
    "class": "bonder",
    "equipment": "TCB-01",
    "title": "Bonder 1",
    "area": "bonding",
    "state": "PRD",
    "state_since": "2026-03-01T01:11:00Z",
    "connected": True,
    "connection_since": "2026-03-01T00:00:00Z",
    "by_hand": False,
}
"""An equipment in the examples, alone and with what belongs to it."""


class EquipmentRow(BaseModel):
    """An equipment in a list. Times are UTC on the plant clock."""

    model_config = example(**EQUIPMENT)

    equipment: str
    title: str
    of_class: str = Field(alias="class")
    area: str
    state: EquipmentState = Field(description="SEMI E10.")
    state_since: datetime
    connected: bool
    connection_since: datetime | None
    by_hand: bool = Field(description="People work it: it has no connection, and dispatch starts nothing on it.")


class StandingAlarm(BaseModel):
    """An alarm that has not gone away. Severity 1 to 1000, as in OPC UA."""

    code: str
    severity: int
    text: str
    set_at: datetime


class StateStay(BaseModel):
    """A stay in an E10 state; the one that lasts has no end."""

    state: EquipmentState
    began_at: datetime
    ended_at: datetime | None
    reason: str


class EquipmentLook(EquipmentRow):
    """An equipment with its standing alarms and its last states, newest first."""

    model_config = example(
        **EQUIPMENT,
        alarms=[{"code": "DOOR", "severity": 700, "text": "door open", "set_at": "2026-03-01T02:00:00Z"}],
        states=[{"state": "PRD", "began_at": "2026-03-01T01:11:00Z", "ended_at": None, "reason": ""}],
    )

    alarms: list[StandingAlarm]
    states: list[StateStay]


class StateBody(Asked):
    """A state to enter by hand."""

    model_config = example(state="UDT", why="collet broke")

    state: EquipmentState
    why: Text = ""


class ClearAlarmBody(Asked):
    """An alarm that somebody has seen to."""

    model_config = example(alarm="RECORDS_MISSING", why="the disk was replaced; all substrates counted")

    alarm: str = Field(min_length=1, max_length=LONGEST_CODE, pattern=WRITTEN, description="Its code.")
    why: Why


@router.get("", response_model=paging.Page[EquipmentRow])
def list_equipment(
    session: Tx, _: Viewer, asked: paging.Asked, of_class: Name | None = None, state: EquipmentState | None = None
) -> Any:
    """All equipment by name, with its E10 state and whether it answers."""
    query = select_equipment()
    if of_class is not None:
        query = query.where(EquipmentClass.name == of_class)
    if state is not None:
        query = query.where(Equipment.state == state)
    return paging.paged(session, query, (Equipment.name,), asked)


@router.get("/{equipment}", response_model=EquipmentLook)
def show(session: Tx, _: Viewer, response: Response, equipment: EquipmentName) -> Any:
    """One equipment with its standing alarms and its last states."""
    return _look(session, response, equipment_id(session, equipment))


@router.post("/{equipment}/state", response_model=EquipmentLook)
def change(
    session: Tx, by: Annotated[Person, require(Permission.RUN_EQUIPMENT)], response: Response,
    equipment: EquipmentName, body: StateBody, if_match: IfMatch = None,
) -> Any:  # fmt: skip
    """Enter an E10 state by hand: take equipment down, or give it back."""
    of = equipment_id(session, equipment)
    etag.asked(session, Equipment, of, if_match)
    change_state(session, of, body.state, act_now(session, by.name, body.why))
    return _look(session, response, of)


@router.post("/{equipment}/clear-alarm", response_model=EquipmentLook)
def clear_alarm(
    session: Tx, by: Annotated[Person, require(Permission.MAINTAIN_EQUIPMENT)], response: Response,
    equipment: EquipmentName, body: ClearAlarmBody, if_match: IfMatch = None,
) -> Any:  # fmt: skip
    """Clear an alarm of which nothing reports that it went away; what the equipment reports next counts again."""
    of = equipment_id(session, equipment)
    etag.asked(session, Equipment, of, if_match)
    dismiss_alarm(session, of, body.alarm, act_now(session, by.name, body.why))
    return _look(session, response, of)


def _look(session: Session, response: Response, of: int) -> dict[str, Any]:
    etag.tell_row(session, response, Equipment, of)
    return {
        **session.execute(select_equipment().where(Equipment.id == of)).mappings().one(),
        "alarms": [dict(row) for row in session.execute(standing_alarms(of)).mappings()],
        "states": [dict(row) for row in session.execute(last_states(of, MOST_STATES)).mappings()],
    }
