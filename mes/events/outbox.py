"""The outbox, read so that nothing is skipped.

Ids are given out before their transactions commit, so that a reader by id alone never sees a row that commits late.
The order is (transaction, id), and a reader stays below the oldest transaction that still runs: what commits later
stands above everything it has read. A place is told as a transaction and how many of its events the reader has read:
ids would tell a customer how many events of others lie between two of its own.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mes.errors import Malformed


@dataclass(frozen=True, order=True)
class Cursor:
    """A place in the outbox as one reader sees it: everything up to the ``n``-th event of a transaction has been read.

    Its text is the event id of a stream.
    """

    xid: int
    n: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.n}"


START = Cursor(0, 0)
"""Before everything."""

_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})-(0|[1-9][0-9]{0,8})")


def place(session: Session, told: str) -> Cursor:
    """The place that was told as this text.

    Raises `Malformed`, also where it lies ahead of all that has happened: another database told it.
    """
    found = _CURSOR.fullmatch(told)
    if found is None:
        raise Malformed("Last-Event-ID is no id of an event; give the `id` of the last event that came, as it was.")
    cursor = Cursor(int(found[1]), int(found[2]))
    if cursor.xid > head(session).xid:
        raise Malformed("Last-Event-ID lies ahead of all that has happened here; begin without it.")
    return cursor


@dataclass(frozen=True)
class Event:
    """One event as it is delivered; without a ``customer`` it belongs to the centre."""

    cursor: Cursor
    customer: str | None
    verb: str
    body: dict[str, Any]
    recorded_at: datetime


def head(session: Session) -> Cursor:
    """The place after everything that can be read now, for a reader that wants only what comes."""
    return Cursor(int(session.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text")) or 0), 0)


_READ = text("""
    select xid, n, customer.name as customer, verb, body, recorded_at
      from (
            select outbox.*, row_number() over (partition by xid order by id) as n
              from outbox
             where xid >= cast(:xid as xid8) and xid < pg_snapshot_xmin(pg_current_snapshot())
           ) as visible
      left join customer on customer.id = visible.customer_id
     where (xid, n) > (cast(:xid as xid8), :n)
     order by xid, visible.id
     limit :most
""")


def read(session: Session, after: Cursor, most: int = 1000) -> list[Event]:
    """The next events after a cursor, in order, at most so many; those that the transaction's scope may see."""
    rows = session.execute(_READ, {"xid": str(after.xid), "n": after.n, "most": most})
    return [Event(Cursor(int(r.xid), r.n), r.customer, r.verb, r.body, r.recorded_at) for r in rows]
