"""The outbox is read in the order of commits, so that a late one is not skipped, and the feed wakes who listens."""

from collections.abc import Sequence
from queue import Empty, Queue

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from mes.db import Base, Database, Session, as_customer
from mes.events import feed
from mes.events.feed import Feed
from mes.events.looks import SubjectKind
from mes.events.outbox import START, Cursor, Event, head, read
from mes.history import CHANNEL, Chained
from mes.people.models import Customer


def put(session: Session, verb: str, customer_id: int | None = None) -> None:
    session.execute(
        text("insert into outbox (verb, customer_id, body) values (:verb, :customer, '{}')"),
        {"verb": verb, "customer": customer_id},
    )
    session.execute(text(f"notify {CHANNEL}"))


def verbs(events: Sequence[Event]) -> list[str]:
    return [event.verb for event in events]


def test_an_event_that_commits_late_is_not_skipped(database: Database) -> None:
    cursor = START
    with database.transaction() as late:
        put(late, "late")
        with database.transaction() as early:
            put(early, "early")
        with database.reading() as reader:
            assert reader.scalar(text("select array_agg(verb) from outbox")) == ["early"]
            seen = read(reader, cursor)
    cursor = seen[-1].cursor if seen else cursor
    with database.reading() as reader:
        assert verbs(seen) + verbs(read(reader, cursor)) == ["late", "early"]


def test_a_reader_goes_on_where_it_stopped(database: Database) -> None:
    with database.transaction() as session:
        for n in range(5):
            put(session, f"e{n}")
    with database.reading() as reader:
        first = read(reader, START, most=2)
        assert verbs(first) == ["e0", "e1"]
        assert verbs(read(reader, first[-1].cursor)) == ["e2", "e3", "e4"]
        assert read(reader, head(reader)) == []
        assert str(Cursor(7, 3)) == "7-3"
    beginning = head_of(database)
    with database.transaction() as session:
        put(session, "new")
    with database.reading() as reader:
        assert verbs(read(reader, beginning)) == ["new"]


def head_of(database: Database) -> Cursor:
    with database.reading() as session:
        return head(session)


def test_a_customer_reads_only_its_own_events(database: Database) -> None:
    with database.transaction() as session:
        alpha, beta = Customer(name="alpha", title="Alpha"), Customer(name="beta", title="Beta")
        session.add_all([alpha, beta])
        session.flush()
        put(session, "of alpha", alpha.id)
        put(session, "of beta", beta.id)
        put(session, "of the centre")
    with database.reading(as_customer(alpha.id)) as reader:
        assert verbs(read(reader, START)) == ["of alpha"]


def cut_listener(owner_url: URL) -> None:
    """End the connection of a feed on the server's side."""
    address = owner_url.set(drivername="postgresql").render_as_string(hide_password=False)
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %%' and datname = %s"
    with psycopg.connect(address) as owner:
        assert owner.execute(cut, [owner_url.database]).fetchall() == [(True,)]


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.turns: Queue[list[str]] = Queue()
        self.losses: Queue[str] = Queue()

    def turn(self, events: Sequence[Event]) -> None:
        self.turns.put(verbs(events))

    def lost(self) -> None:
        self.losses.put("lost")

    def next(self, timeout_s: float) -> list[str]:
        while not (told := self.turns.get(timeout=timeout_s)):
            pass
        return told


def test_a_commit_wakes_the_feed_before_its_poll(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "POLL_S", 60.0)
    heard = Heard()
    following = Feed(database, heard)
    following.start()
    try:
        assert heard.turns.get(timeout=10) == []  # it is connected, and waits
        with database.transaction() as session:
            put(session, "track_in")
        assert heard.next(timeout_s=10) == ["track_in"]
    finally:
        with database.transaction() as session:
            following._stopping.set()
            session.execute(text(f"notify {CHANNEL}"))
        following.stop()


def test_a_commit_that_notifies_nobody_is_found_by_the_poll(database: Database) -> None:
    heard = Heard()
    following = Feed(database, heard)
    following.start()
    try:
        assert heard.turns.get(timeout=10) == []
        with database.transaction() as session:
            session.execute(text("insert into outbox (verb, body) values ('silent', '{}')"))
        assert heard.next(timeout_s=10) == ["silent"]
    finally:
        following.stop()


def test_the_feed_outlives_its_connection_and_skips_nothing(database: Database, owner_url: URL) -> None:
    heard = Heard()
    following = Feed(database, heard)
    following.start()
    try:
        assert heard.turns.get(timeout=10) == []
        cut_listener(owner_url)
        with database.transaction() as session:
            put(session, "meanwhile")
        assert heard.losses.get(timeout=10) == "lost"
        assert heard.next(timeout_s=10) == ["meanwhile"]
    finally:
        following.stop()
    with pytest.raises(Empty):
        heard.turns.get(timeout=0)


def test_events_tell_of_every_kind_of_subject_that_has_a_history() -> None:
    chained = {m.local_table.name for m in Base.registry.mappers if issubclass(m.class_, Chained)}  # type: ignore[attr-defined]
    assert {kind.value for kind in SubjectKind} == chained
