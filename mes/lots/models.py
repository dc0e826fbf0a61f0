"""Lots, the substrates in them, their runs, ledgers and holds, and the sources mounted on equipment."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Sequence, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable, Owned
from mes.definitions.models import Product
from mes.history import Chained
from mes.lots.accounts import ARE, CAME
from mes.lots.states import OPEN_WORK, LotState, Progress, Work
from mes.routes.models import Operation, RouteVersion


def _in(states: type[LotState] | type[Progress] | type[Work] | tuple[Work, ...]) -> str:
    return f"in ({', '.join(repr(s.value) for s in states)})"


LOT_KINDS = ("production", "engineering", "qualification", "monitor", "dummy")


LOT_NUMBERS = Sequence("lot_number", metadata=Base.metadata)
"""Gives a lot that nobody named its number."""


class Lot(Lockable, Chained, Owned, Base):
    """What moves together. ``substrates`` and ``units`` count its current form and equal what its maps say."""

    __tablename__ = "lot"
    lock_order: ClassVar[int] = 3

    name: Mapped[str]
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    kind: Mapped[str] = mapped_column(default="production")
    route_version_id: Mapped[int] = mapped_column(ForeignKey("route_version.id"))
    state: Mapped[str] = mapped_column(default=LotState.CREATED.value)
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operation.id"))
    """The operation of its earliest substrate; null before release and after the end."""
    priority: Mapped[int] = mapped_column(default=5)
    """1 is the most urgent, 9 the least."""
    due_at: Mapped[datetime | None]
    reserved_for_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    """No other equipment of its class starts it before ``reserved_until``."""
    reserved_until: Mapped[datetime | None]
    reserved_by: Mapped[str | None]
    form: Mapped[int] = mapped_column(default=1)
    """Which form its units have: raised by each transfer to new substrates."""
    substrates: Mapped[int] = mapped_column(default=0)
    units: Mapped[int] = mapped_column(default=0)
    of_product: Mapped[int] = mapped_column(default=1)
    """Of its product the how-manieth that was created; what is split off has that of the lot it left."""
    future_holds: Mapped[int] = mapped_column(default=0)
    """How many stand, so that work on a lot that has none asks no further."""
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    product: Mapped[Product] = relationship(lazy="raise")
    route_version: Mapped[RouteVersion] = relationship(lazy="raise")
    operation: Mapped[Operation | None] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("customer_id", "name"),
        UniqueConstraint("customer_id", "id"),
        CheckConstraint(f"state {_in(LotState)}", name="state"),
        CheckConstraint(f"kind in ({', '.join(repr(k) for k in LOT_KINDS)})", name="kind"),
        CheckConstraint("priority between 1 and 9", name="priority"),
        CheckConstraint("substrates >= 0 and units >= 0", name="quantities"),
        CheckConstraint("num_nulls(reserved_for_id, reserved_until, reserved_by) in (0, 3)", name="reservation"),
        Index(None, "product_id", "of_product"),
        Index("ix_lot_stocked", "product_id", postgresql_where="state = 'stocked'"),
        Index("ix_lot_on_line", "state", postgresql_where="state in ('queued', 'ordered', 'running')"),
    )


class LotSubstrate(Owned, Base):
    """A substrate of a lot: its operation, visit and progress. Written under the lot's lock."""

    __tablename__ = "lot_substrate"

    lot_id: Mapped[int] = mapped_column(primary_key=True)
    substrate_id: Mapped[int] = mapped_column(primary_key=True)
    form: Mapped[int]
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operation.id"))
    visit: Mapped[int] = mapped_column(default=1)
    first_visit: Mapped[int] = mapped_column(default=1)
    """The visit with which its stay at the operation began: 1, more when it comes there again by a rework."""
    reworks: Mapped[int] = mapped_column(default=0)
    """How often it went back."""
    reworked_at: Mapped[datetime | None]
    """When it went back last, by a rework or otherwise."""
    next_visits: Mapped[dict[str, Any] | None]
    """By id of an operation that it comes through again: the visit with which that begins."""
    progress: Mapped[str] = mapped_column(default=Progress.QUEUED.value)
    since: Mapped[datetime | None]
    """Plant time since when it waits at the operation."""
    todo: Mapped[bytes | None] = mapped_column(deferred=True)
    """Positions still to be worked on at this visit, one bit each; null where all units are."""
    again: Mapped[bytes | None] = mapped_column(deferred=True)
    """Positions to be judged again when this visit is done, one bit each; null where none are."""

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        ForeignKeyConstraint(["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"]),
        CheckConstraint(f"progress {_in(Progress)}", name="progress"),
        Index("uq_lot_substrate_open", "substrate_id", unique=True, postgresql_where="progress <> 'closed'"),
        Index(None, "substrate_id"),
        Index("ix_lot_substrate_queued", "operation_id", postgresql_where="progress = 'queued'"),
    )


