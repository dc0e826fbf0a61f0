"""A headless run in which processes are killed: at moments drawn from a seed, told by how far the run has come.

`killed` is what tests and benchmarks call. Nothing in the product knows of it: who dies at an exact place in its code
is the connector of `dying/sitecustomize.py`.
"""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.demo.runs import Database, Demo, Ended, demo, headless_words, over

DYING = Path(__file__).parent / "dying"
BEFORE, AFTER = "before_acknowledge", "after_acknowledge"
EQUIPMENT = "equipment"
VICTIMS = ("connector", "postgres", "web", EQUIPMENT, EQUIPMENT, EQUIPMENT, "connector", "postgres", BEFORE, AFTER)
"""Who dies in one run, in an order drawn from the seed: ten kills."""
FIRST, LAST = 0.03, 0.85
"""Of all records of the run, the shares between which the kills come."""

APPLIED = "select count(*) from received_record where state = 'applied'"
RUNNING = (
    "select distinct e.name from run r join equipment e on e.id = r.equipment_id where r.state = 'running' order by 1"
)


@dataclass(frozen=True)
class Kill:
    """One kill that was done."""

    victim: str
    applied: int
    """Records that had been applied."""
    running: tuple[str, ...]
    """Equipment with a running job."""


@dataclass
class Killer:
    """Kills what it is told to, and waits until it is back."""

    running: Demo
    database: Database
    dying: Path
    chance: random.Random
    done: list[Kill] = field(default_factory=list)

    def kill(self, victim: str, at: int) -> None:
        """Kill when ``at`` records have been applied and a job runs, and wait for the one that is started again."""
        applied, busy = self.running.until(lambda: self._moment(at))
        name = self.chance.choice(busy) if victim == EQUIPMENT else victim
        if victim in (BEFORE, AFTER):
            self._die_in_place(victim)
        else:
            self._kill(name)
        self.done.append(Kill(name, applied, tuple(busy)))

    def _moment(self, at: int) -> tuple[int, list[str]] | None:
        applied = self.database.rows(APPLIED)
        busy = [name for (name,) in self.database.rows(RUNNING)]
        return (applied[0][0], busy) if applied and applied[0][0] >= at and busy else None

    def _kill(self, name: str) -> None:
        pid = self.running.pids()[name]
        os.kill(pid, signal.SIGKILL)
        self._back(name, pid)

    def _die_in_place(self, where: str) -> None:
        pid = self.running.pids()["connector"]
        (self.dying / where).touch()
        self._back("connector", pid)
        assert not (self.dying / where).exists()

    def _back(self, name: str, pid: int) -> None:
        self.running.until(lambda: self.running.pids().get(name, pid) != pid or None)


@contextmanager
def mortal(plant: Path, folder: Path, lots: int, seed: int, chance: random.Random) -> Iterator[Killer]:
    """A headless run with somebody who kills in it."""
    dying = folder.with_name(f"{folder.name}.dying")
    dying.mkdir()
    path = os.pathsep.join(filter(None, (str(DYING), os.environ.get("PYTHONPATH"))))
    environment = {"INTERPOSER_DYING": str(dying), "PYTHONPATH": path}
    with demo(folder, *headless_words(plant, lots, seed), environment=environment) as running:
        database = Database(folder)
        try:
            yield Killer(running, database, dying, chance)
        finally:
            database.close()


def killed(plant: Path, folder: Path, lots: int, seed: int, *, records: int, moments: int) -> tuple[Ended, list[Kill]]:
    """Run lots to their end while the victims die, at moments drawn from the seed ``moments``.

    ``records`` is how many records the undisturbed run applies. Returns the run and what was killed, in order.
    """
    chance = random.Random(moments)
    victims = chance.sample(VICTIMS, len(VICTIMS))
    at = sorted(chance.sample(range(int(FIRST * records), int(LAST * records)), len(victims)))
    with mortal(plant, folder, lots, seed, chance) as killer:
        for victim, moment in zip(victims, at, strict=True):
            killer.kill(victim, moment)
        return over(killer.running), killer.done
