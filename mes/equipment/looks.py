"""Equipment as people and programs look at it: rows of a list, standing alarms, and its E10 states over time."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from mes.definitions.models import BY_HAND, Area, EquipmentClass
from mes.equipment.models import Alarm, Equipment, EquipmentStateInterval


def select_equipment() -> Select[*tuple[Any, ...]]:
    """One row for each equipment, to be ordered by name."""
    return (
        select(
            Equipment.name.label("equipment"), Equipment.title, EquipmentClass.name.label("class"),
            Area.name.label("area"), Equipment.state, Equipment.state_since, Equipment.connected,
            Equipment.connection_since, (EquipmentClass.kind == BY_HAND).label("by_hand"),
        )
        .join(EquipmentClass, EquipmentClass.id == Equipment.class_id)
        .join(Area, Area.id == Equipment.area_id)
    )  # fmt: skip


def standing_alarms(equipment_id: int) -> Select[*tuple[Any, ...]]:
    """Alarms that have not gone away, oldest first."""
    of = (Alarm.equipment_id == equipment_id, Alarm.cleared_at.is_(None))
    return select(Alarm.code, Alarm.severity, Alarm.text, Alarm.set_at).where(*of).order_by(Alarm.set_at)


def last_states(equipment_id: int, most: int) -> Select[*tuple[Any, ...]]:
    """The last stays in an E10 state, newest first; the end of the one that lasts is null."""
    stay = EquipmentStateInterval
    query = select(stay.state, stay.began_at, stay.ended_at, stay.reason).where(stay.equipment_id == equipment_id)
    return query.order_by(stay.began_at.desc(), stay.id.desc()).limit(most)


def past_alarms(equipment_id: int, most: int) -> Select[*tuple[Any, ...]]:
    """The last alarms that have gone away, newest first."""
    of = (Alarm.equipment_id == equipment_id, Alarm.cleared_at.is_not(None))
    query = select(Alarm.code, Alarm.severity, Alarm.text, Alarm.set_at, Alarm.cleared_at).where(*of)
    return query.order_by(Alarm.set_at.desc(), Alarm.id.desc()).limit(most)


def states_between(equipment_id: int, begin: datetime, end: datetime) -> Select[*tuple[Any, ...]]:
    """Stays in an E10 state that reach into a period, oldest first; the end of the one that lasts is null."""
    stay = EquipmentStateInterval
    reaches = (stay.began_at < end, or_(stay.ended_at.is_(None), stay.ended_at > begin))
    query = select(stay.state, stay.began_at, stay.ended_at, stay.reason).where(stay.equipment_id == equipment_id)
    return query.where(*reaches).order_by(stay.began_at, stay.id)
