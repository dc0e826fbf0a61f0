"""Recipes, their versions, and what each equipment was last seen to hold."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Lockable
from mes.history import Chained
from mes.recipes.states import RecipeState


class RecipeVersion(Lockable, Chained, Base):
    """One version of a recipe: the body that equipment runs, its hash, and its parameters with limits.

    ``parameters`` is a list of {name, unit, target, low, high}; ``sha256`` is over the body, in hexadecimal.
    """

    __tablename__ = "recipe_version"
    lock_order: ClassVar[int] = 0

    recipe: Mapped[str]
    version: Mapped[int]
    name: Mapped[str] = mapped_column(unique=True)
    """``recipe@version``, as equipment knows it."""
    class_id: Mapped[int] = mapped_column(ForeignKey("equipment_class.id"))
    body: Mapped[str]
    sha256: Mapped[str]
    parameters: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(default=RecipeState.DRAFT.value)
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("recipe", "version"),
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in RecipeState)})", name="state"),
        CheckConstraint("(state in ('approved', 'obsolete')) = (approved_at is not null)", name="approval"),
    )


class RecipeOnEquipment(Base):
    """The hash that an equipment computed of a recipe it holds, as last read from it."""

    __tablename__ = "recipe_on_equipment"

    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"), primary_key=True)
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"), primary_key=True)
    sha256: Mapped[str]
    verified_at: Mapped[datetime]
