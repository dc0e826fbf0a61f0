"""Rules of the plant by which lots are released to the line."""

from typing import ClassVar

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Lockable
from mes.definitions.models import Ordered


class ReleaseRule(Lockable, Ordered, Base):
    """Lots of the route ``name`` are released by themselves while fewer than ``constant_wip`` are on the line."""

    __tablename__ = "release_rule"
    lock_order: ClassVar[int] = 0

    name: Mapped[str] = mapped_column(unique=True)
    constant_wip: Mapped[int]

    __table_args__ = (CheckConstraint("constant_wip > 0", name="constant_wip"),)
