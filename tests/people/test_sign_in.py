"""Signing in: a token that only its holder knows, one answer to every wrong try, an end by the database's clock."""

import time

import pytest
from sqlalchemy import text

from mes.db import Database
from mes.people import passwords
from mes.people.models import User
from mes.people.passwords import hash_password, matches
from mes.people.sign_in import WrongNameOrPassword, sign_in, sign_out, signed_in

DESK = "10.0.0.7"


@pytest.fixture
def known(database: Database) -> Database:
    """A database that knows lee, and kim, who has no password yet."""
    with database.transaction() as session:
        session.add(User(name="lee", title="Lee", role="operator", password_hash=hash_password("iron ore")))
        session.add(User(name="kim", title="Kim", role="operator", password_hash=None))
    return database


def test_hash_is_argon2id_with_64_mib_and_a_salt_of_its_own() -> None:
    first, second = hash_password("iron ore"), hash_password("iron ore")
    assert first.startswith("$argon2id$v=19$m=65536,")
    assert first != second
    assert matches(first, "iron ore") and matches(second, "iron ore")
    assert not matches(first, "Iron ore")
    assert not matches("rubbish", "iron ore")


def test_nobodys_hash_costs_what_a_persons_costs() -> None:
    def shape(encoded: str) -> list[int | str]:
        kind, version, cost, salt, digest = encoded.split("$")[1:]
        return [kind, version, cost, len(salt), len(digest)]

    assert shape(passwords.NOBODYS) == shape(hash_password("iron ore"))


def test_at_most_two_hashes_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passwords.AT_ONCE == 2
    for _ in range(passwords.AT_ONCE):
        assert passwords._TURN.acquire(blocking=False)
    try:
        assert not passwords._TURN.acquire(blocking=False)
    finally:
        for _ in range(passwords.AT_ONCE):
            passwords._TURN.release()


def test_token_is_stored_only_as_its_hash(known: Database) -> None:
    with known.transaction() as session:
        sign_in(session, "lee", "iron ore", "token-of-lee", DESK)
    with known.reading() as session:
        person = signed_in(session, "token-of-lee")
        stored = session.execute(text("select to_jsonb(sign_in)::text from sign_in")).scalar_one()
        assert person is not None and person.name == "lee"
        assert "token-of-lee" not in stored
        assert signed_in(session, "token-of-kim") is None


@pytest.mark.parametrize(("name", "password"), [("lee", "wrong"), ("nobody", "iron ore"), ("kim", ""), ("kim", "None")])
def test_every_wrong_try_is_answered_alike(known: Database, name: str, password: str) -> None:
    with known.transaction() as session:
        with pytest.raises(WrongNameOrPassword) as refused:
            sign_in(session, name, password, "token", DESK)
        assert refused.value.message == "No user has that name and password; check both and try again."
        assert session.scalar(text("select count(*) from sign_in")) == 0


def test_an_unknown_name_takes_as_long_as_a_wrong_password(known: Database) -> None:
    def cpu_s(name: str) -> float:
        tries = []
        for _ in range(3):
            with known.transaction() as session:
                began = time.thread_time()
                with pytest.raises(WrongNameOrPassword):
                    sign_in(session, name, "wrong", "token", DESK)
                tries.append(time.thread_time() - began)
        return min(tries)

    assert cpu_s("nobody") == pytest.approx(cpu_s("lee"), rel=0.5)


def test_a_sign_in_ends_by_the_databases_clock(known: Database) -> None:
    with known.transaction() as session:
        sign_in(session, "lee", "iron ore", "old", DESK)
        assert session.scalar(text("select expires_at - clock_timestamp() > interval '11 h' from sign_in"))
        session.execute(text("update sign_in set expires_at = clock_timestamp()"))
    with known.transaction() as session:
        assert signed_in(session, "old") is None
        sign_in(session, "lee", "iron ore", "new", DESK)
        assert session.scalar(text("select count(*) from sign_in")) == 1


def test_signing_out_ends_one_sign_in(known: Database) -> None:
    with known.transaction() as session:
        sign_in(session, "lee", "iron ore", "desk", DESK)
        sign_in(session, "lee", "iron ore", "terminal", DESK)
        sign_out(session, "desk")
        sign_out(session, "never there")
        assert signed_in(session, "desk") is None
        assert signed_in(session, "terminal") is not None
