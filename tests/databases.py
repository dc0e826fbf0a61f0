"""Databases of the test server: copied from a template, gone after use; and folders where servers keep them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from shutil import disk_usage, rmtree
from tempfile import mkdtemp
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from mes.db import APP_ROLE, Database
from mes.postgres import EmbeddedPostgres

APP_PASSWORD = "of-the-tests"

_numbers = count(1)
_free: list[str] = []

MEMORY, ROOM = Path("/dev/shm"), 4 << 30


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A new folder that PostgreSQL's unprivileged user can reach; in memory, where there is room for it."""
    in_memory = MEMORY.is_dir() and disk_usage(MEMORY).free > ROOM
    folder = Path(mkdtemp(prefix="interposer-", dir=MEMORY if in_memory else None))
    folder.chmod(0o755)
    yield folder
    rmtree(folder)


def superuser(postgres: EmbeddedPostgres, database: str = "postgres") -> psycopg.Connection[Any]:
    """A connection that commits each statement."""
    return psycopg.connect(postgres.url.replace("+psycopg", ""), dbname=database, autocommit=True)


@cache
def keeper(postgres: EmbeddedPostgres) -> psycopg.Connection[Any]:
    """The connection by which databases come and go: to make one anew takes as long as to copy a database."""
    return superuser(postgres)


def copy(postgres: EmbeddedPostgres, template: str, name: str) -> None:
    """Copy a database, file by file: page by page through the log takes twice as long."""
    statement = sql.SQL("create database {} template {} strategy file_copy")
    keeper(postgres).execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


@contextmanager
def copied(postgres: EmbeddedPostgres, template: str) -> Iterator[URL]:
    """The owner's address of a copy, for as long as it is needed."""
    name = _free.pop() if _free else f"test_{next(_numbers)}"
    copy(postgres, template, name)
    yield make_url(postgres.url).set(database=name)
    keeper(postgres).execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    _free.append(name)


@contextmanager
def opened(owner_url: URL) -> Iterator[Database]:
    """A database as the application sees it: signed in as its own role."""
    database = _database(owner_url.set(username=APP_ROLE, password=APP_PASSWORD))
    yield database
    database.close()


@cache
def _database(url: URL) -> Database:
    """Names come again, and so does what has been compiled for them: that takes longer than most tests."""
    return Database(url)


class Counter:
    """Counts the statements in one database as the server itself sees them: `pg_stat_statements`.

    Those of connections made after it, its own not.
    """

    def __init__(self, postgres: EmbeddedPostgres, url: URL) -> None:
        self._connection = superuser(postgres, str(url.database))
        self._connection.execute("create extension pg_stat_statements")
        name = sql.Identifier(str(url.database))
        self._connection.execute(sql.SQL("alter database {} set pg_stat_statements.track = 'top'").format(name))

    def restart(self) -> None:
        """Forget what was counted."""
        self._connection.execute(
            "select pg_stat_statements_reset(0, oid, 0) from pg_database where datname = current_database()"
        )

    def statements(self) -> int:
        """How many were executed since then."""
        (calls,) = self._connection.execute(
            "select coalesce(sum(calls), 0)::int from pg_stat_statements"
            " where dbid = (select oid from pg_database where datname = current_database())"
        ).fetchone() or (0,)
        return int(calls)

    def close(self) -> None:
        """Count no more."""
        self._connection.close()
