"""Failed tries make the next one wait; they lock out who guesses, and nobody else."""

import pytest
from sqlalchemy import text

from mes.db import Database
from mes.people import tries
from mes.people.models import User
from mes.people.passwords import hash_password
from mes.people.queue import PLACES, PLACES_OF_ONE, Crowded, Queue
from mes.people.sign_in import WrongNameOrPassword, sign_in
from mes.people.tries import FREE, FREE_OF_MANY, LONGEST_S, TooManyTries, refuse_too_many

TERMINAL, OUTSIDE = "10.0.0.7", "203.0.113.9"


@pytest.fixture
def known(database: Database) -> Database:
    """A database that knows lee."""
    with database.transaction() as session:
        session.add(User(name="lee", title="Lee", role="operator", password_hash=hash_password("iron ore")))
    return database


def fail(database: Database, name: str, address: str, times: int = 1) -> None:
    with database.transaction() as session:
        for _ in range(times):
            tries.failed(session, name, address)


def wait_s(database: Database, name: str, address: str) -> int:
    """How long the next try has to wait."""
    with database.reading() as session:
        try:
            refuse_too_many(session, name, address)
        except TooManyTries as refused:
            return refused.retry_after_s or 0
    return 0


def later(database: Database, seconds: float) -> None:
    """Let that time pass since all that happened."""
    with database.transaction() as session:
        moved = "failed_at = failed_at - :s * interval '1 s', succeeded_at = succeeded_at - :s * interval '1 s'"
        session.execute(text(f"update sign_in_try set {moved}"), {"s": seconds})


def test_pauses_double_up_to_a_quarter_of_an_hour(known: Database) -> None:
    waits = []
    for _ in range(FREE + 12):
        waits.append(wait_s(known, "lee", TERMINAL))
        fail(known, "lee", TERMINAL)
    assert waits[: FREE + 5] == [0] * FREE + [1, 2, 4, 8, 16]
    assert max(waits) == waits[-1] == LONGEST_S


def test_a_pause_is_over_when_its_time_has_passed(known: Database) -> None:
    fail(known, "lee", TERMINAL, FREE + 3)
    later(known, 7)
    assert wait_s(known, "lee", TERMINAL) == 1
    later(known, 1)
    assert wait_s(known, "lee", TERMINAL) == 0
    fail(known, "lee", TERMINAL)
    assert wait_s(known, "lee", TERMINAL) == 16


def test_in_a_pause_the_right_password_is_refused_too_and_nothing_is_judged(
    known: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(known, "lee", TERMINAL, FREE + 5)
    monkeypatch.setattr("mes.people.sign_in.matches", lambda *_: pytest.fail("a hash was computed"))
    with known.transaction() as session, pytest.raises(TooManyTries, match=r"try again in 32 s\.") as refused:
        sign_in(session, "lee", "iron ore", "token", TERMINAL)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 32)


def test_failures_count_where_they_happen_and_a_success_forgets_them(known: Database) -> None:
    with known.transaction() as session:
        for _ in range(FREE - 1):
            with pytest.raises(WrongNameOrPassword):
                sign_in(session, "lee", "wrong", "token", TERMINAL)
    with known.transaction() as session:
        assert session.scalar(text("select failures from sign_in_try")) == FREE - 1
        sign_in(session, "lee", "iron ore", "token", TERMINAL)
        assert session.scalar(text("select failures from sign_in_try")) == 0


def test_guesses_from_outside_lock_nobody_out_of_the_line(known: Database) -> None:
    with known.transaction() as session:
        sign_in(session, "lee", "iron ore", "token", TERMINAL)
    for n in range(FREE_OF_MANY):
        fail(known, "lee", f"198.51.100.{n}", 5)
        fail(known, "kim", f"198.51.100.{n}", 5)
    assert wait_s(known, "lee", OUTSIDE) == LONGEST_S  # one name, guessed from many addresses
    assert wait_s(known, "lee", TERMINAL) == 0
    assert wait_s(known, "kim", TERMINAL) == 0  # who has not been at this terminal, where others have


