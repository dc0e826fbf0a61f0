"""Equipment records: what it is, its E10 state over time, its alarms."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, BigKey, Lockable
from mes.definitions.models import Area, EquipmentClass, Ordered
from mes.equipment.states import EquipmentState
from mes.history import Chained

_STATES = ", ".join(repr(s.value) for s in EquipmentState)


class Equipment(Lockable, Chained, Ordered, Base):
    """One equipment of the line."""

    __tablename__ = "equipment"
    lock_order: ClassVar[int] = 1

    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    class_id: Mapped[int] = mapped_column(ForeignKey("equipment_class.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"))
    state: Mapped[str] = mapped_column(default=EquipmentState.SBY.value)
    state_since: Mapped[datetime]
    connected: Mapped[bool] = mapped_column(default=False)
    connection_since: Mapped[datetime | None]
    """Plant time of the last loss or return of the link."""
    runs_done: Mapped[int] = mapped_column(BigKey, default=0)
    """Runs that have ended on it in which something was worked on."""
    units_done: Mapped[int] = mapped_column(BigKey, default=0)
    """Units that were worked on in these."""

    equipment_class: Mapped[EquipmentClass] = relationship(lazy="raise")
    area: Mapped[Area] = relationship(lazy="raise")

    __table_args__ = (CheckConstraint(f"state in ({_STATES})", name="state"),)


class EquipmentStateInterval(Base):
    """One stay of an equipment in an E10 state; ``ended_at`` is null while it lasts."""

    __tablename__ = "equipment_state_interval"

    id: Mapped[int] = mapped_column(primary_key=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    state: Mapped[str]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint(f"state in ({_STATES})", name="state"),
        CheckConstraint("ended_at >= began_at", name="forward"),
        Index(None, "equipment_id", "began_at"),
        Index("uq_equipment_state_interval_open", "equipment_id", unique=True, postgresql_where="ended_at is null"),
    )


class Alarm(Base):
    """An alarm of an equipment; ``cleared_at`` is null while it stands. Severity 1 to 1000 as in OPC UA."""

    __tablename__ = "alarm"

    id: Mapped[int] = mapped_column(primary_key=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"), index=True)
    code: Mapped[str]
    severity: Mapped[int]
    text: Mapped[str]
    set_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_alarm_standing", "equipment_id", "code", unique=True, postgresql_where="cleared_at is null"),
    )
