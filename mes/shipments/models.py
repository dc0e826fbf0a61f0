"""Shipments: lots that left together, or came together, with the document that travels with them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Sequence, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Lockable, Owned
from mes.history import Chained
from mes.shipments.states import Direction, ShipmentState

SHIPMENT_NUMBERS = Sequence("shipment_number", metadata=Base.metadata)
"""Gives each shipment the number in its name."""


def _in(states: type[StrEnum]) -> str:
    return f"in ({', '.join(repr(s.value) for s in states)})"


class Shipment(Lockable, Chained, Owned, Base):
    """Lots of one owner that went from one place to another. ``document`` is what was sent, and never changes."""

    __tablename__ = "shipment"
    lock_order: ClassVar[int] = 2

    name: Mapped[str] = mapped_column(unique=True)
    direction: Mapped[str]
    state: Mapped[str]
    partner: Mapped[str]
    """To whom it went, or from whom it came."""
    reference: Mapped[str] = mapped_column(default="")
    """What the sender calls it: the number of a waybill, or of the sender's own shipment."""
    document: Mapped[str] = mapped_column(deferred=True)
    sha256: Mapped[str]
    differences: Mapped[list[Any]] = mapped_column(default=list)
    """What arrived otherwise than the document says, a sentence each."""
    sent_at: Mapped[datetime]
    arrived_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("customer_id", "id"),
        CheckConstraint(f"direction {_in(Direction)}", name="direction"),
        CheckConstraint(f"state {_in(ShipmentState)}", name="state"),
        CheckConstraint("(state = 'arrived') = (arrived_at is not null)", name="arrival"),
        Index("uq_shipment_document", "customer_id", "direction", "sha256", unique=True),
    )


class ShipmentLot(Owned, Base):
    """A lot in a shipment, with what it held when it was sent, or when it came."""

    __tablename__ = "shipment_lot"

    shipment_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(primary_key=True)
    substrates: Mapped[int]
    units: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "shipment_id"], ["shipment.customer_id", "shipment.id"]),
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        CheckConstraint("substrates > 0 and units >= 0", name="quantities"),
        Index(None, "lot_id"),
    )
