"""Runs of the demonstration that several tests look at, each made once."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from mes.postgres import EmbeddedPostgres
from tests.databases import copied, opened, quick_folder
from tests.demo.kills import Kill, killed
from tests.demo.runs import Ended, headless
from tests.demo.small_plant import LOTS, small_plant
from tests.demo.twin import Twin, run_twin

SEED = 7
MOMENTS = 11
"""Seed of the moments at which processes are killed."""

RunTwin = Callable[[Path, int, int], Twin]
"""A plant, how many lots, the seed."""


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's unprivileged user can reach, for the data of all runs."""
    with quick_folder() as made:
        yield made


@pytest.fixture(scope="session")
def plant(folder: Path) -> Path:
    """The small plant."""
    return small_plant(folder / "plant")


@pytest.fixture(scope="session")
def undisturbed(plant: Path, folder: Path) -> Ended:
    """Every lot to its end, and nobody dies."""
    return headless(plant, folder / "undisturbed", LOTS, SEED)


@pytest.fixture(scope="session")
def disturbed(undisturbed: Ended, plant: Path, folder: Path) -> tuple[Ended, list[Kill]]:
    """The same seed with ten kills in it, while others use the processors: the tests beside, or else a busy process."""
    alone = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") == "1"
    with busy(1 if alone else 0):
        return killed(plant, folder / "killed", LOTS, SEED, records=undisturbed.applied, moments=MOMENTS)


@pytest.fixture(scope="session")
def records(undisturbed: Ended) -> Iterator[psycopg.Connection]:
    """The database of that run, to read."""
    with EmbeddedPostgres.start(undisturbed.folder) as server:
        address = server.url.replace("postgresql+psycopg:", "postgresql:", 1)
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection


@pytest.fixture(scope="session")
def in_memory(postgres: EmbeddedPostgres, migrated: URL, folder: Path) -> Iterator[RunTwin]:
    """Runs lots of a plant on the in-memory twin, each run on a database of its own."""
    with ExitStack() as stack:

        def run(plant: Path, lots: int, seed: int) -> Twin:
            url = stack.enter_context(copied(postgres, str(migrated.database)))
            data = Path(tempfile.mkdtemp(prefix="twin-", dir=folder))
            database = stack.enter_context(opened(url))
            twin = run_twin(database, url.render_as_string(hide_password=False), plant, data, lots, seed)
            database.close()  # until it is asked again: the server has few connections, and the runs are many
            return twin

        yield run


@pytest.fixture(scope="session")
def twin(in_memory: RunTwin, plant: Path) -> Twin:
    """The undisturbed run, without a network."""
    return in_memory(plant, LOTS, SEED)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but keep a processor busy."""
    idlers = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for idler in idlers:
            idler.kill()
            idler.wait()
