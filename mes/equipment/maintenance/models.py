"""Maintenance that was done."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base


class Maintenance(Base):
    """From here on a plan counts anew on an equipment: it was done, or put in force. Written under its lock."""

    __tablename__ = "maintenance"

    id: Mapped[int] = mapped_column(primary_key=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("maintenance_plan.id"), index=True)
    done_by: Mapped[str | None]
    """Null where the plan was put in force."""
    happened_at: Mapped[datetime]
    runs_done: Mapped[int] = mapped_column(BigInteger)
    """Of the equipment, then."""
    units_done: Mapped[int] = mapped_column(BigInteger)
    found: Mapped[list[Any]]
    """[{check, value, unit: or null, within}]: what was found, and whether it was as it should be."""
    passed: Mapped[bool]

    __table_args__ = (Index("ix_maintenance_equipment_id_plan_id_id", "equipment_id", "plan_id", "id"),)
