"""Experiments, their legs, the substrates in them, and the runs that were done by a leg."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable, Owned
from mes.history import Chained
from mes.lots.experiments.states import ExperimentState
from mes.recipes.models import RecipeVersion


class Experiment(Lockable, Chained, Base):
    """A plan that varies what is done at one operation. It never changes but for its state."""

    __tablename__ = "experiment"
    lock_order: ClassVar[int] = 0

    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    operation: Mapped[str]
    """``route/number``, in whatever version of the route."""
    every: Mapped[bool]
    """All substrates that come to the operation are in it, not only those that are named."""
    state: Mapped[str] = mapped_column(default=ExperimentState.DRAFT.value)
    drafted_by: Mapped[str]
    drafted_at: Mapped[datetime]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in ExperimentState)})", name="state"),
        CheckConstraint("(approved_at is null) = (approved_by is null)", name="approval"),
        CheckConstraint("(state = 'closed') = (closed_at is not null)", name="end"),
        CheckConstraint("state <> 'approved' or approved_at is not null", name="signature"),
        Index("ix_experiment_approved", "operation", postgresql_where="state = 'approved'"),
    )


class ExperimentLeg(Base):
    """One way in which an experiment does the operation. ``parameters``: set points by name, in the recipe's units."""

    __tablename__ = "experiment_leg"

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    ordinal: Mapped[int]
    name: Mapped[str]
    recipe_version_id: Mapped[int | None] = mapped_column(ForeignKey("recipe_version.id"))
    """None: what runs there otherwise."""
    parameters: Mapped[dict[str, Any]]

    recipe_version: Mapped[RecipeVersion | None] = relationship(lazy="raise")
    experiment: Mapped[Experiment] = relationship(lazy="raise")

    __table_args__ = (UniqueConstraint("experiment_id", "name"), UniqueConstraint("experiment_id", "ordinal"))


class ExperimentSubstrate(Owned, Base):
    """A substrate that is named for a leg."""

    __tablename__ = "experiment_substrate"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"), primary_key=True)
    substrate_id: Mapped[int] = mapped_column(primary_key=True)
    leg_id: Mapped[int] = mapped_column(ForeignKey("experiment_leg.id"))

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        Index(None, "substrate_id"),
    )


class RunLeg(Base):
    """A run was ordered by a leg, for all of its substrates."""

    __tablename__ = "run_leg"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    leg_id: Mapped[int] = mapped_column(ForeignKey("experiment_leg.id"), index=True)