def test_an_address_that_guesses_many_names_waits_but_not_whoever_has_signed_in_there(known: Database) -> None:
    with known.transaction() as session:
        sign_in(session, "lee", "iron ore", "token", OUTSIDE)
    for n in range(FREE_OF_MANY + 5):
        fail(known, f"guess-{n}", OUTSIDE)
    assert wait_s(known, "guess-again", OUTSIDE) == 32
    assert wait_s(known, "lee", OUTSIDE) == 0
    assert wait_s(known, "guess-again", TERMINAL) == 0


def test_a_guesser_with_a_name_of_its_own_gets_no_more_guesses(known: Database) -> None:
    for n in range(2):
        fail(known, "kim", OUTSIDE, FREE)
        with known.transaction() as session:
            sign_in(session, "lee", "iron ore", f"token-{n}", OUTSIDE)
    assert wait_s(known, "kim", OUTSIDE) == 2**FREE


def test_addresses_of_version_6_are_one_by_their_network(known: Database) -> None:
    for n in range(FREE + 2):
        fail(known, "lee", f"2001:db8:1:2::{n:x}")
    assert wait_s(known, "lee", "2001:db8:1:2:ffff::1") == 4
    assert wait_s(known, "lee", "2001:db8:1:3::1") == 0
    assert [tries.network(f"::ffff:{address}") for address in (TERMINAL, OUTSIDE)] == [TERMINAL, OUTSIDE]


def test_names_are_not_kept_and_all_is_forgotten_in_time(known: Database) -> None:
    fail(known, "iron ore", TERMINAL, 9)  # a password in the wrong field
    with known.transaction() as session:
        assert "iron ore" not in session.execute(text("select to_jsonb(t)::text from sign_in_try t")).scalar_one()
        sign_in(session, "lee", "iron ore", "token", TERMINAL)
    later(known, tries.FORGOTTEN.total_seconds())
    assert wait_s(known, "iron ore", TERMINAL) == 0
    fail(known, "kim", TERMINAL)
    with known.reading() as session:
        assert session.scalar(text("select count(*) from sign_in_try")) == 2  # kim's failure and lee's success
    later(known, tries.REMEMBERED.total_seconds())
    fail(known, "park", TERMINAL)
    with known.reading() as session:
        assert session.scalar(text("select count(*) from sign_in_try")) == 1


def test_forgotten_failures_do_not_come_back_with_the_next(known: Database) -> None:
    with known.transaction() as session:
        sign_in(session, "lee", "iron ore", "token", TERMINAL)
    fail(known, "lee", TERMINAL, FREE + 9)
    later(known, tries.FORGOTTEN.total_seconds())
    fail(known, "lee", TERMINAL, FREE)
    assert wait_s(known, "lee", TERMINAL) == 1


def test_another_process_counts_the_same(known: Database) -> None:
    fail(known, "lee", TERMINAL, FREE + 4)
    other = Database(known.url)
    assert wait_s(other, "lee", TERMINAL) == 16
    other.close()


def test_the_queue_has_a_place_for_others_behind_whoever_floods_it() -> None:
    queue = Queue()
    taken = [queue.place(OUTSIDE) for _ in range(PLACES_OF_ONE)]
    for place in taken:
        place.__enter__()
    with pytest.raises(Crowded), queue.place(OUTSIDE):
        pass
    with queue.place(TERMINAL):
        taken[0].__exit__(None, None, None)
        with queue.place(OUTSIDE), pytest.raises(Crowded), queue.place(OUTSIDE):
            pass


def test_the_queue_ends() -> None:
    queue = Queue()
    taken = [queue.place(f"10.0.0.{n}") for n in range(PLACES)]
    for place in taken:
        place.__enter__()
    with pytest.raises(Crowded) as refused, queue.place(TERMINAL + "7"):
        pass
    assert (refused.value.status, refused.value.retry_after_s) == (503, 5)


def test_of_two_tries_at_one_moment_the_second_is_told_so_and_not_that_any_failed(known: Database) -> None:
    with known.transaction() as first, known.transaction() as second:
        tries.refuse_at_once(first, "lee")
        with pytest.raises(TooManyTries, match=r"is being judged just now; try again in 1 s\."):
            tries.refuse_at_once(second, "lee")
