"""A customer's eyes: its own lots before, inside and after a look with those of the centre."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from mes.db import STAFF, Database, Session, as_customer
from mes.lots.models import Lot
from mes.lots.own_lots import own_lots
from mes.people.models import Customer
from tests.reports.line import Line


@pytest.fixture
def line(database: Database) -> Line:
    """Alpha has A1 and A2, beta B1."""
    with database.transaction() as session:
        line = Line(session)
        for name, customer in {"A1": "alpha", "A2": "alpha", "B1": "beta"}.items():
            line.lot(name, customer, "queued")
    return line


def eyes(session: Session) -> tuple[str, Sequence[str]]:
    """Who looks, and the customers that they see."""
    return str(session.scalar(text("select current_user"))), session.scalars(select(Customer.name)).all()


def test_the_staff_see_all(database: Database, line: Line) -> None:
    with database.reading(STAFF) as session, own_lots(session) as ids:
        assert ids is None


def test_a_customer_gets_its_own_lots_and_the_centres_eyes_for_the_block(database: Database, line: Line) -> None:
    with database.reading(as_customer(line.customers["alpha"].id)) as session:
        with own_lots(session) as ids:
            assert ids is not None
            assert session.scalars(select(Lot.name).where(Lot.id.in_(ids)).order_by(Lot.name)).all() == ["A1", "A2"]
            assert eyes(session)[0] == "mes_staff"
        assert eyes(session) == ("mes_customer", ["alpha"])


def test_a_customer_of_no_number_gets_no_lots(database: Database, line: Line) -> None:
    with database.engine.connect() as connection, Session(connection) as session:
        session.execute(text("set local role mes_customer"))
        with own_lots(session) as ids:
            assert ids == []


@pytest.mark.parametrize("wrong", [KeyError("ours"), KeyboardInterrupt()])
def test_a_customer_has_its_own_eyes_after_any_error(database: Database, line: Line, wrong: BaseException) -> None:
    with database.reading(as_customer(line.customers["alpha"].id)) as session:
        with pytest.raises(type(wrong)), own_lots(session):
            raise wrong
        assert eyes(session) == ("mes_customer", ["alpha"])


def test_an_error_of_the_database_ends_the_eyes_with_the_transaction(database: Database, line: Line) -> None:
    with database.reading(as_customer(line.customers["alpha"].id)) as session:
        with pytest.raises(ProgrammingError), own_lots(session):
            session.execute(text("select nothing"))
        session.rollback()
        assert session.scalar(text("select current_user")) == "mes_app"
