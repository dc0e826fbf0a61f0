"""What was sent to equipment and what came from it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, BigKey
from mes.jobs.states import Effect, OrderState, RecordState


class SentOrder(Base):
    """The order of a run as it is sent, word for word, so that sending it again says the same."""

    __tablename__ = "sent_order"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    state: Mapped[str] = mapped_column(default=OrderState.TO_SEND.value)
    told: Mapped[str] = mapped_column(default=Effect.FINISH.value)
    """What the equipment was told of it last because of holds."""
    body: Mapped[str] = mapped_column(deferred=True)
    """The job order as canonical text."""
    maps: Mapped[str] = mapped_column(deferred=True)
    """The position maps that go with it, as a JSON list of canonical texts."""

    __table_args__ = (
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in OrderState)})", name="state"),
        CheckConstraint(f"told in ({', '.join(repr(e.value) for e in Effect)})", name="told"),
        Index("ix_sent_order_open", "state", postgresql_where="state in ('to_send', 'sent', 'refused')"),
    )


class Journal(Base):
    """A journal of an equipment: born with the equipment's disk. One is current; a new one puts open jobs in doubt."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(primary_key=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    name: Mapped[str]
    boot: Mapped[str]
    current: Mapped[bool] = mapped_column(default=True)
    received: Mapped[int] = mapped_column(BigKey, default=0)
    """Sequence up to which every record is stored."""
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        UniqueConstraint("equipment_id", "name"),
        Index("uq_journal_current", "equipment_id", unique=True, postgresql_where="current"),
    )


class ReceivedRecord(Base):
    """A record as it came, stored once, and what became of it."""

    __tablename__ = "received_record"

    id: Mapped[int] = mapped_column(BigKey, Identity(), primary_key=True)
    journal_id: Mapped[int] = mapped_column(ForeignKey("journal.id"))
    sequence: Mapped[int] = mapped_column(BigKey)
    kind: Mapped[str]
    run: Mapped[str]
    """The job order id that the record names; empty where it names none."""
    happened_at: Mapped[datetime]
    sha256: Mapped[str]
    body: Mapped[str] = mapped_column(deferred=True)
    state: Mapped[str] = mapped_column(default=RecordState.RECEIVED.value)
    problem: Mapped[str] = mapped_column(default="")
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        UniqueConstraint("journal_id", "sequence"),
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in RecordState)})", name="state"),
        Index("ix_received_record_open", "happened_at", postgresql_where="state = 'received'"),
        Index("ix_received_record_rejected", "id", postgresql_where="state = 'rejected'"),
    )


class Connector(Base):
    """A process that talks to equipment. ``settled_at`` is the plant time at which it had nothing left to do."""

    __tablename__ = "connector"

    name: Mapped[str] = mapped_column(primary_key=True)
    settled_at: Mapped[datetime | None]
    seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
