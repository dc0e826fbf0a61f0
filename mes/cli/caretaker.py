"""Keeps people certified and equipment maintained in the demonstration, as people of a centre do, ahead of time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from mes.definitions.models import Certification, DurableKind, MaintenancePlan
from mes.equipment.certification.certify import certify
from mes.equipment.certification.models import Certificate
from mes.equipment.maintenance.due import upkeep
from mes.equipment.maintenance.maintain import maintain
from mes.equipment.maintenance.states import MaintenanceState
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.history import Act
from mes.materials.durables.care import clean_durable, register
from mes.materials.durables.models import Durable
from mes.materials.durables.states import DurableState
from mes.people.models import User
from mes.people.roles import Role
from mes.plant.schema_upkeep import CaredFor, KeptHolders, Taught

AHEAD = timedelta(days=7)
"""Before the end of a certificate."""


def teach(session: Session, wanted: Taught, at: datetime) -> bool:
    """Certify who has no certificate at plant time ``at`` that lasts a week; whether anybody was."""
    of = and_(Certificate.user_id == User.id, Certificate.certification_id == Certification.id)
    lasts = or_(Certificate.expires_at.is_(None), Certificate.expires_at > at + AHEAD)
    query = select(User.name).join(Certification, Certification.name == wanted.certification)
    query = query.outerjoin(Certificate, and_(of, lasts)).where(Certificate.id.is_(None), User.name.in_(wanted.people))
    missing = session.scalars(query.order_by(User.name)).all()
    if missing:
        role = Role(session.scalars(select(User.role).where(User.name == wanted.trainer)).one())
        for name in missing:
            certify(session, wanted.certification, name, None, role, Act(wanted.trainer, at, "trained"))
    return bool(missing)


def care(session: Session, wanted: CaredFor, at: datetime) -> bool:
    """Go through a plan wherever it is nearly due and the equipment does not work; whether it was done anywhere."""
    plans = select(MaintenancePlan.class_id).where(MaintenancePlan.name == wanted.plan)
    resting = (Equipment.class_id.in_(plans), Equipment.state != EquipmentState.PRD)
    ids = session.scalars(select(Equipment.id).where(*resting).order_by(Equipment.name)).all()
    due = [one for one in upkeep(session, ids) if one.plan.name == wanted.plan]
    due = [one for one in due if one.state(at) != MaintenanceState.FINE]
    for one in due:
        found = {check["name"]: _good(check) for check in one.plan.checks}
        maintain(session, one.equipment.id, wanted.plan, found, Act(wanted.who, at, "as planned"))
    return bool(due)


def keep_holders(session: Session, wanted: Sequence[KeptHolders], at: datetime) -> bool:
    """Clean boats and trays that are due and carry nothing, and register more where few are free; whether any was."""
    of = {one.kind: one for one in wanted}
    query = select(Durable).join(Durable.kind).options(contains_eager(Durable.kind)).where(DurableKind.name.in_(of))
    query = query.where(Durable.state == DurableState.STORED).order_by(Durable.name)
    free = session.scalars(query, execution_options={"populate_existing": True}).all()
    done = False
    for one in free:
        every = one.kind.clean_every
        if every is not None and one.count - one.cleaned_at_count >= every:
            clean_durable(session, one.id, Act(of[one.kind.name].who, at, "as planned"))
            done = True
    fit = Counter(one.kind.name for one in free if one.count < one.kind.most)
    for few in (one for one in wanted if fit[one.kind] < one.free):
        before = select(func.count()).select_from(Durable).join(DurableKind, DurableKind.id == Durable.kind_id)
        known = session.scalar(before.where(DurableKind.name == few.kind)) or 0
        for n in range(known + 1, known + 1 + few.free - fit[few.kind]):
            register(session, f"{few.kind}-{n:03d}", few.kind, 0, Act(few.keeper, at, "few are free"))
        done = True
    return done


def _good(check: Mapping[str, Any]) -> float | bool:
    """A value in the middle of its limits, or that it is done."""
    if check["unit"] is None:
        return True
    limits = [limit for limit in (check["low"], check["high"]) if limit is not None]
    return sum(limits) / len(limits) if limits else 0.0
