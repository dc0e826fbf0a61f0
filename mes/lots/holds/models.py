"""The masks of holds, and what is held as a whole."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Owned
from mes.lots.models import Hold, Lot


class HoldMask(Owned, Base):
    """The positions of one substrate that a hold is about, one bit each. A lot goes on past a hold that has any."""

    __tablename__ = "hold_mask"

    hold_id: Mapped[int] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    substrate_id: Mapped[int] = mapped_column(primary_key=True)
    positions: Mapped[bytes] = mapped_column(deferred=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        CheckConstraint("bit_count(positions) > 0", name="units"),
        Index(None, "substrate_id"),
    )


HELD = select(Hold.id).where(Hold.lot_id == Lot.id, Hold.released_at.is_(None), ~Hold.masked).exists()
"""Whether a lot is held as a whole."""
