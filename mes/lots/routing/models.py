"""What substrates left out of their route."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Owned


class Skip(Owned, Base):
    """A substrate went past an operation without it: neither passed nor failed there, and in no yield of it."""

    __tablename__ = "skip"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int]
    """The lot that it was in then."""
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"))
    operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    reason: Mapped[str]
    """``sampling``: the route has the operation done of others only; else what a person said."""
    by: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        Index(None, "lot_id"),
        Index(None, "substrate_id"),
    )


SAMPLING = "sampling"
"""The reason of what is left out by the route's own rule."""
