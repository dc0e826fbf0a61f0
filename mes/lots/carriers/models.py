"""Carriers and their slots."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Lockable, Owned
from mes.history import Chained

KINDS = ("foup", "magazine", "boat_carrier")
MOST_SLOTS = 100


class Carrier(Lockable, Chained, Base):
    """What substrates stand in between equipment. It is the centre's."""

    __tablename__ = "carrier"
    lock_order: ClassVar[int] = 5

    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    slots: Mapped[int]
    location: Mapped[str] = mapped_column(default="")
    """Where it stands, in words of the shop floor."""
    clean_every_s: Mapped[float | None]
    clean_until: Mapped[datetime | None]
    """By when it is cleaned again; null of one that need not be."""

    __table_args__ = (
        CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in KINDS)})", name="kind"),
        CheckConstraint(f"slots between 1 and {MOST_SLOTS}", name="slots"),
        CheckConstraint("clean_every_s > 0 and clean_every_s < 'infinity'", name="clean_every"),
        CheckConstraint("(clean_every_s is null) = (clean_until is null)", name="cleaned"),
    )


class CarrierSlot(Owned, Base):
    """A substrate stands in a slot. Written under the locks of its lot and its carrier.

    A substrate that is used up leaves its row behind until the slot is taken again.
    """

    __tablename__ = "carrier_slot"

    id: Mapped[int] = mapped_column(primary_key=True)
    carrier_id: Mapped[int] = mapped_column(ForeignKey("carrier.id"))
    slot: Mapped[int]
    substrate_id: Mapped[int] = mapped_column(unique=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        UniqueConstraint("carrier_id", "slot"),
        CheckConstraint(f"slot between 1 and {MOST_SLOTS}", name="slot"),
    )
