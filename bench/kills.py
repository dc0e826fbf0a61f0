"""Headless runs in which ten processes are killed, beside one in which none is: the ends must be the same.

Whoever dies, a connector, a simulator, the web server or PostgreSQL, most of them while jobs run, every record takes
effect once, and what the run counts in the end is what the undisturbed run counted.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Figure, Report, Size
from tests.demo.kills import Kill, killed
from tests.demo.runs import Ended, headless
from tests.demo.small_plant import LOTS, small_plant

SEED = 7
RUNS = {Size.QUICK: 1, Size.USUAL: 1, Size.LONG: 10}
"""Each with its own moments at which processes die."""
FEW_LOTS = 4
"""Of a quick run."""


def run(size: Size) -> Report:
    """What was broken in each run: nothing may be."""
    lots = FEW_LOTS if size is Size.QUICK else LOTS
    with _folder() as folder:
        plant = small_plant(folder / "plant")
        undisturbed = headless(plant, folder / "undisturbed", lots, SEED)
        if undisturbed.code:
            raise AssertionError(f"the undisturbed run ended with {undisturbed.code}: {undisturbed.complained}")
        runs = [_disturbed(plant, folder / f"moments-{n}", lots, undisturbed, n) for n in range(1, RUNS[size] + 1)]
    figures = tuple(one.figure(undisturbed) for one in runs)
    return Report(figures, notes=(f"The undisturbed run of {lots} lots applied {undisturbed.applied} records.",))


@dataclass(frozen=True)
class _Disturbed:
    """A run with kills that is over, with all that was found in its data."""

    moments: int
    ended: Ended
    kills: list[Kill]
    problems: list[str]
    wall_s: float

    def figure(self, undisturbed: Ended) -> Figure:
        """How many of the promises are broken, and which."""
        kept = {
            "exit code": self.ended.code == 0,
            "counts as undisturbed": self.ended.counts == undisturbed.counts,
            "records applied once": self.ended.summary["conservation"]["truth"]["problems"] == [],
            "db check": self.problems == [],
        }
        return Figure(
            f"kills at moments {self.moments}",
            sum(not good for good in kept.values()),
            "broken",
            budget=0,
            more={
                "kills": len(self.kills),
                "while jobs ran": sum(bool(kill.running) for kill in self.kills),
                "of equipment at work": sum(kill.victim in kill.running for kill in self.kills),
                **{promise: "kept" if good else "broken" for promise, good in kept.items()},
                "records": self.ended.applied,
                "wall_s": round(self.wall_s),
            },
        )


def _disturbed(plant: Path, data_dir: Path, lots: int, undisturbed: Ended, moments: int) -> _Disturbed:
    began = time.perf_counter()
    ended, kills = killed(plant, data_dir, lots, SEED, records=undisturbed.applied, moments=moments)
    wall_s = time.perf_counter() - began
    found = _Disturbed(moments, ended, kills, ended.problems(), wall_s)
    shutil.rmtree(data_dir)
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    """Where the data of the runs are; PostgreSQL's unprivileged user goes through it."""
    folder = Path(tempfile.mkdtemp(prefix="interposer-bench-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
