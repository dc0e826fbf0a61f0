"""The condition of an equipment: its E10 state, its alarms, and whether it answers."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mes.db import lock
from mes.equipment.models import Alarm, Equipment, EquipmentStateInterval
from mes.equipment.states import EquipmentState
from mes.errors import Malformed, NotFound
from mes.history import Act, Change, record

LONGEST_CODE = 200
"""Characters of an alarm's code that are kept here; the equipment's record has all of them."""
MOST_SEVERE = 1000


def change_state(session: Session, equipment_id: int, state: EquipmentState, act: Act) -> Equipment:
    """Enter an E10 state: the open interval ends and the next begins. Entering the same state changes nothing."""
    equipment = lock(session, (Equipment, [equipment_id])).one(Equipment, equipment_id)
    before = equipment.state
    if before == state:
        return equipment
    _end_interval(session, equipment_id, act.at)
    session.add(EquipmentStateInterval(equipment_id=equipment_id, state=state.value, began_at=act.at, reason=act.why))
    equipment.state, equipment.state_since = state.value, act.at
    after = {"state": state.value, "reason": act.why}
    record(session, "equipment_state", act, [Change(equipment, before={"state": before}, after=after)])
    return equipment


def _end_interval(session: Session, equipment_id: int, at: datetime) -> None:
    """A late report never makes an interval end before it began."""
    query = select(EquipmentStateInterval).where(
        EquipmentStateInterval.equipment_id == equipment_id, EquipmentStateInterval.ended_at.is_(None)
    )
    for interval in session.scalars(query, execution_options={"populate_existing": True}):
        interval.ended_at = max(at, interval.began_at)
    session.flush()


def set_alarm(session: Session, equipment_id: int, code: str, severity: int, text: str, act: Act) -> Alarm:
    """An alarm came up; one that stands already is brought up to date. A severity beyond 1 to 1000 counts as that."""
    code, severity = code[:LONGEST_CODE], min(max(severity, 1), MOST_SEVERE)
    equipment = lock(session, (Equipment, [equipment_id])).one(Equipment, equipment_id)
    alarm = _standing(session, equipment_id, code)
    if alarm is None:
        alarm = Alarm(equipment_id=equipment_id, code=code, severity=severity, text=text, set_at=act.at)
        session.add(alarm)
    alarm.severity, alarm.text = severity, text
    after = {"alarm": code, "severity": severity, "text": text}
    record(session, "alarm_set", act, [Change(equipment, after=after)])
    return alarm


def clear_alarm(session: Session, equipment_id: int, code: str, act: Act) -> None:
    """An alarm went away; one that does not stand changes nothing."""
    code = code[:LONGEST_CODE]
    equipment = lock(session, (Equipment, [equipment_id])).one(Equipment, equipment_id)
    alarm = _standing(session, equipment_id, code)
    if alarm is not None:
        alarm.cleared_at = act.at
        record(session, "alarm_cleared", act, [Change(equipment, before={"alarm": code})])


def dismiss_alarm(session: Session, equipment_id: int, code: str, act: Act) -> None:
    """A person has seen to an alarm of which nothing reports that it went away. What is reported next counts again.

    Raises `Malformed` (no reason), `NotFound` where it does not stand.
    """
    if not act.why.strip():
        raise Malformed("Say in a comment what was found and done.")
    equipment = lock(session, (Equipment, [equipment_id])).one(Equipment, equipment_id)
    if _standing(session, equipment_id, code) is None:
        raise NotFound(f"{equipment.name} has no alarm {code}.")
    clear_alarm(session, equipment_id, code, act)


def _standing(session: Session, equipment_id: int, code: str) -> Alarm | None:
    query = select(Alarm).where(Alarm.equipment_id == equipment_id, Alarm.code == code, Alarm.cleared_at.is_(None))
    return session.scalars(query, execution_options={"populate_existing": True}).one_or_none()


def set_connected(session: Session, equipment_id: int, *, connected: bool, at: datetime) -> None:
    """Remember whether the equipment answers, and since when that is so."""
    session.execute(
        update(Equipment)
        .where(Equipment.id == equipment_id, Equipment.connected != connected)
        .values(connected=connected, connection_since=at, row_version=Equipment.row_version + 1)
        .execution_options(synchronize_session=False)
    )
