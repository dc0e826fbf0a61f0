"""What maintenance stands how, by the clock and the counters of each equipment."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased, joinedload

from mes.definitions.models import MaintenancePlan
from mes.equipment.maintenance.models import Maintenance
from mes.equipment.maintenance.states import MaintenanceState
from mes.equipment.models import Equipment


@dataclass(frozen=True)
class Upkeep:
    """One plan on one equipment: what it says, since when it counts, and what has been done since."""

    equipment: Equipment
    plan: MaintenancePlan
    last: Maintenance | None
    """When it began to count; None of equipment that no plan was ever put in force for, which is due."""

    @property
    def due_at(self) -> datetime | None:
        """When it is due by time."""
        if self.plan.every_s is None or self.last is None:
            return None
        return self.last.happened_at + timedelta(seconds=self.plan.every_s)

    @property
    def runs_left(self) -> int | None:
        """Runs until it is due; below zero where more were done."""
        if self.plan.every_runs is None or self.last is None:
            return None
        return self.plan.every_runs - (self.equipment.runs_done - self.last.runs_done)

    @property
    def units_left(self) -> int | None:
        """Units until it is due; below zero where more were worked on."""
        if self.plan.every_units is None or self.last is None:
            return None
        return self.plan.every_units - (self.equipment.units_done - self.last.units_done)

    def share(self, at: datetime) -> float:
        """How much of its interval is over at plant time ``at``: of time or of use, whichever is more; 1 is due."""
        plan, shares = self.plan, [0.0]
        if self.last is None:
            return 1.0
        if plan.every_s is not None:
            shares.append((at - self.last.happened_at) / timedelta(seconds=plan.every_s))
        if plan.every_runs is not None and self.runs_left is not None:
            shares.append(1 - self.runs_left / plan.every_runs)
        if plan.every_units is not None and self.units_left is not None:
            shares.append(1 - self.units_left / plan.every_units)
        return max(shares)

    def state(self, at: datetime) -> MaintenanceState:
        """How it stands at plant time ``at``."""
        if self.last is not None and not self.last.passed:
            return MaintenanceState.FAILED
        share = self.share(at)
        if share >= 1:
            return MaintenanceState.DUE
        return MaintenanceState.SOON if share >= self.plan.warning else MaintenanceState.FINE

    def over(self, at: datetime) -> list[str]:
        """What of its interval is over, in words."""
        told = []
        if self.last is None:
            told.append("it was never done")
        if self.due_at is not None and self.due_at <= at:
            told.append(f"since {self.due_at:%Y-%m-%d %H:%M} UTC")
        if self.runs_left is not None and self.runs_left <= 0:
            told.append(f"after {self.plan.every_runs} runs")
        if self.units_left is not None and self.units_left <= 0:
            told.append(f"after {self.plan.every_units} units")
        return told


HAS_PLANS: ColumnElement[bool] = (
    select(MaintenancePlan.id).where(MaintenancePlan.class_id == Equipment.class_id).correlate(Equipment).exists()
)
"""Whether there is a plan by which an equipment is maintained."""


def upkeep(session: Session, equipment_ids: Collection[int]) -> list[Upkeep]:
    """Every plan of these equipment, by equipment and in the order of the plant's text."""
    newest = (
        select(Maintenance)
        .ext(distinct_on(Maintenance.equipment_id, Maintenance.plan_id))
        .where(Maintenance.equipment_id.in_(equipment_ids))
        .order_by(Maintenance.equipment_id, Maintenance.plan_id, Maintenance.id.desc())
        .subquery()
    )
    last = aliased(Maintenance, newest)
    query = (
        select(Equipment, MaintenancePlan, last)
        .join(MaintenancePlan, MaintenancePlan.class_id == Equipment.class_id)
        .outerjoin(last, and_(last.plan_id == MaintenancePlan.id, last.equipment_id == Equipment.id))
        .options(joinedload(Equipment.equipment_class))  # else this would take it from equipment read before
        .where(Equipment.id.in_(equipment_ids))
        .order_by(Equipment.name, MaintenancePlan.ordinal, MaintenancePlan.id)
    )
    return [Upkeep(*row) for row in session.execute(query, execution_options={"populate_existing": True})]
