"""A device's disk: everything that it must still know after its power was cut.

One SQLite file in WAL mode, or ``:memory:``. Whatever happens is one transaction (`Disk.change`), so that a record
and the state change it tells of are on the disk together or not at all. A process may be killed at any point.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from equipment.interface.codec import map_text, message_text, read_map, read_message, read_record, record_text
from equipment.interface.messages import Body, JobOrder, PositionMap, RecipeHeld, Record
from equipment.interface.states import E10State, JobState

BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
"""The plant time of a disk just born; the first advance moves it to the plant's."""

FORMAT = 1

_TABLES = """
CREATE TABLE machine (one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE record (sequence INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE job (n INTEGER PRIMARY KEY, job_order_id TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE forgotten (job_order_id TEXT PRIMARY KEY, verb TEXT NOT NULL);
CREATE TABLE map (
    job_order_id TEXT NOT NULL, substrate TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (job_order_id, substrate)
);
CREATE TABLE recipe (
    name TEXT NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL, since TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (name, version)
);
"""


@dataclass(frozen=True)
class HeldJob:
    """A job order on the equipment, and how far it is."""

    order: JobOrder
    state: JobState
    first_sha256: str
    """Hash of the order as it was stored, before any update."""
    done: tuple[str, ...] = ()
    """Verbs that took effect; asked again they are accepted without another one."""
    part: int = 0
    """Index of the substrate it works on."""
    stop_part: int | None = None
    """Index of the substrate in which it will end half-way, by fault; None: it will not."""
    started_at: datetime | None = None
    ends_at: datetime | None = None
    """Begin and planned end of that substrate; None before the job order runs."""
    work_s: float = 0.0
    """Planned seconds of work on that substrate."""
    most: int | None = None
    """Positions of that substrate after which the job order ends early; None: all."""
    paused_at: datetime | None = None
    stopping: bool = False
    """It ends after the substrate it works on."""


@dataclass(frozen=True)
class Machine:
    """The equipment itself: its clock, state, counters, wear and switched-on faults."""

    now: datetime = BEFORE_ALL
    e10_state: E10State = E10State.SBY
    energy_kwh: float = 0.0
    jobs_begun: int = 0
    head: int = 0
    wear: tuple[tuple[str, float], ...] = ()
    faults: tuple[tuple[str, float], ...] = ()


