"""The miniature shop, worked once; every test gets a copy of its database to plant faults in."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import copy
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL

from mes.db import Database
from mes.postgres import EmbeddedPostgres
from tests.checks.shop import run_shop

WORKED = "template_worked"
_numbers = count(1)


def superuser(postgres: EmbeddedPostgres, database: str = "postgres") -> psycopg.Connection[Any]:
    """A connection that commits each statement."""
    return psycopg.connect(postgres.url.replace("+psycopg", ""), dbname=database, autocommit=True)


def _copy(postgres: EmbeddedPostgres, name: str, of: str) -> None:
    with superuser(postgres) as connection:
        connection.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(of)))


@pytest.fixture(scope="session")
def worked(postgres: EmbeddedPostgres, migrated: URL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hidden truth of the shop at work; its database is the template."""
    assert migrated.database is not None
    _copy(postgres, WORKED, migrated.database)
    truth = tmp_path_factory.mktemp("truth") / "world.sqlite"
    database = Database(migrated.set(database=WORKED))
    run_shop(database, truth)
    database.close()
    return truth


@dataclass(frozen=True)
class Shop:
    """A copy of the database and of the truth."""

    url: str
    truth: Path
    postgres: EmbeddedPostgres
    name: str

    def plant(self, statement: str) -> None:
        """Change rows as only the owner of the database can, past its guards."""
        with superuser(self.postgres, self.name) as connection:
            connection.execute("set session_replication_role = replica")
            for part in statement.split(";"):
                connection.execute(part.encode())


@pytest.fixture
def shop(worked: Path, postgres: EmbeddedPostgres, migrated: URL, tmp_path: Path) -> Iterator[Shop]:
    """The shop after its work."""
    name = f"worked_{next(_numbers)}"
    _copy(postgres, name, WORKED)
    copy(worked, tmp_path)
    url = migrated.set(database=name).render_as_string(hide_password=False)
    yield Shop(url, tmp_path / worked.name, postgres, name)
    with superuser(postgres) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
