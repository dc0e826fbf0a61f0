"""Roles and schema of a database: what `mes db init` and `mes db upgrade` do. Runs as the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from mes.db import APP_ROLE, CUSTOMER_ROLE, STAFF_ROLE
from mes.errors import Away, Refused

NOT_ENTITLED = "42501"
"""State of errors where a role lacks a right."""

ROOT = Path(__file__).resolve().parent.parent


def init(owner_url: str, app_password: str) -> None:
    """Make the roles, give the login role its password, and bring the schema to the newest version. Idempotent."""
    with _owner(owner_url) as connection:
        _make_roles(connection, app_password)
        _upgrade(connection)


def make_roles(owner_url: str, app_password: str) -> None:
    """Make the roles alone, and give the login role its password: what a database that is restored needs before."""
    with _owner(owner_url) as connection:
        _make_roles(connection, app_password)


def upgrade(owner_url: str) -> None:
    """Bring the schema to the newest version. The roles must be there."""
    with _owner(owner_url) as connection:
        _upgrade(connection)


@contextmanager
def _owner(owner_url: str) -> Iterator[Connection]:
    """One transaction of the owner. Raises `Refused` where it is somebody who may not, `Away` where none answers."""
    login = make_url(owner_url).set(drivername="postgresql+psycopg")
    try:
        with create_engine(login, poolclass=NullPool).begin() as connection:
            yield connection
    except OperationalError as error:
        raise Away(f"The database does not answer: {error.orig}") from error
    except ProgrammingError as error:
        if not isinstance(error.orig, psycopg.Error) or error.orig.sqlstate != NOT_ENTITLED:
            raise
        raise Refused(
            f"The role {login.username} may not make roles and tables here ({error.orig.diag.message_primary});"
            " let MES_DATABASE_URL name the owner of the database, who may."
        ) from error


def _make_roles(connection: Connection, app_password: str) -> None:
    """The roles belong to the server, not to one database: made under an advisory lock, never by a migration."""
    connection.execute(text("select pg_advisory_xact_lock(hashtext('interposer roles'))"))
    for role in (STAFF_ROLE, CUSTOMER_ROLE):
        if not _exists(connection, role):
            connection.execute(text(f"create role {role} nologin"))
    if not _exists(connection, APP_ROLE):
        connection.execute(text(f"create role {APP_ROLE} login"))
    literal = connection.scalar(text("select quote_literal(:p)"), {"p": app_password})
    connection.execute(text(f"alter role {APP_ROLE} with login noinherit password {literal}"))
    for role in (STAFF_ROLE, CUSTOMER_ROLE):
        connection.execute(text(f"grant {role} to {APP_ROLE} with inherit false, set true"))


def versions() -> list[str]:
    """The versions of the schema that this release knows, the newest last: by the names of the migrations."""
    return sorted(file.name.partition("_")[0] for file in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))


def _upgrade(connection: Connection) -> None:
    # a tenth of the time that a command takes to begin, and hardly any of them migrates
    from alembic import command
    from alembic.config import Config

    config = Config(str(ROOT / "alembic.ini"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _exists(connection: Connection, role: str) -> bool:
    return bool(connection.scalar(text("select 1 from pg_roles where rolname = :r"), {"r": role}))