class Disk:
    """Opens the disk in ``path``; where there is none, one is born with the journal id given."""

    def __init__(self, path: Path | str, journal: str) -> None:
        self._sql = sqlite3.connect(path, isolation_level=None)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = NORMAL")
        if not self._sql.execute("PRAGMA user_version").fetchone()[0]:
            self._be_born(journal)
        self.journal: str = self._sql.execute("SELECT journal FROM machine").fetchone()[0]
        self._load()

    def _be_born(self, journal: str) -> None:
        self._sql.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.split(";\n"):
            self._sql.execute(statement)
        self._sql.execute("INSERT INTO machine VALUES (1, ?, ?)", (journal, message_text(Machine())))
        self._sql.execute(f"PRAGMA user_version = {FORMAT}")
        self._sql.execute("COMMIT")

    def _load(self) -> None:
        """Jobs and machine are kept in memory as well: they are asked for at every step of the clock."""
        (text,) = self._sql.execute("SELECT text FROM machine").fetchone()
        self.machine = read_message(Machine, text)
        rows = self._sql.execute("SELECT job_order_id, text FROM job ORDER BY n").fetchall()
        self._jobs = {job_order_id: read_message(HeldJob, text) for job_order_id, text in rows}

    def close(self) -> None:
        self._sql.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction; an exception undoes all of it."""
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._sql.execute("COMMIT")
        except BaseException:
            self._sql.execute("ROLLBACK")
            self._load()
            raise

    # The machine

    def put_machine(self, **changed: Any) -> None:
        """Change fields of `machine`."""
        self.machine = replace(self.machine, **changed)
        self._sql.execute("UPDATE machine SET text = ?", (message_text(self.machine),))

    @property
    def wear(self) -> Mapping[str, float]:
        return MappingProxyType(dict(self.machine.wear))

    @property
    def faults(self) -> Mapping[str, float]:
        return MappingProxyType(dict(self.machine.faults))

    # Job orders

    def jobs(self) -> tuple[HeldJob, ...]:
        """In the order in which they were stored."""
        return tuple(self._jobs.values())

    def job(self, job_order_id: str) -> HeldJob | None:
        return self._jobs.get(job_order_id)

    def put_job(self, job: HeldJob) -> None:
        job_order_id = job.order.job_order_id
        self._jobs[job_order_id] = job
        self._sql.execute(
            "INSERT INTO job (job_order_id, text) VALUES (?, ?)"
            " ON CONFLICT (job_order_id) DO UPDATE SET text = excluded.text",
            (job_order_id, message_text(job)),
        )

    def forget_job(self, job_order_id: str, verb: str) -> None:
        """Remove a job order with its maps; its id and ``verb`` stay, since ids are unique for ever."""
        self._jobs.pop(job_order_id)
        self._sql.execute("DELETE FROM job WHERE job_order_id = ?", (job_order_id,))
        self._sql.execute("DELETE FROM map WHERE job_order_id = ?", (job_order_id,))
        self._sql.execute("INSERT INTO forgotten VALUES (?, ?)", (job_order_id, verb))

    def forgotten(self, job_order_id: str) -> str | None:
        """The verb by which a job order of that id was forgotten; None where there was none."""
        row = self._sql.execute("SELECT verb FROM forgotten WHERE job_order_id = ?", (job_order_id,)).fetchone()
        return str(row[0]) if row else None

    def maps(self, job_order_id: str) -> dict[str, PositionMap]:
        rows = self._sql.execute("SELECT text FROM map WHERE job_order_id = ? ORDER BY substrate", (job_order_id,))
        return {positions.substrate: positions for positions in (read_map(text) for (text,) in rows)}

    def put_map(self, job_order_id: str, positions: PositionMap) -> None:
        self._sql.execute(
            "INSERT OR REPLACE INTO map VALUES (?, ?, ?)", (job_order_id, positions.substrate, map_text(positions))
        )

    # Recipes

    def recipes(self) -> tuple[RecipeHeld, ...]:
        rows = self._sql.execute("SELECT name, version, sha256, since FROM recipe ORDER BY name, version")
        return tuple(RecipeHeld(n, v, sha256, datetime.fromisoformat(since)) for n, v, sha256, since in rows)

    def recipe_body(self, name: str, version: int) -> str | None:
        row = self._sql.execute("SELECT body FROM recipe WHERE name = ? AND version = ?", (name, version)).fetchone()
        return str(row[0]) if row else None

    def put_recipe(self, recipe: RecipeHeld, body: str) -> None:
        self._sql.execute(
            "INSERT OR REPLACE INTO recipe VALUES (?, ?, ?, ?, ?)",
            (recipe.name, recipe.version, recipe.sha256, recipe.since.isoformat(), body),
        )

    def delete_recipe(self, name: str, version: int) -> None:
        self._sql.execute("DELETE FROM recipe WHERE name = ? AND version = ?", (name, version))

    # The journal

    def append(self, happened_at: datetime, job_order_id: str, body: Body) -> None:
        """Add a record with the next sequence."""
        sequence = self.machine.head + 1
        record = Record(self.journal, sequence, happened_at, job_order_id, body)
        self._sql.execute("INSERT INTO record VALUES (?, ?)", (sequence, record_text(record)))
        self.put_machine(head=sequence)

    def records(self, after: int, most: int) -> tuple[Record, ...]:
        rows = self._sql.execute("SELECT text FROM record WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, most))
        return tuple(read_record(text) for (text,) in rows)

    def acknowledge(self, upto: int) -> None:
        self._sql.execute("DELETE FROM record WHERE sequence <= ?", (upto,))
