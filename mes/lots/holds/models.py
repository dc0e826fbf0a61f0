"""The masks of holds, the recalls that placed them, and what is held as a whole."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, select
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Lockable, Owned
from mes.history import Chained
from mes.lots.models import Hold, Lot

RECALL_NUMBERS = Sequence("recall_number", metadata=Base.metadata)
"""Gives each recall the number in its name."""


class HoldMask(Owned, Base):
    """The positions of one substrate that a hold is about, one bit each. A lot goes on past a hold that has any.

    They stay with whoever's the hold is: a later owner of the substrate does not learn what was in doubt on it.
    """

    __tablename__ = "hold_mask"

    hold_id: Mapped[int] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"), primary_key=True)
    positions: Mapped[bytes] = mapped_column(deferred=True)

    __table_args__ = (
        CheckConstraint("bit_count(positions) > 0", name="units"),
        Index(None, "substrate_id"),
    )


class Recall(Lockable, Chained, Base):
    """Somebody had every unit held that a cause touched. It is the centre's, as the cause is, and never changes."""

    __tablename__ = "recall"
    lock_order: ClassVar[int] = 7

    name: Mapped[str] = mapped_column(unique=True)
    cause: Mapped[dict[str, Any]]
    """What is given of it, by name."""
    code: Mapped[str]
    comment: Mapped[str]
    touched: Mapped[int]
    """Units that the cause had touched by then."""
    recalled_by: Mapped[str]
    recalled_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("touched > 0", name="touched"),
        Index("ix_recall_cause", "cause", postgresql_using="hash"),
    )


HELD = select(Hold.id).where(Hold.lot_id == Lot.id, Hold.released_at.is_(None), ~Hold.masked).exists()
"""Whether a lot is held as a whole."""
