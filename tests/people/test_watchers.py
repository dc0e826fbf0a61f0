"""Whether those who follow something still may: one question for all of them, and an answer that does not grow old."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event

from mes.db import Database
from mes.people.keys import create_key, holder, revoke_key
from mes.people.models import User
from mes.people.passwords import hash_password
from mes.people.permissions import Permission
from mes.people.sign_in import hashed, sign_in, sign_out, signed_in
from mes.people.watchers import FRESH_S, Watchers

Asks = dict[str, Callable[[], bool]]


class Clock:
    """Seconds, told by the test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def asks(database: Database, clock: Clock) -> Asks:
    """Two desks of one person and a program, who all follow something: what each asks, by its name."""
    seen, found = Watchers(database, clock), {}
    with database.transaction() as session:
        session.add(User(name="lee", title="Lee", role="operator", password_hash=hash_password("iron ore")))
        for desk in ("bench", "office"):
            sign_in(session, "lee", "iron ore", desk, "10.0.0.7")
            person = signed_in(session, desk)
            assert person is not None
            found[desk] = seen.still(hashed(desk), person)
        token = create_key(session, "program", "lee", [Permission.SEE_LOTS], timedelta(days=1), by="test")
        program = holder(session, token)
        assert program is not None
        found["program"] = seen.still(hashed(token), program)
    return found


def test_all_who_follow_are_asked_for_at_once(database: Database, asks: Asks) -> None:
    told: list[str] = []

    def executed(*args: object) -> None:
        told.append(str(args[2]))

    event.listen(database.engine, "before_cursor_execute", executed)
    try:
        assert asks["bench"]()
        one = len(told)
        assert all(ask() for ask in asks.values())
    finally:
        event.remove(database.engine, "before_cursor_execute", executed)
    assert len(told) == one > 0


def test_each_that_ends_is_told_apart(database: Database, asks: Asks, clock: Clock) -> None:
    with database.transaction() as session:
        sign_out(session, "office")
    assert {name: ask() for name, ask in asks.items()} == {"bench": True, "office": False, "program": True}
    clock.now += FRESH_S
    with database.transaction() as session:
        revoke_key(session, "program", "test")
    assert {name: ask() for name, ask in asks.items()} == {"bench": True, "office": False, "program": False}


def test_another_role_is_another_person(database: Database, asks: Asks, clock: Clock) -> None:
    assert all(ask() for ask in asks.values())
    with database.transaction() as session:
        session.query(User).one().role = "manager"
    assert all(ask() for ask in asks.values())
    clock.now += FRESH_S
    assert not any(ask() for ask in asks.values())
