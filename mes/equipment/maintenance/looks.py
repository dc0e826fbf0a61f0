"""Maintenance as people and programs look at it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import MaintenancePlan
from mes.equipment.maintenance.due import Upkeep, upkeep
from mes.equipment.maintenance.models import Maintenance
from mes.equipment.models import Equipment

Row = dict[str, Any]
CHECK = ("name", "title", "unit", "low", "high")
FOUND = ("check", "value", "unit", "within")


def plans_of(session: Session, equipment_ids: Collection[int], at: datetime) -> list[Row]:
    """How each plan stands on each of these equipment at plant time ``at``."""
    return [_row(one, at) for one in upkeep(session, equipment_ids)]


def _row(one: Upkeep, at: datetime) -> Row:
    return {
        "equipment": one.equipment.name, "plan": one.plan.name, "title": one.plan.title, "state": one.state(at),
        "due_at": one.due_at, "runs_left": one.runs_left, "units_left": one.units_left,
        "since": None if one.last is None else one.last.happened_at,
        "done_by": None if one.last is None else one.last.done_by,
        "checks": [{key: check[key] for key in CHECK} for check in one.plan.checks],
    }  # fmt: skip


def last_done(session: Session, equipment_id: int, most: int) -> list[Row]:
    """The last maintenance of an equipment, newest first, with what was found."""
    query = (
        select(
            MaintenancePlan.name.label("plan"), MaintenancePlan.title, Maintenance.happened_at, Maintenance.done_by,
            Maintenance.passed, Maintenance.found,
        )
        .join(MaintenancePlan, MaintenancePlan.id == Maintenance.plan_id)
        .where(Maintenance.equipment_id == equipment_id, Maintenance.done_by.is_not(None))
        .order_by(Maintenance.id.desc())
        .limit(most)
    )  # fmt: skip
    return [
        {**row, "found": [{key: one[key] for key in FOUND} for one in row["found"]]}
        for row in session.execute(query).mappings()
    ]


def all_equipment(session: Session) -> list[int]:
    """Every equipment that a plan is for, by name."""
    plans = select(MaintenancePlan.class_id)
    return list(session.scalars(select(Equipment.id).where(Equipment.class_id.in_(plans)).order_by(Equipment.name)))
