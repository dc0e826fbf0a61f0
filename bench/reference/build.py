"""Reference data of any size: modules of one large die and eight stacks of twelve, with all that was done to them.

Written as rows in the form in which the product writes them, and the same each time for the same seed. A lot of
modules at a time: its core wafers and its base wafers from two makers of memory, its large dies, its interposers, its
boats. A third of the lots has been shipped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from bench.database import BEGIN
from bench.reference.ends import Ends
from bench.reference.line import Line, Lot, Part
from bench.reference.moves import (
    COMPLETED,
    IN_PROCESS,
    NO_UNIT,
    PLACED,
    SHIPPED,
    Ints,
    Moves,
    Wafer,
    joined,
    keep,
    picked,
    pooled,
)
from bench.reference.plant import LEVELS, MAKERS, OWNERS, STACKS, reference_plant
from bench.reference.rows import Rows
from mes.db import Database
from mes.history import Act
from mes.lots.models import RunLoad
from mes.materials.durables.models import Durable
from mes.plant import apply
from mes.units.models import Substrate

MODULES = 36
"""Of an interposer."""
EVERY = timedelta(hours=9)
"""A lot of modules begins so often."""
HEADS = 2

Seen = Callable[[int, datetime, Moves, dict[int, Wafer]], None]
"""Told of the moves of each report: run, when, and the substrates by id."""


@dataclass(frozen=True)
class Lots:
    """Substrates of a lot of modules, and of those that go into it: of each maker base wafers, three lots of cores."""

    interposers: int
    bases: int
    cores: int
    tops: int


WHOLE, SMALL = Lots(12, 5, 22, 7), Lots(1, 1, 5, 1)
"""432 modules in 47,700 placements, and 36 in 9,000."""


@dataclass
class Reference:
    """What was built."""

    modules: Ints
    """(boat, x, y) of each module, one a row."""
    cores: list[int] = field(default_factory=list)
    """Core wafers from which dies were placed."""
    moves: int = 0


def build(
    database: Database, owner: psycopg.Connection[Any], modules: int, *, lots: Lots = WHOLE, seed: int = 1,
    seen: Seen | None = None,
) -> Reference:  # fmt: skip
    """So many modules or a few more, whole lots, in a database that has a schema and nothing else.

    ``owner`` is a connection of who owns the schema; each of its statements commits. ``mes db check`` finds nothing
    wrong with what is built.
    """
    with database.transaction() as session:
        apply(session, reference_plant(), Act("bench", BEGIN))
    builder = Builder(owner, lots, seed, seen)
    for number in range(-(-modules // (MODULES * lots.interposers))):
        builder.lot_of_modules(number)
    builder.close()
    return builder.reference


class Builder:
    """Builds lots of modules one by one."""

    def __init__(self, connection: psycopg.Connection[Any], lots: Lots, seed: int, seen: Seen | None) -> None:
        self._connection, self._lots, self._seed, self._seen = connection, lots, seed, seen
        self.rows = Rows(connection)
        self.line = Line.of(connection, self.rows)
        self.ends = Ends(connection, self.rows, self.line)
        self.wafers: dict[int, Wafer] = {}
        self.reference = Reference(np.zeros((0, 3), np.int64))
        self.ends.vary("hbm_stack/70", ({"bond_force": 90.0}, {"bond_force": 110.0}), BEGIN)

    def lot_of_modules(self, number: int) -> None:
        """A lot with all that goes into it."""
        self.line.chance = np.random.default_rng([self._seed, number])
        begin = BEGIN + number * EVERY
        self.ends.mount(number, begin)
        stacks = [self._stacks(f"{number:04d}{maker[0].upper()}", maker, begin) for maker in MAKERS]
        owner = OWNERS[number % len(OWNERS)]
        tops = self._lot(f"T{number:04d}", owner, "top_die", self._lots.tops, begin)
        for operation in (10, 20):
            self.line.pass_by(tops, operation, 1)
        self.line.test(tops, 25, 0.94)
        self.line.pass_by(tops, 30, 2)
        self.ends.finish(tops)
        lot = self._lot(
            f"M{number:04d}", owner, "chip_on_wafer", self._lots.interposers, max(one.clock for one in stacks)
        )
        self._modules(lot, stacks, tops, number)
        for one in (*stacks, tops):
            self.ends.stock(one)
        self.rows.write()
        self.wafers.clear()

    def close(self) -> None:
        """The last rows: what was mounted."""
        self.ends.dismount()
        self.rows.write()
        self.rows.close()
        self._connection.execute("select setval('history_event', %s)", (self.line.events,))
        self._connection.execute("vacuum analyze")

    def _lot(self, name: str, owner: str, route: str, wafers: int, at: datetime) -> Lot:
        lot = self.ends.lot(name, owner, route, at)
        rows, columns = self.ends.grid(route)
        for n in range(wafers):
            self._wafer(lot, f"{name}-{n + 1:02d}", rows, columns, IN_PROCESS)
        return lot

    def _wafer(self, lot: Lot, name: str, rows: int, columns: int, disposition: int) -> Wafer:
        at = np.full(rows * columns, disposition, np.uint8)
        wafer = Wafer(self.rows.number(Substrate), name, lot.owner, rows, columns, at)
        self.wafers[wafer.number] = wafer
        lot.wafers.append(wafer)
        return wafer

    def _stacks(self, name: str, maker: str, begin: datetime) -> Lot:
        """A lot of base wafers with stacks on them, from three lots of core wafers."""
        cores = [self._lot(f"C{name}{n}", maker, "hbm_core", self._lots.cores, begin) for n in "abc"]
        for lot in cores:
            for operation in (10, 20):
                self.line.pass_by(lot, operation, 1)
            self.line.test(lot, 40, 0.94)
            self.line.pass_by(lot, 60, 2)
            self.ends.finish(lot)
        lot = self._lot(f"S{name}", maker, "hbm_stack", self._lots.bases, max(one.clock for one in cores))
        for operation in (10, 60):
            self.line.pass_by(lot, operation, 1)
        self._stack(lot, [wafer for one in cores for wafer in one.wafers])
        self.line.pass_by(lot, 90, 4)
        self.line.test(lot, 110, 0.985)
        self.ends.finish(lot)
        for one in cores:
            self.ends.stock(one)
        self.reference.cores += [wafer.number for one in cores for wafer in one.wafers]
        return lot

    def _stack(self, lot: Lot, cores: list[Wafer]) -> None:
        """Twelve dies on each base die: of a wafer of these after the other, but in any order on each base wafer."""
        free = pooled(cores)
        for part in self.line.work(lot, 70, 8):
            for wafer, where in part.asked.items():
                needed = int(LEVELS * len(where) * 1.01)
                units, to_at = self.line.chance.permutation(free[:needed]), np.tile(where, LEVELS)
                level = np.repeat(np.arange(1, LEVELS + 1), len(where))
                moves, n = picked(self.line.chance, units, wafer.number, to_at, np.ones_like(level), level, HEADS)
                free = np.concatenate([units[n:], free[needed:]])
                self._placed(part, moves)
                self.line.use_up(lot, part, int((moves.outcome == PLACED).sum()), wafer)
                self.line.judge(part, wafer, where, self._bonded(len(where)))

    def _bonded(self, n: int) -> Any:
        return self.line.chance.choice(np.array([1, 2, 3], "u1"), n, p=(0.992, 0.004, 0.004))

    def _modules(self, lot: Lot, stacks: list[Lot], tops: Lot, number: int) -> None:
        for operation in (10, 35):
            self.line.pass_by(lot, operation, 1)
        self._bond(lot, [wafer for one in stacks for wafer in one.wafers], tops.wafers)
        for operation in (50, 60, 90):
            self.line.pass_by(lot, operation, 2)
        interposers = self._dice(lot)
        self.line.test(lot, 170, 0.97)
        self.ends.finish(lot)
        good = [(w.number, p % w.columns, p // w.columns) for w in lot.wafers for p in w.places(COMPLETED).tolist()]
        self.reference.modules = np.concatenate([self.reference.modules, np.array(good, np.int64)])
        if number % 3 == 0:
            for wafer in lot.wafers:
                wafer.at[wafer.at == COMPLETED] = SHIPPED
        self.ends.stock(lot, interposers, shipped=number % 3 == 0)

    def _bond(self, lot: Lot, stacks: list[Wafer], tops: list[Wafer]) -> None:
        """A large die and eight stacks on each site of an interposer, all of the lot's in any order."""
        dies, others = (self.line.chance.permutation(pooled(wafers)) for wafers in (tops, stacks))
        site = np.arange(1, STACKS + 2)
        for part in self.line.work(lot, 40, 6):
            for wafer, where in part.asked.items():
                told = [
                    picked(self.line.chance, pool, wafer.number, np.repeat(where, len(at)), np.tile(at, len(where)),
                           np.ones(len(where) * len(at), np.int64), HEADS)
                    for pool, at in ((dies, site[:1]), (others, site[1:]))
                ]  # fmt: skip
                self._placed(part, joined(moves for moves, _ in told))
                dies, others = dies[told[0][1] :], others[told[1][1] :]
                self.line.use_up(lot, part, len(where) * (STACKS + 1), wafer)
                self.line.judge(part, wafer, where, self._bonded(len(where)))

    def _dice(self, lot: Lot) -> list[Wafer]:
        """Good modules go to boats, a new form of the lot; gives the interposers that they leave."""
        interposers = lot.wafers
        rows, columns = self.ends.boat
        for part in self.line.work(lot, 160, 3):
            good = pooled(list(part.asked), IN_PROCESS)
            lot.wafers = []
            for n, units in enumerate(np.array_split(good, np.arange(rows * columns, len(good), rows * columns))):
                boat = self._wafer(lot, f"{lot.name}.{n + 1:02d}", rows, columns, NO_UNIT)
                boat.holder = self.rows.number(Durable)
                self.rows.add(RunLoad, customer_id=lot.owner, run_id=part.run, substrate_id=boat.number, ordinal=n)
                zero = np.zeros(len(units), np.int64)
                moves = Moves(units[:, 0], units[:, 1], zero + boat.number, np.arange(len(units)), *[zero] * 4)
                self._placed(part, moves)
                boat.at[: len(units)] = IN_PROCESS
                self.ends.fill(lot, boat, part)
        lot.form = 2
        return interposers

    def _placed(self, part: Part, moves: Moves) -> None:
        keep(self.rows, part.run, moves, part.ended_at, self.wafers, self.ends.agreements)
        self.reference.moves += len(moves)
        for source in np.unique(moves.source).tolist():
            part.took.setdefault(self.wafers[source], []).append(moves.from_at[moves.source == source])
        if self._seen is not None:
            self._seen(part.run, part.ended_at, moves, self.wafers)
