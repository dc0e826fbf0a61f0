"""Penny Fab Two in virtual time: what the line does under constant work in process, beside what theory says of it.

With fixed times it is the best case that no line can beat; with exponential ones a closed network of queues, of which
mean value analysis gives throughput and cycle time. Then a mixed line, by the critical ratio and first in first out.
"""

import logging
from collections.abc import Callable
from functools import partial
from math import sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev
from typing import TypeVar

import structlog

from bench.database import empty
from bench.measure import Figure, Report, Size
from tests.demo.penny import Flow, best_case, flow, last_release_h, mixed_plant, on_time, penny_plant
from tests.demo.reckoned import reckoned
from tests.demo.twin import Twin, run_twin

T = TypeVar("T")

FIXED = {Size.QUICK: (4,), Size.USUAL: (1, 4, 8, 12), Size.LONG: (1, 4, 8, 12)}
EXPONENTIAL = {4: Flow(0.1882, 21.26), 8: Flow(0.3102, 25.79)}
"""Lots an hour and hours of a lot in the closed network of exponential stations, by how many lots there are in it."""
LOTS = {Size.QUICK: 0, Size.USUAL: 60, Size.LONG: 2000}
"""Lots that pass the line with exponential times."""
MOST_OFF, MOST_OFF_BY_CHANCE = 1.0, 3.0
"""Per cent. Chance is held to it where lots are many enough."""
SEEDS = {Size.QUICK: 2, Size.USUAL: 2, Size.LONG: 20}
MIXED_LOTS = 18
SEED = 7
WARM_UP_H = 100.0
RECKONED_LOTS = 20_000


def run(size: Size) -> Report:
    """How far the line is from theory, and what the critical ratio brings."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = [
        _beside(f"fixed times, {wip} lots on the line", _fixed(wip), best_case(wip), MOST_OFF) for wip in FIXED[size]
    ]
    most = MOST_OFF_BY_CHANCE if size is Size.LONG else None
    for wip, theory in EXPONENTIAL.items() if LOTS[size] else ():
        name = f"exponential times, {wip} lots on the line"
        figures.append(_beside(name, _by_chance(wip, LOTS[size]), theory, most))
        reckoned_name = f"the same, {RECKONED_LOTS} lots reckoned with the same draws"
        figures.append(_beside(reckoned_name, _reckoned(wip), theory, MOST_OFF_BY_CHANCE))
    return Report((*figures, _critical_ratio(SEEDS[size])))


def _fixed(wip: int) -> Flow:
    lots = 4 * wip + 4
    return _run(partial(penny_plant, wip=wip), lots, SEED, partial(flow, warm_up_h=50, hours=40 if wip == 1 else 20))


def _by_chance(wip: int, lots: int) -> Flow:
    """Without the hours in which all lots come at once, and those in which none follow."""
    warm_up_h = 5.0 * wip if lots < 100 else WARM_UP_H

    def settled(line: Twin) -> Flow:
        return flow(line, warm_up_h, last_release_h(line) - warm_up_h)

    return _run(partial(penny_plant, wip=wip, process_time="exponential"), lots, SEED, settled)


def _reckoned(wip: int) -> Flow:
    released, ended = reckoned(wip, RECKONED_LOTS, SEED)
    until = max(released.values())
    inside = [name for name, at in ended.items() if WARM_UP_H <= at < until]
    return Flow(len(inside) / (until - WARM_UP_H), mean(ended[name] - released[name] for name in inside))


def _run(plant: Callable[[Path], Path], lots: int, seed: int, look: Callable[[Twin], T]) -> T:
    """Run a line of its own, and look at it."""
    with empty() as bench:
        folder = plant(bench.folder / "plant")
        return look(run_twin(bench.database, bench.server.url, folder, bench.folder / "line", lots, seed))


def _beside(name: str, found: Flow, theory: Flow, most: float | None) -> Figure:
    off = [found.throughput / theory.throughput - 1, found.cycle_h / theory.cycle_h - 1]
    more: dict[str, float | int | str] = {
        "lots an hour": round(found.throughput, 4),
        "in theory": theory.throughput,
        "hours of a lot": round(found.cycle_h, 2),
        "hours in theory": theory.cycle_h,
    }
    return Figure(f"{name}: off by at most", 100 * max(map(abs, off)), "%", budget=most, more=more)


def _critical_ratio(seeds: int) -> Figure:
    """The share of lots on time by the critical ratio less that by first in first out, seed by seed."""
    pairs = [
        tuple(
            _run(partial(mixed_plant, ranking=ranking), MIXED_LOTS, seed, on_time)
            for ranking in (["critical_ratio"], ["first_in_first_out"])
        )
        for seed in range(1, seeds + 1)
    ]
    gains = [100 * (ratio - fifo) for ratio, fifo in pairs]
    half = _student(seeds - 1) * stdev(gains) / sqrt(seeds)
    more: dict[str, float | int | str] = {
        "seeds": seeds,
        "95 % from": round(mean(gains) - half, 1),
        "to": round(mean(gains) + half, 1),
        "critical ratio": round(100 * mean(ratio for ratio, _ in pairs), 1),
        "first in first out": round(100 * mean(fifo for _, fifo in pairs), 1),
    }
    return Figure(
        "mixed line: on time by the critical ratio, more than first in first out", mean(gains), "%", more=more
    )


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's distribution, by its expansion around the normal one (Abramowitz 26.7.5)."""
    z, v = NormalDist().inv_cdf(0.975), float(freedom)
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3