class Handover(Owned, Base):
    """A substrate went from one lot to another, by a split, a merge or a change of owner, with all that it ever held.

    ``units`` counts those, also what was scrapped or consumed before: their accounts go along with it.
    """

    __tablename__ = "handover"

    id: Mapped[int] = mapped_column(primary_key=True)
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"))
    form: Mapped[int]
    from_id: Mapped[int]
    to_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    """Where the owner changed a lot of the other owner; the row stays with who gave it."""
    units: Mapped[int]
    happened_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "from_id"], ["lot.customer_id", "lot.id"]),
        CheckConstraint("units >= 0 and from_id <> to_id", name="units"),
        Index(None, "from_id"),
        Index(None, "substrate_id"),
    )


class RunSubstrate(Owned, Base):
    """One substrate in one run: what was asked, what came of it. Counts are units of the lot's form."""

    __tablename__ = "run_substrate"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"), primary_key=True)
    lot_id: Mapped[int]
    form: Mapped[int]
    visit: Mapped[int]
    first_visit: Mapped[int] = mapped_column(default=1)
    """With which the substrate's stay there began."""
    reworked: Mapped[bool] = mapped_column(default=False)
    """The substrate went back later by a rework: what was done here is done again."""
    work: Mapped[str] = mapped_column(default=Work.WAITING.value)
    positions: Mapped[bytes] = mapped_column(deferred=True)
    """What was asked for, one bit each."""
    queued_at: Mapped[datetime | None]
    """Since when the substrate had waited."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    units_in: Mapped[int] = mapped_column(default=0)
    units_good: Mapped[int] = mapped_column(default=0)
    units_failed: Mapped[int] = mapped_column(default=0)
    units_again: Mapped[int] = mapped_column(default=0)
    """Units that will be judged again at the next visit: neither good nor failed yet."""
    units_good_again: Mapped[int] = mapped_column(default=0)
    """Those of them that were good at this visit, and are judged again with the whole substrate."""
    units_suspect: Mapped[int] = mapped_column(default=0)
    """Units that the report made doubtful: neither good nor failed, also when a person has disposed of them since."""
    energy_kwh: Mapped[float | None] = mapped_column(default=0.0)
    """Null where nobody measured it: of work by hand, and where equipment named what none can draw."""

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        CheckConstraint(f"work {_in(Work)}", name="work"),
        CheckConstraint("units_in = units_good + units_failed + units_again + units_suspect", name="counts"),
        CheckConstraint("units_good_again between 0 and units_again", name="good_again"),
        CheckConstraint("energy_kwh >= 0 and energy_kwh < 'infinity'", name="energy"),
        Index("uq_run_substrate_open", "substrate_id", unique=True, postgresql_where=f"work {_in(OPEN_WORK)}"),
        Index(None, "lot_id"),
        Index(None, "substrate_id"),
        Index(None, "ended_at"),
    )


class RunSource(Owned, Base):
    """A source that a run may pick from, in order, with the positions reserved for it while the run is open."""

    __tablename__ = "run_source"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    substrate_id: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int]
    positions: Mapped[bytes] = mapped_column(deferred=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        Index(None, "substrate_id"),
    )


class RunLoad(Owned, Base):
    """An empty substrate that a run fills, in order."""

    __tablename__ = "run_load"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    substrate_id: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
    )


class Consumption(Owned, Base):
    """What one run used on one substrate out of one container, in the unit of its material.

    The substrate's owner may read it; of a container of the centre that owner reads no more than its number.
    """

    __tablename__ = "consumption"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    substrate_id: Mapped[int]
    container_id: Mapped[int] = mapped_column(ForeignKey("container.id"), index=True)
    amount: Mapped[int]
    happened_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        UniqueConstraint("run_id", "substrate_id", "container_id"),
        Index(None, "substrate_id"),
        CheckConstraint("amount > 0", name="amount"),
    )


class Mount(Base):
    """A source substrate on an equipment, from when until when. On one equipment at a time."""

    __tablename__ = "mount"

    id: Mapped[int] = mapped_column(primary_key=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"), index=True)
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"), index=True)
    mounted_at: Mapped[datetime]
    dismounted_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_mount_open", "substrate_id", unique=True, postgresql_where="dismounted_at is null"),)


_SUM = " + ".join


class Ledger(Owned, Base):
    """Units of one form of a lot: what came, and where they are. The database refuses one that does not balance."""

    __tablename__ = "ledger"

    lot_id: Mapped[int] = mapped_column(primary_key=True)
    form: Mapped[int] = mapped_column(primary_key=True)
    received: Mapped[int] = mapped_column(default=0)
    merged_in: Mapped[int] = mapped_column(default=0)
    made: Mapped[int] = mapped_column(default=0)
    bonus: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    in_process: Mapped[int] = mapped_column(default=0)
    completed: Mapped[int] = mapped_column(default=0)
    scrapped: Mapped[int] = mapped_column(default=0)
    split_off: Mapped[int] = mapped_column(default=0)
    consumed: Mapped[int] = mapped_column(default=0)
    sampled: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    shipped: Mapped[int] = mapped_column(default=0)
    returned: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        CheckConstraint(f"{_SUM(CAME)} = {_SUM(ARE)}", name="conservation"),
        CheckConstraint(f"least({', '.join(CAME + ARE)}) >= 0", name="counts"),
    )


class Hold(Owned, Base):
    """Why a lot, or some units of it, must not go on until somebody of the owner role releases it; one or several."""

    __tablename__ = "hold"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int]
    code: Mapped[str]
    comment: Mapped[str]
    owner_role: Mapped[str]
    held_by: Mapped[str]
    held_at: Mapped[datetime]
    review_by: Mapped[datetime | None]
    """By when somebody is to look at it again; null where nobody said."""
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    release_comment: Mapped[str | None]
    masked: Mapped[bool] = mapped_column(default=False)
    """It is about the units of its masks alone: the lot goes on."""
    recall_id: Mapped[int | None] = mapped_column(ForeignKey("recall.id"), index=True)
    """The recall that placed it, or that placed the one of which it was split off."""

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        Index("ix_hold_standing", "lot_id", postgresql_where="released_at is null"),
        CheckConstraint("(released_at is null) = (released_by is null)", name="release"),
    )


class FutureHold(Owned, Base):
    """A hold that a lot gets when the first of its substrates reaches an operation; then ``hold_id`` says which."""

    __tablename__ = "future_hold"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int]
    operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    code: Mapped[str]
    comment: Mapped[str]
    owner_role: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("hold.id"))
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    """When it took effect or was withdrawn; null while it stands."""
    withdraw_comment: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        Index("ix_future_hold_standing", "lot_id", postgresql_where="ended_at is null"),
        CheckConstraint("(ended_at is null) = (ended_by is null)", name="end"),
        CheckConstraint("hold_id is null or ended_at is not null", name="effect"),
    )


class QueueDisposition(Owned, Base):
    """A process engineer signed that a substrate goes on that waited longer than a limit allows; the last one counts.

    It is for one clock: the one of that substrate and limit that began at ``since``.
    """

    __tablename__ = "queue_disposition"

    id: Mapped[int] = mapped_column(primary_key=True)
    substrate_id: Mapped[int]
    queue_limit_id: Mapped[int] = mapped_column(ForeignKey("queue_limit.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    """By when it is to start now; null where it may wait."""
    comment: Mapped[str]
    signed_by: Mapped[str]
    signed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        Index(None, "substrate_id"),
        CheckConstraint("since < signed_at and until > signed_at", name="order"),
    )


class Rework(Owned, Base):
    """A substrate went back on its route: a mark for ever. ``times``: how often from that operation with this one."""

    __tablename__ = "rework"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int]
    substrate_id: Mapped[int] = mapped_column(ForeignKey("substrate.id"))
    operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    """Where it waited, and comes again."""
    back_to_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    reason: Mapped[str]
    comment: Mapped[str]
    times: Mapped[int]
    of_lot: Mapped[int]
    """How often substrates of the lot went back from there, with this time."""
    by: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "lot_id"], ["lot.customer_id", "lot.id"]),
        UniqueConstraint("substrate_id", "operation_id", "times"),
        Index(None, "lot_id"),
    )
