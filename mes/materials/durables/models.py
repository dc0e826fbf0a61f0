"""Durables: each with its number, what it has done, and where it is. They are the centre's."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable
from mes.definitions.models import DurableKind
from mes.equipment.models import Equipment
from mes.history import Chained
from mes.materials.durables.states import DurableState


class Durable(Lockable, Chained, Base):
    """One tool. ``count`` is what it has done, in the words of its kind."""

    __tablename__ = "durable"
    lock_order: ClassVar[int] = 6

    name: Mapped[str] = mapped_column(unique=True)
    kind_id: Mapped[int] = mapped_column(ForeignKey("durable_kind.id"), index=True)
    state: Mapped[str] = mapped_column(default=DurableState.STORED.value)
    count: Mapped[int] = mapped_column(default=0)
    cleaned_at_count: Mapped[int] = mapped_column(default=0)
    inspected_at_count: Mapped[int] = mapped_column(default=0)
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    """The equipment it is mounted on."""
    mounted_at: Mapped[datetime | None]
    load: Mapped[str | None]
    """The name of the load that it carries."""

    kind: Mapped[DurableKind] = relationship(lazy="raise")
    equipment: Mapped[Equipment | None] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in DurableState)})", name="state"),
        CheckConstraint("least(count, cleaned_at_count, inspected_at_count) >= 0", name="counts"),
        CheckConstraint("greatest(cleaned_at_count, inspected_at_count) <= count", name="cycles"),
        CheckConstraint("(state = 'mounted') = (equipment_id is not null)", name="mounted"),
        CheckConstraint("(equipment_id is null) = (mounted_at is null)", name="since"),
        CheckConstraint("(state = 'loaded') = (load is not null)", name="load"),
        Index(
            "uq_durable_mounted", "equipment_id", "kind_id", unique=True, postgresql_where="equipment_id is not null"
        ),
    )
