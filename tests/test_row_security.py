"""A forgotten scope shows nothing, a customer's scope only its own: decided by the database, not by our queries."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from mes.db import STAFF, Database, as_customer
from mes.guards import customer_column
from mes.history import Outbox
from mes.people.models import Customer
from migrations.metadata import metadata

RELATIONS = text(
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
)
OPEN_TO_ALL = {
    "alembic_version": "the version of the schema; no customer may read it, and the application may do nothing else"
}
"""Relations without row-level security, with the reason."""


@pytest.fixture
def customers(database: Database) -> tuple[int, int]:
    """Two customers, each with an event in the outbox, and one event of the centre."""
    with database.transaction() as session:
        alpha, beta = Customer(name="alpha", title="Alpha"), Customer(name="beta", title="Beta")
        session.add_all([alpha, beta])
        session.flush()
        session.add_all(Outbox(customer_id=owner, verb="hold", body={}) for owner in (alpha.id, beta.id, None))
        return alpha.id, beta.id


def rows_seen(connection: Connection) -> dict[str, int]:
    """Rows of every relation of the catalogue that the connection's role sees."""
    names = set(connection.scalars(RELATIONS)) - set(OPEN_TO_ALL)
    assert names >= set(metadata.tables)
    return {name: int(connection.scalar(text(f'select count(*) from "{name}"')) or 0) for name in names}


def test_application_role_sees_no_row_without_a_scope_before_and_after_one(
    database: Database, customers: tuple[int, int]
) -> None:
    single = Database(database.engine.url, pool_size=1)
    with single.engine.connect() as connection:
        assert set(rows_seen(connection).values()) == {0}
        backend = connection.scalar(text("select pg_backend_pid()"))
    with single.transaction(as_customer(customers[0])) as session:
        assert session.scalar(text("select pg_backend_pid()")) == backend
        assert len(session.scalars(select(Customer)).all()) == 1
    with single.transaction(STAFF) as session:
        assert len(session.scalars(select(Customer)).all()) == 2
    with single.engine.connect() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) == backend
        assert set(rows_seen(connection).values()) == {0}
    single.close()


def test_customer_sees_its_own_rows_alone(database: Database, customers: tuple[int, int]) -> None:
    for customer in customers:
        with database.reading(as_customer(customer)) as session:
            assert session.scalars(select(Customer.id)).all() == [customer]
            assert session.scalars(select(Outbox.customer_id)).all() == [customer]
    with database.reading(STAFF) as session:
        assert set(session.scalars(select(Outbox.customer_id))) == {*customers, None}


def test_customer_of_no_number_sees_nothing(database: Database, customers: tuple[int, int]) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("set local role mes_customer"))
        assert connection.scalars(select(Customer.id)).all() == []


def test_customer_cannot_write_nor_read_shared_tables(database: Database, customers: tuple[int, int]) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("set local role mes_customer"))
        for table in metadata.tables.values():
            granted = connection.scalars(
                text(
                    "select p from unnest(array['select', 'insert', 'update', 'delete', 'truncate']) p"
                    " where has_table_privilege(:t, p)"
                ),
                {"t": table.name},
            ).all()
            assert granted == (["select"] if customer_column(table) is not None else []), table.name


def test_every_relation_has_row_security_or_a_reason(database: Database) -> None:
    with database.engine.connect() as connection:
        bare = set(
            connection.scalars(
                text(
                    "select relname from pg_class where relnamespace = 'public'::regnamespace"
                    " and relkind in ('r', 'p') and not relrowsecurity"
                )
            )
        )
        assert bare == set(OPEN_TO_ALL)
        for relation in OPEN_TO_ALL:
            assert len(connection.execute(text(f"select * from {relation}")).all()) == 1
            for forbidden in (f"delete from {relation}", f"set role mes_customer; select * from {relation}"):
                with pytest.raises(DBAPIError, match="permission denied"), connection.begin_nested():
                    connection.execute(text(forbidden))


def test_login_role_is_nobody_by_itself(database: Database) -> None:
    with database.engine.connect() as connection:
        powers = connection.execute(
            text(
                "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit"
                " from pg_roles where rolname = current_user"
            )
        ).one()
    assert not any(powers)
