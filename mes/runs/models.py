"""A run: one stay on one equipment, for one operation and one recipe version."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable
from mes.equipment.models import Equipment
from mes.history import Chained
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation
from mes.runs.states import OPEN, RunState

OPEN_STATES = ", ".join(repr(s.value) for s in OPEN)

RUN_NUMBERS = Sequence("run_number", metadata=Base.metadata)
"""Gives each run the number in its name."""


class Run(Lockable, Chained, Base):
    """One stay on one equipment. What the equipment ran stands here: recipe version and the hash it confirmed."""

    __tablename__ = "run"
    lock_order: ClassVar[int] = 2

    name: Mapped[str] = mapped_column(unique=True)
    """The job order id that equipment sees; unique for ever."""
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    state: Mapped[str] = mapped_column(default=RunState.ORDERED.value)
    reason: Mapped[str] = mapped_column(default="")
    ordered_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    equipment: Mapped[Equipment] = relationship(lazy="raise")
    operation: Mapped[Operation] = relationship(lazy="raise")
    recipe_version: Mapped[RecipeVersion] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in RunState)})", name="state"),
        Index("ix_run_open", "equipment_id", postgresql_where=f"state in ({OPEN_STATES})"),
        Index(None, "operation_id"),
        Index(None, "equipment_id", "id"),
    )
