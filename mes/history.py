"""What happened: one event per verb, one row per subject it changed, append-only and chained per subject.

A row's hash covers the hash before it and the stored text, so that nothing in the middle can be altered unseen; the
subject's own row holds the number and the hash of its last entry, advanced under its lock. The outbox carries the same
event to whoever listens, in the same transaction.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Identity, Index, Table, UniqueConstraint, bindparam, func, insert, select, text
from sqlalchemy import Sequence as NumberSequence
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import UserDefinedType

from mes.db import Base, BigKey

CHANNEL = "mes_outbox"
"""Notified by every commit that wrote to the outbox. It only wakes; a poll is the truth."""

GENESIS = bytes(32)
"""The hash before a subject's first entry."""


EVENT_NUMBERS = NumberSequence("history_event", metadata=Base.metadata)
"""Gives each event its number, which all its history rows share."""


class Xid8(UserDefinedType[str]):
    """PostgreSQL's transaction id, which never wraps. Travels as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class Chained:
    """A subject of history. Its row holds the head of its own chain."""

    id: Any
    name: Any
    history_n: Mapped[int] = mapped_column(default=0)
    history_hash: Mapped[bytes] = mapped_column(default=GENESIS)


class History(Base):
    """One entry of one subject. ``body`` is the canonical text that is hashed; nothing in it is ever changed."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(BigKey, Identity(), primary_key=True)
    event_id: Mapped[int] = mapped_column(BigKey, index=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[int]
    subject: Mapped[str]
    n: Mapped[int]
    customer_id: Mapped[int | None] = mapped_column(index=True)
    verb: Mapped[str]
    actor: Mapped[str]
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    body: Mapped[str]
    hash: Mapped[bytes]

    __table_args__ = (UniqueConstraint("subject_kind", "subject_id", "n"),)


class Outbox(Base):
    """Events to deliver. Their order is (xid, id); a reader stays below the oldest transaction still running."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigKey, Identity(), primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    customer_id: Mapped[int | None] = mapped_column(index=True)
    verb: Mapped[str]
    body: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (Index("ix_outbox_xid_id", "xid", "id"),)


class OutboxCursor(Base):
    """How far one consumer has read."""

    __tablename__ = "outbox_cursor"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("'0'::xid8"))
    last_id: Mapped[int] = mapped_column(BigKey, default=0)


@dataclass(frozen=True)
class Act:
    """Who does what, when on the plant clock, and why. Every verb takes one."""

    actor: str
    at: datetime
    why: str = ""


@dataclass(frozen=True)
class Delta:
    """A change of one account of a lot's ledger, in units of the form ``form``."""

    lot: str
    form: int
    account: str
    units: int


@dataclass(frozen=True)
class Change:
    """One subject of an event: what was before, what is after, and what it moved in the ledgers."""

    subject: Chained
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    deltas: Sequence[Delta] = ()


@dataclass(frozen=True)
class Event:
    """What one verb did: a history row for each change, and one outbox row for each customer it concerns."""

    verb: str
    changes: Sequence[Change]


_NUMBERS = select(EVENT_NUMBERS.next_value(), func.pg_notify(CHANNEL, "")).select_from(
    func.generate_series(1, bindparam("count"))
)
"""Numbers for so many events; whoever listens is woken when the transaction commits, once."""
_HISTORY, _OUTBOX = (insert(cast(Table, model.__table__)).inline() for model in (History, Outbox))


def record(session: Session, verb: str, act: Act, changes: Sequence[Change]) -> int:
    """Write one event. The subjects must be locked. Returns the event's number."""
    return record_all(session, act, [Event(verb, changes)])[0]


def record_all(session: Session, act: Act, events: Sequence[Event]) -> Sequence[int]:
    """Write several events of one act, in this order. Returns their numbers; all rows of an event share its own."""
    if any(change.subject.id is None for event in events for change in event.changes):
        session.flush()
    connection = session.connection()  # not the session: it would write the heads of the chains for each statement
    numbers = connection.scalars(_NUMBERS, {"count": len(events)}).all()
    told = [
        (event.verb, number, [_entry(number, event.verb, act, change) for change in event.changes])
        for number, event in zip(numbers, events, strict=True)
    ]
    connection.execute(_HISTORY, [row for _, _, rows in told for row in rows])
    connection.execute(_OUTBOX, [row for verb, number, rows in told for row in _outbox(verb, number, act, rows)])
    return numbers


def _outbox(verb: str, number: int, act: Act, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for owner in sorted({row["customer_id"] for row in rows}, key=lambda o: o or 0):
        subjects = [[row["subject_kind"], row["subject"]] for row in rows if row["customer_id"] == owner]
        body = {"event": number, "at": instant(act.at), "subjects": subjects}
        yield {"customer_id": owner, "verb": verb, "body": body}


def _entry(event_id: int, verb: str, act: Act, change: Change) -> dict[str, Any]:
    subject: Any = change.subject
    subject.history_n += 1
    body = canonical(
        {
            "event": event_id,
            "subject": [subject.__tablename__, subject.id, subject.name],
            "n": subject.history_n,
            "verb": verb,
            "actor": act.actor,
            "at": instant(act.at),
            "why": act.why,
            "before": change.before,
            "after": change.after,
            "deltas": [[d.lot, d.form, d.account, d.units] for d in change.deltas if d.units],
        }
    )
    subject.history_hash = chained(subject.history_hash, body)
    return {
        "event_id": event_id,
        "subject_kind": subject.__tablename__,
        "subject_id": subject.id,
        "subject": subject.name,
        "n": subject.history_n,
        "customer_id": getattr(subject, "customer_id", None),
        "verb": verb,
        "actor": act.actor,
        "happened_at": act.at,
        "body": body,
        "hash": subject.history_hash,
    }


def canonical(value: Any) -> str:
    """The one text of a value: sorted keys, no spaces, no rounding. This text is stored and hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chained(before: bytes, body: str) -> bytes:
    """SHA-256 over the hash before and the stored text."""
    return hashlib.sha256(before + body.encode()).digest()


def instant(at: datetime) -> str:
    """A time as text, UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def entry(row: History) -> dict[str, Any]:
    """One entry as people and programs read it."""
    body = json.loads(row.body)
    return {
        "kind": row.subject_kind,
        "subject": row.subject,
        "n": row.n,
        "event": row.event_id,
        "happened_at": row.happened_at,
        "recorded_at": row.recorded_at,
        "verb": row.verb,
        "actor": row.actor,
        "why": body["why"],
        "before": body["before"],
        "after": body["after"],
        "deltas": body["deltas"],
        "hash": row.hash.hex(),
    }


AT_ONCE = timedelta(minutes=10)
"""Plant time within which records that cross on their way are not called late; few seconds pass in a fast plant."""


def as_happened(chain: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries of one subject in the order in which they happened, not in that of their numbers, which is of record.

    Each says with ``late`` whether it was recorded after something that happened more than `AT_ONCE` later.
    """
    latest: datetime | None = None
    told: list[dict[str, Any]] = []
    for one in sorted(chain, key=lambda one: one["n"]):
        latest = max(latest or one["happened_at"], one["happened_at"])
        told.append({**one, "late": latest - one["happened_at"] > AT_ONCE})
    return sorted(told, key=lambda one: (one["happened_at"], one["n"]))
