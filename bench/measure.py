"""Wall and CPU time of a piece of work, and figures made of measurements and calibrations in turn."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from statistics import median

import psutil


class Size(StrEnum):
    """How much of a benchmark is run."""

    QUICK = "quick"
    """Little data and few rounds: whether it works at all."""
    USUAL = "usual"
    """All of them together in a few minutes."""
    LONG = "long"
    """The same, with runs of many minutes."""


@dataclass
class Spent:
    """What a piece of work took, all in seconds."""

    wall_s: float = 0.0
    own_cpu_s: float = 0.0
    """Of this process, all threads."""
    server_cpu_s: float = 0.0
    """Of the servers that the work asked."""

    @property
    def cpu_s(self) -> float:
        """CPU of both."""
        return self.own_cpu_s + self.server_cpu_s


class Meter:
    """Measures this process, and servers by their main process with all its children."""

    def __init__(self, *server_pids: int) -> None:
        self._servers = [psutil.Process(pid) for pid in server_pids]

    @contextmanager
    def measuring(self) -> Iterator[Spent]:
        """Fills in what the block took when it ends."""
        spent = Spent()
        servers, wall_s, own_cpu_s = self._server_cpu_s(), time.perf_counter(), time.process_time()
        yield spent
        spent.own_cpu_s = time.process_time() - own_cpu_s
        spent.wall_s = time.perf_counter() - wall_s
        after = self._server_cpu_s()
        spent.server_cpu_s = sum(cpu_s - servers.get(pid, 0.0) for pid, cpu_s in after.items())

    def _server_cpu_s(self) -> dict[int, float]:
        found = {}
        for server in self._servers:
            for process in (server, *server.children(recursive=True)):
                try:
                    found[process.pid] = cpu_s(process)
                except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    continue  # a background worker that has just ended
        return found


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process; to the nanosecond where the kernel says so, for processes of one thread."""
    exact = Path(f"/proc/{process.pid}/schedstat")
    times = process.cpu_times()
    if exact.exists() and process.num_threads() == 1:
        return int(exact.read_text().split()[0]) / 1e9
    return float(times.user + times.system)


@dataclass(frozen=True)
class Figure:
    """One line of the table: a median, the calibration's median in the same unit, and the median of the ratios."""

    name: str
    value: float
    unit: str
    calibration: float | None = None
    ratio: float | None = None
    ratio_range: tuple[float, float] | None = None
    """The lowest and the highest of the rounds' ratios: how far the median can be trusted."""
    budget: float | None = None
    """The value must not be above it."""
    more: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def over_budget(self) -> bool:
        """Whether the value breaks its budget."""
        return self.budget is not None and self.value > self.budget


@dataclass(frozen=True)
class Report:
    """What one benchmark found. ``calibration`` says what stands beside its figures."""

    figures: tuple[Figure, ...]
    calibration: str = ""
    notes: tuple[str, ...] = ()


def in_turn(
    rounds: int, work: Callable[[], object], calibration: Callable[[], object]
) -> tuple[list[float], list[float]]:
    """CPU seconds of both by round, one after the other; the first round only warms up and is not counted."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for times, call in zip(spent, (work, calibration), strict=True):
            before = time.process_time()
            call()
            times.append(time.process_time() - before)
    return spent[0][1:], spent[1][1:]


def beside(
    name: str, unit: str, values: Sequence[float], calibrations: Sequence[float], *, budget: float | None = None,
    more: dict[str, float | int | str] | None = None,
) -> Figure:  # fmt: skip
    """The figure of rounds whose measurements and calibrations stand in pairs."""
    ratios = [value / one for value, one in zip(values, calibrations, strict=True)]
    spread = (min(ratios), max(ratios))
    return Figure(name, median(values), unit, median(calibrations), median(ratios), spread, budget, more or {})


def middle(values: Iterable[float], digits: int = 2) -> float:
    """The median, rounded for people."""
    return round(median(values), digits)
