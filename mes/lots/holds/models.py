"""The masks of holds, and what is held as a whole."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Owned
from mes.lots.models import Hold, Lot


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


HELD = select(Hold.id).where(Hold.lot_id == Lot.id, Hold.released_at.is_(None), ~Hold.masked).exists()
"""Whether a lot is held as a whole."""
