"""Maintain equipment: the check-list of a plan is gone through, and what was found is kept."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.definitions.models import MaintenancePlan
from mes.equipment.maintenance.models import Maintenance
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, record

Found = Mapping[str, float | bool]
"""By the name of a check: the value that was measured, or whether it was done."""


def maintain(session: Session, equipment_id: int, plan: str, found: Found, act: Act) -> Maintenance:
    """Record a maintenance with what was found. If all is as it should be the plan counts anew from here.

    Where something is outside its limits that is kept, too, and nothing starts on the equipment until it is done again.
    Raises `NotFound` (no such plan for its class), `Malformed` with every check that is missing, unknown or of the
    wrong kind, and `Refused` while the equipment works.
    """
    equipment = lock(session, (Equipment, [equipment_id])).one(Equipment, equipment_id)
    wanted = _plan(session, equipment, plan)
    wrong = [*_wrong(wanted, found)]
    if wrong:
        raise Malformed(f"The check-list of {wanted.title} is not as it must be: {'; '.join(wrong)}.")
    if equipment.state == EquipmentState.PRD:
        said = f"{equipment.name} works; wait until it stands by, or take it down."
        raise Refused(f"{equipment.name} is not maintained.", Reason("equipment_works", said, "operator"))
    told = [_told(check, found) for check in wanted.checks]
    done = Maintenance(
        equipment_id=equipment_id, plan_id=wanted.id, done_by=act.actor, happened_at=act.at,
        runs_done=equipment.runs_done, units_done=equipment.units_done, found=told,
        passed=all(one["within"] for one in told),
    )  # fmt: skip
    session.add(done)
    after = {"plan": wanted.name, "found": told, "passed": done.passed}
    record(session, "maintain", act, [Change(equipment, after=after)])
    return done


def found_of(told: Iterable[tuple[str, float | bool]]) -> Found:
    """What was found, check by check. Raises `Malformed` where one is told twice."""
    listed = list(told)
    found = dict(listed)
    if len(found) < len(listed):
        raise Malformed("A check is told twice; tell each once.")
    return found


def _plan(session: Session, equipment: Equipment, name: str) -> MaintenancePlan:
    query = select(MaintenancePlan).where(MaintenancePlan.class_id == equipment.class_id)
    plans = session.scalars(query.order_by(MaintenancePlan.ordinal, MaintenancePlan.id)).all()
    found = next((plan for plan in plans if plan.name == name), None)
    if found is None:
        known = ", ".join(plan.name for plan in plans) or "none"
        raise NotFound(f"There is no maintenance {name} of {equipment.name}; it has {known}.")
    return found


def _wrong(plan: MaintenancePlan, found: Found) -> Iterator[str]:
    """What of the values does not fit the check-list."""
    names = [check["name"] for check in plan.checks]
    for name in sorted(found.keys() - set(names)):
        yield f"it has no check {name}"
    for check in plan.checks:
        name, unit, value = check["name"], check["unit"], found.get(check["name"])
        if value is None:
            yield f"{name} is missing"
        elif unit is None and not isinstance(value, bool):
            yield f"{name} is done or not: yes or no"
        elif unit is not None and (isinstance(value, bool) or not isfinite(value)):
            yield f"{name} is a number in {unit}"


def _told(check: Mapping[str, Any], found: Found) -> dict[str, Any]:
    value, low, high = found[check["name"]], check["low"], check["high"]
    above, below = low is None or low <= value, high is None or value <= high
    within = value is True if check["unit"] is None else above and below
    return {"check": check["name"], "value": value, "unit": check["unit"], "within": within}
