"""What the server has planned it keeps, from one transaction of a connection to the next."""

from sqlalchemy import select, text

from mes.db import STAFF, Database, as_customer, see_as
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


def test_what_is_planned_for_the_staff_shows_a_customer_its_own(database: Database) -> None:
    """On one connection, each after the other, from one transaction to the next and within one."""
    with database.transaction() as session:
        customers = [Customer(name=name, title=name.title()) for name in ("alpha", "beta")]
        session.add_all(customers)
        session.flush()
        own = {as_customer(customer.id): {customer.name} for customer in customers}
    eyes = {STAFF: {"alpha", "beta"}} | own
    single = Database(database.engine.url, pool_size=1)
    for scope, seen in [*eyes.items()] * OFTEN:
        with single.reading(scope) as session:
            assert {customer.name for customer in session.scalars(select(Customer))} == seen
    with single.transaction() as session:
        for scope, seen in [*eyes.items()] * OFTEN:
            see_as(session, scope)
            assert set(session.scalars(select(Customer.name))) == seen
    assert planned(single) == 1
    single.close()
