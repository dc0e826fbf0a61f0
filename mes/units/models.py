"""Substrates and what is on them, packed: one byte, one bit or one array per position, never a row."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Computed, ForeignKey, ForeignKeyConstraint, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, BigKey, Lockable, Owned
from mes.definitions.models import Layout, Product
from mes.history import Chained


class Substrate(Lockable, Chained, Owned, Base):
    """A wafer, frame, strip, or the load of a boat or tray: a grid of positions that hold units of one product.

    ``dispositions`` is one byte of `Disposition` per position, row by row from the top left.
    """

    __tablename__ = "substrate"
    lock_order: ClassVar[int] = 4

    name: Mapped[str]
    kind: Mapped[str]
    layout_id: Mapped[int] = mapped_column(ForeignKey("layout.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    assumed_map: Mapped[bool] = mapped_column(default=False)
    """It came without a map; every position was taken to hold a unit."""
    closed: Mapped[bool] = mapped_column(default=False)
    """Nothing is left on it that will move or be used."""
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("durable.id"))
    """The durable that carries it: a boat or tray, until its load is closed."""
    part_of_id: Mapped[int | None] = mapped_column(ForeignKey("substrate.id"))
    """The multi-project wafer of which it is a masked copy: the positions of one project."""
    dispositions: Mapped[bytes] = mapped_column(deferred=True)
    frame: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    """How the file it came with draws and counts it, with its reference devices: `drawn`; null where as any other."""

    layout: Mapped[Layout] = relationship(lazy="raise")
    product: Mapped[Product] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("customer_id", "name"),
        UniqueConstraint("customer_id", "id"),
        CheckConstraint("kind in ('wafer', 'frame', 'strip', 'panel', 'boat', 'tray')", name="kind"),
        Index("ix_substrate_part_of", "part_of_id", postgresql_where="part_of_id is not null"),
        Index("uq_substrate_holder", "holder_id", unique=True, postgresql_where="holder_id is not null"),
    )


class Occupancy(Owned, Base):
    """Which positions of a target have a unit at one site and level: one bit per position, rewritten under its lock."""

    __tablename__ = "occupancy"

    substrate_id: Mapped[int] = mapped_column(primary_key=True)
    site: Mapped[int] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True)
    positions: Mapped[bytes]

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
    )


class DeviceId(Base):
    """That a customer's unit on a substrate has an id, or had it. ``key`` is a hash of the customer and the id."""

    __tablename__ = "device_id"

    key: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    substrate_id: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        Index(None, "customer_id", "substrate_id"),
    )


class Layer(Owned, Base):
    """One version of one layer over a substrate: bins of a pass, device ids, a measurement.

    ``positions`` null: ``body`` covers every position. Else ``positions`` are uint32 indices, rising (row * columns +
    column) and ``body`` their values: a change on top of the version before. ``encoding`` is u1, u2, f8 or text
    (a JSON list).
    """

    __tablename__ = "layer"

    id: Mapped[int] = mapped_column(BigKey, Identity(), primary_key=True)
    substrate_id: Mapped[int]
    name: Mapped[str]
    version: Mapped[int]
    encoding: Mapped[str]
    palette: Mapped[dict[str, Any]]
    """Of bins: code as text to {quality, description}; of a measurement: {unit}."""
    source: Mapped[str]
    """Who or what wrote it: a run, a file, a person."""
    happened_at: Mapped[datetime]
    positions: Mapped[bytes | None] = mapped_column(deferred=True)
    body: Mapped[bytes] = mapped_column(deferred=True)
    warnings: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    """What was odd about the file that it came with: `Warned.told`; null where nothing was."""

    __table_args__ = (
        UniqueConstraint("substrate_id", "name", "version"),
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        CheckConstraint("encoding in ('u1', 'u2', 'f8', 'text')", name="encoding"),
    )


class Transfer(Base):
    """Moves of n units from one substrate to another by one run, as arrays of length n.

    ``from_xy`` and ``to_xy`` are int16 pairs (x, y); ``slots`` are uint8 (site, level, head, outcome). Across a
    border of ownership ``customer_id`` is null: the row is the staff's, and each side reads its half through a view. It
    follows from the owners of the two ends, also where one of them changes later.
    """

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(BigKey, Identity(), primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customer.id"),
        Computed(
            "case when source_customer_id = target_customer_id then source_customer_id else null::integer end",
            persisted=True,
        ),
        index=True,
    )
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    source_customer_id: Mapped[int]
    source_id: Mapped[int] = mapped_column(index=True)
    target_customer_id: Mapped[int]
    target_id: Mapped[int] = mapped_column(index=True)
    n: Mapped[int]
    happened_at: Mapped[datetime]
    from_xy: Mapped[bytes] = mapped_column(deferred=True)
    to_xy: Mapped[bytes] = mapped_column(deferred=True)
    slots: Mapped[bytes] = mapped_column(deferred=True)
    agreement_id: Mapped[int | None] = mapped_column(ForeignKey("supply_agreement.id"), index=True)
    """By which units went over a border of ownership; null where none was in force when the run was ordered."""
    suspect: Mapped[str | None]
    """The exception codes of moves that broke a rule, with their indices; null where none did."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["source_customer_id", "source_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        ForeignKeyConstraint(
            ["target_customer_id", "target_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        CheckConstraint(
            "length(from_xy) = 4 * n and length(to_xy) = 4 * n and length(slots) = 4 * n and n > 0", name="lengths"
        ),
        Index(None, "target_id", "run_id"),
    )
