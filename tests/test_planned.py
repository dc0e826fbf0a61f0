"""What the server has planned it keeps, from one transaction of a connection to the next."""

from collections.abc import Callable, Collection
from functools import partial

import pytest
from sqlalchemy import ColumnElement, Select, event, select, text, tuple_

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


def _texts(database: Database, *statements: Select[str]) -> list[tuple[str, list[str]]]:
    """What is sent for each statement, and what comes back."""
    found = []
    with database.reading() as session:
        for statement in statements:
            sent: list[str] = []
            hear = partial(_keep, sent)
            event.listen(database.engine, "before_cursor_execute", hear)
            found.append((sorted(session.scalars(statement)), sent))
            event.remove(database.engine, "before_cursor_execute", hear)
    return [(text, names) for names, [text] in found]


def _keep(sent: list[str], _: object, __: object, statement: str, *___: object) -> None:
    sent.append(statement)


@pytest.fixture
def named(database: Database) -> Database:
    with database.transaction() as session:
        session.add_all(Customer(name=name, title=name.title()) for name in ("alpha", "beta", "gamma"))
    return database


LISTS: dict[str, tuple[Callable[[Collection[str]], ColumnElement[bool]], dict[tuple[str, ...], str]]] = {
    "in": (Customer.name.in_, {(): "", ("beta",): "b", ("alpha", "gamma", "nobody"): "ag"}),
    "not in": (Customer.name.not_in, {(): "abg", ("beta",): "ag", ("alpha", "gamma", "nobody"): "b"}),
    "neither in": (lambda names: ~Customer.name.in_(names), {(): "abg", ("beta",): "ag", ("alpha", "gamma"): "b"}),
}


@pytest.mark.parametrize("which", LISTS)
def test_a_list_of_any_length_is_the_same_statement(named: Database, which: str) -> None:
    of, expected = LISTS[which]
    found = _texts(named, *(select(Customer.name).where(of(names)) for names in expected))
    assert ["".join(name[0] for name in names) for _, names in found] == [*expected.values()]
    assert len({text for text, _ in found}) == 1


def test_lists_of_pairs_and_queries_are_asked_for_as_they_are(named: Database) -> None:
    pairs = tuple_(Customer.name, Customer.title).in_([("alpha", "Alpha"), ("beta", "Other")])
    query = Customer.id.in_(select(Customer.id).where(Customer.title == "Gamma"))
    found = _texts(named, select(Customer.name).where(pairs), select(Customer.name).where(query))
    assert [names for _, names in found] == [["alpha"], ["gamma"]]


def test_of_many_joins_the_written_order_counts(database: Database) -> None:
    """The last of seven tables has one row, and is joined to all others; among fewer the server begins with it."""
    with database.transaction() as session:
        for table in "abcdefg":
            session.execute(text(f"create temporary table {table} (id integer) on commit drop"))
            session.execute(text(f"insert into {table} select generate_series(1, {1 if table == 'g' else 1000})"))
            session.execute(text(f"analyze {table}"))

        def scans(tables: str) -> list[str]:
            """The tables as the plan scans them, those that are joined last first."""
            joins = " ".join(f"join {table} on {table}.id = a.id" for table in tables[1:])
            plan = session.scalars(text(f"explain (costs off) select from a {joins}"))
            lines = sorted((line for line in plan if " on " in line), key=lambda line: len(line) - len(line.lstrip()))
            return [line.split(" on ")[1].strip() for line in lines]

        assert scans("abcdefg").index("g") < 2
        assert scans("abfg").index("g") >= 2
