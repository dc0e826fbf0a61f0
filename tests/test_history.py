"""History is chained, cannot be changed, and is delivered without a gap."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mes.db import Database, lock
from mes.definitions.models import Layout, Product
from mes.events import outbox
from mes.history import Act, Change, Delta, History, as_happened, record
from mes.people.models import Customer
from mes.units.models import Substrate

ACT = Act("kim", datetime(2026, 1, 5, 8, tzinfo=UTC), "seen under the microscope")


@pytest.fixture
def wafers(database: Database) -> tuple[int, int]:
    """Ids of two wafers, of two customers."""
    with database.transaction() as session:
        layout = Layout(name="w", substrate_kind="wafer", rows=1, columns=2, pitch_x_um=1.0, pitch_y_um=1.0)
        product = Product(name="die", title="Die", unit="die", layout=layout)
        wafers = []
        for name in ("alpha", "beta"):
            customer = Customer(name=name, title=name)
            session.add_all([customer, product])
            session.flush()
            wafers.append(
                Substrate(
                    customer_id=customer.id,
                    name="W1",
                    kind="wafer",
                    layout_id=layout.id,
                    product_id=product.id,
                    dispositions=b"\2\2",
                )
            )
        session.add_all(wafers)
        session.flush()
        return wafers[0].id, wafers[1].id


def scrap(session: Session, *ids: int) -> int:
    locked = lock(session, (Substrate, ids))
    deltas = [Delta("L1", 1, "in_process", -1), Delta("L1", 1, "lost", 0)]
    return record(session, "scrap", ACT, [Change(w, {"a": 1}, {"a": 2}, deltas) for w in locked.all(Substrate)])


def test_one_event_has_a_row_for_each_subject_in_its_own_chain(database: Database, wafers: tuple[int, int]) -> None:
    with database.transaction() as session:
        first = scrap(session, *wafers)
    with database.transaction() as session:
        second = scrap(session, wafers[1])
    with database.reading() as session:
        rows = session.scalars(select(History).order_by(History.subject_id, History.n)).all()
        heads = {w.id: (w.history_n, w.history_hash) for w in session.scalars(select(Substrate))}
    assert [(row.event_id, row.subject_id, row.n) for row in rows] == [
        (first, wafers[0], 1),
        (first, wafers[1], 1),
        (second, wafers[1], 2),
    ]
    before = {wafer: bytes(32) for wafer in wafers}
    for row in rows:
        expected = hashlib.sha256(before[row.subject_id] + row.body.encode()).digest()
        assert row.hash == expected
        before[row.subject_id] = expected
    assert heads == {wafers[0]: (1, before[wafers[0]]), wafers[1]: (2, before[wafers[1]])}
    assert json.loads(rows[0].body)["deltas"] == [["L1", 1, "in_process", -1]]


def test_verb_that_fails_leaves_no_history(database: Database, wafers: tuple[int, int]) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        scrap(session, *wafers)
        _ = 1 / 0
    with database.reading() as session:
        assert session.scalars(select(History)).all() == []
        assert {w.history_n for w in session.scalars(select(Substrate))} == {0}


@pytest.mark.parametrize("change", ["update history set actor = 'lee'", "delete from history", "truncate history"])
def test_history_cannot_be_changed_even_by_the_owner(
    database: Database, owner_url: URL, wafers: tuple[int, int], change: str
) -> None:
    with database.transaction() as session:
        scrap(session, wafers[0])
    owner = create_engine(owner_url)
    with pytest.raises(IntegrityError, match="never changed"), owner.begin() as connection:
        connection.execute(text(change))
    owner.dispose()


def test_late_committer_is_not_skipped(database: Database, wafers: tuple[int, int]) -> None:
    """The transaction that writes first commits last; the reader waits for it and then has both, in order."""
    with database.transaction() as late:
        scrap(late, wafers[0])
        with database.transaction() as early:
            scrap(early, wafers[1])
        with database.reading() as session:
            assert outbox.read(session, outbox.START) == []
    with database.reading() as session:
        events = outbox.read(session, outbox.START)
        assert [event.customer for event in events] == list(_owners(session, wafers))
        assert outbox.read(session, events[0].cursor) == events[1:]
        assert outbox.read(session, events[1].cursor) == []


def _owners(session: Session, wafers: tuple[int, int]) -> tuple[str, str]:
    query = select(Substrate.id, Customer.name).join(Customer, Customer.id == Substrate.customer_id)
    owner = {row.id: row.name for row in session.execute(query)}
    return owner[wafers[0]], owner[wafers[1]]


def test_entries_are_told_as_they_happened_and_late_ones_say_so() -> None:
    minutes = [60, 240, 120, 231, 230, 229, 240]
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    chain = [{"n": n, "happened_at": begin + timedelta(minutes=m)} for n, m in enumerate(minutes, 1)]
    told = as_happened(reversed(chain))
    assert [one["n"] for one in told] == [1, 3, 6, 5, 4, 2, 7]
    assert [one["n"] for one in told if one["late"]] == [3, 6]
