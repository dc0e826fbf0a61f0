"""What people changed on maps by hand, kept so that it can be reversed and counted without history."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Owned


class HandChange(Owned, Base):
    """One verb of a person changed dispositions of one substrate. Never altered; a reversal is a row of its own.

    ``positions`` has one bit for each position; ``was`` and ``now`` are one byte for each position that changed, row by
    row from the top left.
    """

    __tablename__ = "hand_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int]
    n: Mapped[int]
    """The entry of the lot's history that tells of it."""
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"))
    form: Mapped[int]
    verb: Mapped[str]
    lot_state: Mapped[str]
    progress: Mapped[str]
    """How the lot and the substrate stood before."""
    positions: Mapped[bytes] = mapped_column(deferred=True)
    was: Mapped[bytes] = mapped_column(deferred=True)
    now: Mapped[bytes] = mapped_column(deferred=True)
    reverses_n: Mapped[int | None]
    """The entry of the lot's history that it takes back."""
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        Index("uq_hand_change", "lot_id", "n", "substrate_id", unique=True),
        Index("uq_hand_change_reversal", "lot_id", "reverses_n", "substrate_id", unique=True),
        CheckConstraint("length(was) = length(now) and length(was) > 0", name="lengths"),
    )
