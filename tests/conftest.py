"""What tests stand on: a real PostgreSQL, a fresh migrated database for each, and no network but loopback."""

from __future__ import annotations

import ipaddress
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from mes.db import APP_ROLE, Database
from mes.postgres import EmbeddedPostgres
from mes.schema import init
from tests.shop import Floor, build_floor

APP_PASSWORD = "of-the-tests"
TEMPLATE = "template_migrated"
NO_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _only_loopback(event: str, args: tuple[Any, ...]) -> None:
    """Refuse connections that would leave this machine."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise PermissionError(f"A test tried to connect to {host}; tests stay on loopback.")


sys.addaudithook(_only_loopback)


@contextmanager
def _reachable_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="interposer-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that PostgreSQL's unprivileged user can reach; pytest's own are closed to it."""
    with _reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this test run. Its data die with it, so it does not wait for the disk."""
    with _reachable_folder() as folder, EmbeddedPostgres.start(folder, NO_DURABILITY) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> URL:
    """The owner's address of a template database, brought up by the migrations as a real one is."""
    _as_superuser(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    url = make_url(postgres.url).set(database=TEMPLATE)
    init(url.render_as_string(hide_password=False), APP_PASSWORD)
    return url


_numbers = count(1)


@pytest.fixture
def owner_url(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[URL]:
    """The owner's address of a fresh, migrated, empty database."""
    yield from _created(postgres, TEMPLATE)


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[URL]:
    """The owner's address of a fresh database without a schema; the roles are there."""
    yield from _created(postgres, "template0")


def _created(postgres: EmbeddedPostgres, template: str) -> Iterator[URL]:
    name = f"test_{next(_numbers)}"
    made, like = sql.Identifier(name), sql.Identifier(template)
    _as_superuser(postgres, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, like))
    yield make_url(postgres.url).set(database=name)
    _as_superuser(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))


@pytest.fixture
def database(owner_url: URL) -> Iterator[Database]:
    """A fresh database as the application sees it: signed in as its own role."""
    database = Database(owner_url.set(username=APP_ROLE, password=APP_PASSWORD))
    yield database
    database.close()


@pytest.fixture
def new_database(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[Callable[[], Database]]:
    """As many fresh databases as a test needs, each as the application sees it."""
    with ExitStack() as opened:

        def make() -> Database:
            url = opened.enter_context(contextmanager(_created)(postgres, TEMPLATE))
            database = Database(url.set(username=APP_ROLE, password=APP_PASSWORD))
            opened.callback(database.close)
            return database

        yield make


@pytest.fixture(scope="module")
def module_database(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[Database]:
    """A fresh database for the tests of one file that only look, as the application sees it."""
    with contextmanager(_created)(postgres, TEMPLATE) as url:
        database = Database(url.set(username=APP_ROLE, password=APP_PASSWORD))
        yield database
        database.close()


@pytest.fixture
def floor(database: Database) -> Floor:
    """The miniature shop, nothing on its equipment."""
    return build_floor(database)


def _as_superuser(postgres: EmbeddedPostgres, statement: sql.Composed) -> None:
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)
