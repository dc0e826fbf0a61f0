"""Runs of the demonstration as a person starts them: in processes of their own, on a data directory."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import psycopg

from mes.cli.db_check import check
from mes.postgres import EmbeddedPostgres
from mes.schema import ROOT

T = TypeVar("T")

PATIENCE_S = 600.0
"""For a whole run; what is waited for inside of one takes seconds."""
GLANCE_S = 0.05


class Demo:
    """``mes demo`` as it runs on a data directory. What it says goes to files beside that."""

    def __init__(self, folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        own = {name: value for name, value in os.environ.items() if not name.startswith("MES_")}
        command = [sys.executable, "-m", "mes.cli", "demo", "--data-dir", str(folder), *words]
        self._out, self._err = (folder.with_name(f"{folder.name}.{kind}") for kind in ("out", "err"))
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=err, env=own | dict(environment or {})
            )  # fmt: skip

    @property
    def said(self) -> str:
        """Standard output until now."""
        return self._out.read_text()

    @property
    def complained(self) -> str:
        """Standard error until now, without what it tells of databases that others have left on this machine."""
        lines = self._err.read_text().splitlines(keepends=True)
        return "".join(line for line in lines if "data directory is gone" not in line)

    def told(self) -> dict[str, Any]:
        """What stands in ``demo.json``; nothing where there is none yet."""
        return _read(self.folder / "demo.json")

    def pids(self) -> dict[str, int]:
        """The process of each program and of each equipment, by its name."""
        lines = {name: one["pid"] for name, one in _read(self.folder / "endpoints.json").items()}
        return {**self.told().get("processes", {}), **lines}

    def until(self, what: Callable[[], T | None], most_s: float = PATIENCE_S) -> T:
        """What ``what`` gives as soon as it gives something; fails when the demonstration ends before."""
        deadline = time.monotonic() + most_s
        while (given := what()) is None:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.complained}"
            assert time.monotonic() < deadline, f"nothing came of {what} within {most_s:.0f} s: {self.complained}"
            time.sleep(GLANCE_S)  # a glance at another process, not a wait for it
        return given

    def ended(self, most_s: float = PATIENCE_S) -> int:
        """The exit code, once it has ended by itself."""
        return self.process.wait(most_s)

    def interrupt(self, most_s: float = PATIENCE_S) -> int:
        """Ctrl-C, and the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended(most_s)

    def close(self) -> None:
        """End it where it has not ended."""
        if self.process.poll() is None:
            self.interrupt()


@contextmanager
def demo(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[Demo]:
    """A demonstration that has ended when the block has."""
    running = Demo(folder, *words, environment=environment)
    try:
        yield running
    finally:
        running.close()


@dataclass(frozen=True)
class Ended:
    """A headless run that is over: its data directory, exit code and summary."""

    folder: Path
    code: int
    summary: dict[str, Any]
    complained: str
    applied: int
    """Records that were applied."""

    @property
    def counts(self) -> dict[str, Any]:
        """The summary without the time that it took."""
        return {key: value for key, value in self.summary.items() if key != "wall_s"}

    def problems(self) -> list[str]:
        """What `mes db check` finds."""
        with EmbeddedPostgres.start(self.folder) as server:
            return [f"{problem.check}: {problem.message}" for problem in check(server.url).problems]


def headless(plant: Path, folder: Path, lots: int, seed: int) -> Ended:
    """Run ``lots`` lots to their end."""
    with demo(folder, *headless_words(plant, lots, seed)) as running:
        return over(running)


def headless_words(plant: Path, lots: int, seed: int) -> list[str]:
    """How a headless run is asked for."""
    return ["--headless", "--json", "--plant", str(plant), "--lots", str(lots), "--seed", str(seed)]


def over(running: Demo) -> Ended:
    """A headless run, once it has ended."""
    code = running.ended()
    with EmbeddedPostgres.start(running.folder) as server:
        applied = check(server.url).records["applied"]
    return Ended(running.folder, code, json.loads(running.said or "{}"), running.complained, applied)


class Database:
    """A look at the database of a run that goes on; while the server is away there is nothing to see."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @property
    def url(self) -> str:
        """The owner's address."""
        login = _read(self._folder / "pg18.json")
        return f"postgresql://postgres:{login['password']}@127.0.0.1:{login['port']}/mes"

    def rows(self, query: LiteralString) -> list[tuple[Any, ...]]:
        """What the query gives now."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self.url, autocommit=True, connect_timeout=5)
            return self._connection.execute(query).fetchall()
        except (KeyError, psycopg.Error):
            self.close()
            return []

    def close(self) -> None:
        """Look no more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return found
