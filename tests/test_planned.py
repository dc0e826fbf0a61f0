"""What the server has planned it keeps, from one transaction of a connection to the next."""

from sqlalchemy import select, text

from mes.db import Database
from mes.people.models import Customer

OFTEN = 8
"""More than the driver waits for until it lets a statement be kept."""


def planned(database: Database) -> int:
    with database.transaction() as session:
        kept = session.scalar(
            text("select count(*) from pg_prepared_statements where statement like '%customer.title%'")
        )
    return kept or 0


def test_reading_keeps_what_is_planned(database: Database) -> None:
    for _ in range(OFTEN):
        with database.reading() as session:
            session.scalars(select(Customer)).all()
    assert planned(database) == 1


def test_what_a_reader_changed_is_forgotten(database: Database) -> None:
    with database.transaction() as session:
        session.add(Customer(name="alpha", title="Alpha"))
    with database.reading() as session:
        session.scalars(select(Customer)).one().title = "Changed"
    with database.reading() as session:
        assert session.scalars(select(Customer.title)).one() == "Alpha"
