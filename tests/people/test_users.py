"""Who may sign in: the first one of all."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import select

from mes.db import Database
from mes.people.models import User
from mes.people.roles import Role
from mes.people.sign_in import sign_in
from mes.people.users import FIRST, first_administrator

TOKEN = "of-a-browser"


def test_the_first_of_many_starts_makes_one_administrator(database: Database) -> None:
    together = Barrier(4)

    def start(_: int) -> str | None:
        together.wait(20)
        with database.transaction() as session:
            return first_administrator(session)

    with ThreadPoolExecutor(4) as starts:
        told = [password for password in starts.map(start, range(4)) if password is not None]
    assert len(told) == 1
    with database.transaction() as session:
        assert sign_in(session, FIRST, told[0], TOKEN, "127.0.0.1").role is Role.ADMINISTRATOR
        assert session.scalars(select(User.name)).all() == [FIRST]


def test_where_somebody_is_no_administrator_is_made(database: Database) -> None:
    with database.transaction() as session:
        session.add(User(name="kim", title="Kim", role="operator"))
    with database.transaction() as session:
        assert first_administrator(session) is None
