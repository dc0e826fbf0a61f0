"""A database for one benchmark: an embedded server of its own, the schema, and the demonstration centre applied."""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy.engine import make_url

from mes.db import APP_ROLE, Database, Session
from mes.history import Act
from mes.plant import Plant, apply, load
from mes.postgres import EmbeddedPostgres
from mes.schema import ROOT, init

PLANT_DIR = ROOT / "deploy" / "plants" / "demonstration_centre"
BEGIN = datetime(2026, 11, 1, 6, tzinfo=UTC)
PASSWORD = "of-the-benchmark"
PLACES = 1000
"""Places of every equipment, so that as many runs are open at once as a batch of transactions has."""


@dataclass
class Bench:
    """The database as the application sees it, its server, and a plant clock that moves a minute with every act."""

    database: Database
    server: EmbeddedPostgres
    folder: Path
    minutes: int = 0

    def act(self) -> Act:
        """The next minute."""
        self.minutes += 1
        return Act("bench", BEGIN + timedelta(minutes=self.minutes))

    def transact(self, works: Iterable[Callable[[Session], object]]) -> None:
        """Do each in a transaction of its own."""
        for work in works:
            with self.database.transaction() as session:
                work(session)

    def restart(self) -> None:
        """Stop the server as its operator would, and start it again; what it had planned and kept at hand is gone."""
        self.database.close()
        server = psutil.Process(self.server.pid)
        server.send_signal(signal.SIGINT)
        server.wait(60)
        self.server.revive()

    def as_owner(self) -> psycopg.Connection[Any]:
        """A connection of the owner, who sees every row; each statement commits."""
        return psycopg.connect(self.server.url.replace("+psycopg", ""), autocommit=True)


@contextmanager
def demonstration() -> Iterator[Bench]:
    """The demonstration centre, without lots, on a server that waits for its disk as a real one does."""
    with empty() as bench:
        with bench.database.transaction() as session:
            apply(session, _roomy(load(PLANT_DIR)), Act("bench", BEGIN))
        yield bench


@contextmanager
def empty() -> Iterator[Bench]:
    """A database with the schema and nothing in it, on a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="interposer-bench-"))
    folder.chmod(0o755)  # PostgreSQL's unprivileged user goes through it
    try:
        with EmbeddedPostgres.start(folder) as server:
            init(server.url, PASSWORD)
            database = Database(make_url(server.url).set(username=APP_ROLE, password=PASSWORD))
            try:
                yield Bench(database, server, folder)
            finally:
                database.close()
    finally:
        shutil.rmtree(folder)


def _roomy(plant: Plant) -> Plant:
    """The same with room on equipment for all jobs, and material that lasts however many acts move the clock."""
    classes = tuple(c.model_copy(update={"places": PLACES}) for c in plant.classes)
    materials = tuple(m.model_copy(update={"floor_life_h": None, "bake_h": None}) for m in plant.materials)
    return replace(plant, classes=classes, materials=materials)
