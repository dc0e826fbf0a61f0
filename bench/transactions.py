"""What a transaction of each verb costs, beside the same number of bare statements, with a hundred thousand older lots.

A verb's calibration runs in as many transactions as the verb did: for each statement that reads, one prepared
``select`` of a constant; for each row that it writes, one insert of a small row into a table without indexes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import event, select

from bench.database import BEGIN, Bench, demonstration
from bench.line_at_work import Lots, Transaction
from bench.measure import Figure, Meter, Report, Size, Spent, beside, middle
from bench.older import load_older
from mes.equipment.models import Equipment
from mes.history import Act
from mes.materials.models import Container
from mes.materials.mounting import mount
from mes.materials.preparing import thaw
from mes.materials.receive import Delivery, receive

ROUNDS, QUICK_ROUNDS = 5, 1
LOTS, ASSEMBLED = 4, 3
"""Of each round: lots of core wafers, and of interposers."""
REPEATS = 9
"""Of each calibration. It takes milliseconds, and a busy machine slows some of them fourfold: the middle one counts."""
FLUX_MG = 1_000_000
WRITES = ("insert", "update", "delete")


def run(size: Size) -> Report:
    """Create, release, track in and track out: of a plain operation, of a test, of an assembly."""
    quick = size is Size.QUICK
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with demonstration() as bench:
        lots, seconds = load_older(bench, quick=quick)
        mount_flux(bench, "tcb-1")
        with bench.as_owner() as connection, Verbs(bench, connection) as verbs:
            for number in range(rounds + 1):
                work_one_round(bench, verbs, number)
            figures = tuple(verbs.figures())
    loaded = f"{lots:,} older lots, loaded in {seconds:.0f} s"
    return Report(figures, "the same number of bare statements and transactions", (loaded,))


def mount_flux(bench: Bench, equipment: str) -> None:
    """More than all rounds use up, thawed before the first of them."""
    syringe, early = "FLUX-1", Act("bench", BEGIN - timedelta(hours=3))
    with bench.database.transaction() as session:
        receive(session, Delivery("FLUX", "flux", ((syringe, FLUX_MG),), "Maker", "COA"), early)
        box = session.scalars(select(Container.id).where(Container.name == syringe)).one()
        thaw(session, box, early)
        place = session.scalars(select(Equipment.id).where(Equipment.name == equipment)).one()
        mount(session, box, place, Act("bench", BEGIN))


def work_one_round(bench: Bench, verbs: "Verbs", number: int) -> None:
    """Some lots of core wafers up to their probe, and some of interposers through their assembly."""
    cores = Lots(bench, "hbm_core", "hanbit", (20, 18), tuple(f"CORE-{number}-{n}" for n in range(LOTS)))
    verbs.measure("create, 12 wafers with maps", cores.create())
    verbs.measure("release", cores.release())
    verbs.measure("track in, 12 wafers", cores.track_in("sorter-1"))
    verbs.do(cores.start())
    verbs.measure("track out, a wafer", cores.track_out())
    verbs.do(cores.end())
    verbs.measure("track in, within a queue time", cores.track_in("reflow-1"))
    for step in (cores.start, cores.track_out, cores.end):
        verbs.do(step())
    verbs.do(cores.track_in("prober-1"))
    verbs.do(cores.start())
    verbs.measure("track out, a probed wafer", cores.track_out(judged=True))
    made = Lots(bench, "chip_on_wafer", "narae", (6, 6), tuple(f"MADE-{number}-{n}" for n in range(ASSEMBLED)))
    for step in (made.create, made.release):
        verbs.do(step())
    made.move_to(40)
    verbs.measure("track in, 4 to assemble", made.track_in("tcb-1"))
    verbs.do(made.start())
    verbs.measure("track out, an assembly of 180", made.track_out())
    verbs.do(made.end())


@dataclass
class Counted:
    """Statements of one transaction, as the server sees them."""

    reads: int = 0
    writes: int = 0


@dataclass
class _Rounds:
    verb: list[Spent] = field(default_factory=list)
    bare: list[Spent] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    transactions: int = 0


class Verbs:
    """Measures batches of transactions by verb, each followed by its calibration."""

    def __init__(self, bench: Bench, bare: psycopg.Connection[Any]) -> None:
        self._bench = bench
        self._meter = Meter(bench.server.pid)
        self._bare = bare
        self._rounds: dict[str, _Rounds] = {}
        self._counted: list[Counted] = []

    def __enter__(self) -> "Verbs":
        self._bare.execute("create table bare (n int, told text)")
        event.listen(self._bench.database.engine, "before_cursor_execute", self._count)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._bench.database.engine, "before_cursor_execute", self._count)

    def do(self, transactions: Sequence[Transaction]) -> None:
        """Each in a transaction of its own."""
        for work in transactions:
            self._counted.append(Counted())
            self._bench.transact([work])

    def measure(self, verb: str, transactions: Sequence[Transaction]) -> None:
        """The same, measured, and then as many bare statements."""
        self._counted.clear()
        with self._meter.measuring() as spent:
            self.do(transactions)
        repeats = []
        for _ in range(REPEATS):
            with self._meter.measuring() as bare:
                self._run_bare(self._counted)
            repeats.append(bare)
        rounds = self._rounds.setdefault(verb, _Rounds())
        rounds.verb.append(spent)
        rounds.bare.append(sorted(repeats, key=lambda one: one.cpu_s)[REPEATS // 2])
        rounds.counted += self._counted
        rounds.transactions = len(transactions)

    def _run_bare(self, counted: Sequence[Counted]) -> None:
        for one in counted:
            with self._bare.transaction(), self._bare.cursor() as cursor:
                for n in range(one.reads):
                    cursor.execute("select %s::int", (n,), prepare=True).fetchall()
                for n in range(one.writes):
                    cursor.execute(
                        "insert into bare values (%s, %s)", (n, "as long as the name of a lot"), prepare=True
                    )

    def _count(self, _c: object, _k: object, statement: str, rows: Any, _x: object, many: bool) -> None:  # noqa: FBT001
        counted = self._counted[-1]
        size = len(rows) if many else 1
        if statement.lstrip().lower().startswith(WRITES):
            counted.writes += size
        else:
            counted.reads += size

    def figures(self) -> Iterator[Figure]:
        """CPU milliseconds a transaction by verb, without the first round, which warms up."""
        for verb, rounds in self._rounds.items():
            per = 1000 / rounds.transactions
            spent, bare = rounds.verb[1:], rounds.bare[1:]
            more: dict[str, float | int | str] = {
                "application_cpu_ms": middle(per * s.own_cpu_s for s in spent),
                "postgresql_cpu_ms": middle(per * s.server_cpu_s for s in spent),
                "wall_ms": middle(per * s.wall_s for s in spent),
                "reads": middle((c.reads for c in rounds.counted), 0),
                "writes": middle((c.writes for c in rounds.counted), 0),
                "transactions": len(rounds.counted),
            }
            bare_ms = [per * s.cpu_s for s in bare]
            yield beside(verb, "ms CPU", [per * s.cpu_s for s in spent], bare_ms, more=more)
