"""Modules traced down and wafers traced up among millions of placements, beside a plain table with a row for each."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import numpy as np
import psycopg

from bench.database import Bench, empty
from bench.measure import Figure, Meter, Report, Size, beside, middle
from bench.reference.answers import moves_down, moves_up
from bench.reference.build import Reference, build
from bench.reference.moves import PLACED
from bench.reference.plain import OUTCOME, Plain, Told
from mes.genealogy import trace_unit, trace_up

MODULES = {Size.QUICK: 432, Size.USUAL: 4_320, Size.LONG: 100_000}
DOWN = {Size.QUICK: 30, Size.USUAL: 200, Size.LONG: 1_000}
UP = {Size.QUICK: 10, Size.USUAL: 50, Size.LONG: 200}
FIRST = 10
"""Traces on a connection that has just been opened, each on one of its own."""
BY_PLACEMENTS = ("transfer", "occupancy", "run_source", "consumption", "durable_use")
"""Tables that grow where units are placed. Those of substrates, runs and bins grow without it, too."""
SIZES = """
select relname, pg_total_relation_size(oid) from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace
"""
BYTES, DOWN_MS, DOWN_P95_MS, UP_MS = 16.0, 15.0, 40.0, 15.0
"""Budgets: bytes of a placement, wall time of a trace at the median and at p95."""

Ask = Callable[[Any], Any]


def run(size: Size) -> Report:
    """Build the data, then ask."""
    with empty() as bench, bench.as_owner() as owner:
        began = time.perf_counter()
        before = _sizes(owner)
        plain = Plain(owner)
        reference = build(bench.database, owner, MODULES[size], seen=plain.seen)
        plain.finish()
        seconds = time.perf_counter() - began
        figures = [*_bytes(owner, before, reference, plain, size), *Asked(bench, owner, reference, plain).figures(size)]
    built = f"{len(reference.modules):,} good modules, {reference.moves:,} moves, built in {seconds:.0f} s"
    return Report(tuple(figures), "a table with a row for each move, and recursive SQL", (built,))


def _sizes(owner: psycopg.Connection[Any]) -> dict[str, int]:
    """Bytes of every table with its indexes."""
    return dict(owner.execute(SIZES).fetchall())


def _bytes(
    owner: psycopg.Connection[Any], before: dict[str, int], reference: Reference, plain: Plain, size: Size
) -> Iterator[Figure]:
    grew = {name: (size - before.get(name, 0)) / reference.moves for name, size in _sizes(owner).items()}
    rows = grew.pop("placement") * reference.moves / plain.rows
    mine = sum(grew[name] for name in BY_PLACEMENTS)
    more: dict[str, float | int | str] = {name: round(grew[name], 2) for name in BY_PLACEMENTS}
    more["all tables"] = round(sum(grew.values()), 1)
    budget = None if size is Size.QUICK else BYTES  # of little data most is pages that are nearly empty
    yield Figure("a placement", mine, "bytes", rows, mine / rows, None, budget, more)


@dataclass
class Asked:
    """Questions to both."""

    bench: Bench
    owner: psycopg.Connection[Any]
    reference: Reference
    plain: Plain

    def figures(self, size: Size) -> Iterator[Figure]:
        """Each answer is compared with that of the plain table."""
        chance = np.random.default_rng(5)
        modules = chance.permutation(self.reference.modules)[: DOWN[size]].tolist()
        wafers = chance.permutation(self.reference.cores)[: UP[size]].tolist()
        yield from self._down("down", modules)
        yield self._first(modules[:FIRST])
        yield self._up(wafers)
        self.bench.restart()
        yield from self._down("down, after a restart", modules)

    def _down(self, name: str, modules: Sequence[Sequence[int]]) -> Iterator[Figure]:
        trace, mine, rows = self._beside(modules, self._trace, lambda module: self.plain.down(*module), moves_down)
        more = {"of": len(mine.ms), "dies": sum(1 for _ in trace.unit.dies())} | mine.cpu_ms()
        yield beside(f"{name}, median", "ms wall", mine.ms, rows.ms, budget=DOWN_MS, more=more)
        slow, slow_rows = (quantiles(times.ms, n=20)[-1] for times in (mine, rows))
        yield Figure(f"{name}, p95", slow, "ms wall", slow_rows, slow / slow_rows, None, DOWN_P95_MS)

    def _first(self, modules: Sequence[Sequence[int]]) -> Figure:
        """The first trace of a connection, for which the server has planned nothing yet."""
        mine, rows = Times(self.bench), Times(self.bench)
        for module in modules:
            self.bench.database.close()
            with self.bench.database.reading(), self.bench.as_owner() as self.plain.connection:
                pass
            mine.take(self._trace, module)
            with self.bench.as_owner() as self.plain.connection:
                rows.take(lambda module: self.plain.down(*module), module)
        return beside("down, first of a connection", "ms wall", mine.ms, rows.ms, more={"of": len(mine.ms)})

    def _up(self, wafers: Sequence[int]) -> Figure:
        trace, mine, rows = self._beside(wafers, self._trace_up, self.plain.up, moves_up)
        more = {"of": len(mine.ms), "units": len(trace.positions)} | mine.cpu_ms()
        return beside("a wafer up, median", "ms wall", mine.ms, rows.ms, budget=UP_MS, more=more)

    def _beside(
        self, questions: Sequence[Any], mine: Ask, plain: Ask, told: Callable[[Any], list[Told]]
    ) -> tuple[Any, "Times", "Times"]:
        """Ask both in turn; the last trace, and what each took. Raises where they do not say the same."""
        of_arrays, of_rows = Times(self.bench), Times(self.bench)
        with self.bench.as_owner() as self.plain.connection:
            for question in questions:
                trace = of_arrays.take(mine, question)
                found = of_rows.take(plain, question)
                if told(trace) != sorted({one for one in found if one[OUTCOME] == PLACED}):
                    raise AssertionError(f"{question}: the packed arrays and the plain table do not say the same")
        return trace, of_arrays, of_rows

    def _trace(self, module: Sequence[int]) -> Any:
        with self.bench.database.reading() as session:
            return trace_unit(session, *module)

    def _trace_up(self, wafer: int) -> Any:
        with self.bench.database.reading() as session:
            return trace_up(session, wafer)


class Times:
    """What questions took."""

    def __init__(self, bench: Bench) -> None:
        self._meter = Meter(bench.server.pid)
        self.ms: list[float] = []
        self._cpu_ms: list[float] = []

    def take(self, ask: Ask, question: Any) -> Any:
        """Ask one and note its time."""
        with self._meter.measuring() as spent:
            found = ask(question)
        self.ms.append(1000 * spent.wall_s)
        self._cpu_ms.append(1000 * spent.cpu_s)
        return found

    def cpu_ms(self) -> dict[str, float | int | str]:
        """The median of what they took of the processors, the server's with it."""
        return {"CPU ms": middle(self._cpu_ms, 1)}
