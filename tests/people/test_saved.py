"""Filters that people keep: no more than there may be, and a customer's eyes before and after."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from mes.db import Database, Session, eyes
from mes.errors import Refused
from mes.people.models import Customer, SavedFilter, User
from mes.people.roles import Role
from mes.people.saved import MOST, save_filter
from mes.people.sign_in import Person

RACERS = 4


@pytest.fixture
def kim(database: Database) -> Person:
    """Somebody of a customer, who keeps one filter less than there may be."""
    with database.transaction() as session:
        customer = Customer(name="alpha", title="Alpha")
        session.add(customer)
        session.flush()
        user = User(name="kim", title="Kim", role="customer", belongs_to_id=customer.id)
        session.add(user)
        session.flush()
        session.add_all(SavedFilter(user_id=user.id, name=f"filter {n}", address="/lots") for n in range(MOST - 1))
        return Person("kim", "Kim", Role.CUSTOMER, customer.id)


def kept(session: Session) -> int:
    """How many filters there are."""
    return session.scalars(select(func.count()).select_from(SavedFilter)).one()


def test_of_many_at_once_no_more_are_kept_than_there_may_be(database: Database, kim: Person) -> None:
    together = Barrier(RACERS)

    def keep(n: int) -> bool:
        with database.transaction(kim.scope) as session:
            together.wait(20)
            try:
                save_filter(session, kim, f"race {n}", "/lots?state=queued")
            except Refused:
                return False
            return True

    with ThreadPoolExecutor(RACERS) as racers:
        assert sum(racers.map(keep, range(RACERS))) == 1
    with database.reading() as session:
        assert kept(session) == MOST


def test_a_kept_filter_can_change_where_there_are_as_many_as_there_may_be(database: Database, kim: Person) -> None:
    with database.transaction(kim.scope) as session:
        save_filter(session, kim, "one more", "/lots")
        save_filter(session, kim, "one more", "/lots?state=queued")
    with database.reading() as session:
        assert kept(session) == MOST


def test_a_customer_has_its_own_eyes_after_a_refusal(database: Database, kim: Person) -> None:
    with database.transaction(kim.scope) as session:
        save_filter(session, kim, "one more", "/lots")
        with pytest.raises(Refused):
            save_filter(session, kim, "too many", "/lots")
        assert eyes(session) == kim.scope
