"""What tests stand on: a real PostgreSQL, a fresh migrated database for each, and no network but loopback."""

from __future__ import annotations

import gc
import ipaddress
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL, make_url
from xdist.scheduler import LoadFileScheduling

from mes.db import Database
from mes.postgres import EmbeddedPostgres
from mes.schema import init
from tests.databases import APP_PASSWORD, copied, copy, keeper, opened, quick_folder
from tests.shop import Floor, build_floor

MIGRATED, FURNISHED = "template_migrated", "template_furnished"
TEMPLATES = {"floor": "furnished", "demonstration": "planted"}
"""By what a test asks for, the fixture that makes the template of its database."""

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
FOR_COPIES = {"wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "32MB", "scram_iterations": "1"}
"""Making and dropping a database is cheap: little goes to the log, and buffers that are searched for it are few. So is
signing in to one, for passwords that nobody needs to guess.
"""

COUNTING = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "none"}
"""Statements can be counted in a database that asks for it; see `tests.databases.counted`."""

LONGEST = ("tests/demo/", "tests/test_docs.py", "tests/lots/test_together.py")
SHARE_RUNS = tuple(f"tests/demo/test_{name}.py" for name in ("headless", "kills", "power", "trace"))


def _only_loopback(event: str, args: tuple[Any, ...]) -> None:
    """Refuse connections that would leave this machine."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise PermissionError(f"A test tried to connect to {host}; tests stay on loopback.")


sys.addaudithook(_only_loopback)

os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
"""No certificates: to read all that the world trusts takes longer than most tests, and each HTTP client does."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """A file of tests stays in one process, and so do those that look at the same runs of the demonstration."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return SHARE_RUNS[0] if file in SHARE_RUNS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Tell xdist; with `--no-loadscope-reorder` files begin in the order of `pytest_collection_modifyitems`."""
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process has to wait for another at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


gc.disable()


def pytest_collection_finish() -> None:
    """Look for no garbage in what is imported until now: each look takes as long as some tests, and finds nothing."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that PostgreSQL's unprivileged user can reach; pytest's own are closed to it."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this test run. Its data die with it, so it does not wait for the disk."""
    with quick_folder() as folder, EmbeddedPostgres.start(folder, NOT_DURABLE | FOR_COPIES | COUNTING) as server:
        yield server
        keeper(server).close()


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> URL:
    """The owner's address of a template database, brought up by the migrations as a real one is."""
    copy(postgres, "template0", MIGRATED)
    url = make_url(postgres.url).set(database=MIGRATED)
    init(url.render_as_string(hide_password=False), APP_PASSWORD)
    return url


@pytest.fixture(scope="session")
def furnished(postgres: EmbeddedPostgres, migrated: URL) -> str:
    """Another template, in which the miniature shop stands."""
    copy(postgres, MIGRATED, FURNISHED)
    with opened(migrated.set(database=FURNISHED)) as database:
        build_floor(database)
    return FURNISHED


@pytest.fixture
def owner_url(request: pytest.FixtureRequest, postgres: EmbeddedPostgres, migrated: URL) -> Iterator[URL]:
    """The owner's address of a fresh, migrated database: empty, but for a test that asks for what stands in one."""
    asked = TEMPLATES.keys() & set(request.fixturenames)
    with copied(postgres, request.getfixturevalue(TEMPLATES[asked.pop()]) if asked else MIGRATED) as url:
        yield url


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[URL]:
    """The owner's address of a fresh database without a schema; the roles are there."""
    with copied(postgres, "template0") as url:
        yield url


@pytest.fixture
def database(owner_url: URL) -> Iterator[Database]:
    """A fresh database as the application sees it."""
    with opened(owner_url) as database:
        yield database


@pytest.fixture
def new_database(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[Callable[[], Database]]:
    """As many fresh databases as a test needs, each as the application sees it."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(opened(stack.enter_context(copied(postgres, MIGRATED))))


@pytest.fixture(scope="module")
def module_database(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[Database]:
    """A fresh database for the tests of one file that only look, as the application sees it."""
    with copied(postgres, MIGRATED) as url, opened(url) as database:
        yield database


@pytest.fixture
def floor(database: Database) -> Floor:
    """The miniature shop, nothing on its equipment."""
    return Floor(database)
