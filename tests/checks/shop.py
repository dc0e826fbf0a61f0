"""A shop in miniature, worked by hand through the verbs: two wafers of dies, an interposer, two boats.

Dies of two owners are placed on two sites of an interposer, the filled interposer is diced into boats, and the
modules are tested. The same work is done to the hidden truth, and its records are stored, as equipment and connector
would do it.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.codec import record_text, sha256_of
from equipment.interface.messages import JobOrder, JobSubstrate, PositionMap, Record, SubstrateResult
from equipment.interface.states import MapRole, Outcome
from equipment.sim.world import Happened, Truths, World
from mes.db import Database
from mes.definitions.models import Layout
from mes.equipment.models import Equipment
from mes.history import Act
from mes.jobs.models import Journal, ReceivedRecord
from mes.lots.create import NewLot, create, release
from mes.lots.models import Lot, LotSubstrate, RunLoad, RunSource, RunSubstrate
from mes.lots.taking import pull_sample
from mes.lots.work import run_course
from mes.lots.work.track_in import LotPart, TrackIn, track_in
from mes.lots.work.track_out import track_out
from mes.runs.models import Run
from mes.units.arrival import Arrival
from mes.units.models import Substrate
from mes.units.positions import unpack
from tests.shop import BEGIN, LOST, PLACED, PUT_BACK, REJECTED, SHA256, Move, build_plant, transfers


@dataclass
class Shop:
    """The miniature at work, truth and all. Every step is an hour after the one before."""

    session: Session
    world: World
    hours: int = 0
    sequence: int = 0
    lots: dict[str, int] = field(default_factory=dict)

    def act(self, why: str = "") -> Act:
        """The next hour."""
        self.hours += 1
        return Act("tester", BEGIN + timedelta(hours=self.hours), why)

    def lot(self, name: str, customer: str, route: str, substrate: str) -> None:
        """Create and release a lot of one substrate, all of whose positions hold a unit."""
        lot = create(self.session, NewLot(name, customer, route, (Arrival(substrate),)), self.act())
        release(self.session, lot.id, self.act())
        self.lots[name] = lot.id

    def work(
        self,
        lot: str,
        moves: tuple[Move, ...] = (),
        sources: tuple[str, ...] = (),
        bins: dict[str, list[int]] | None = None,
    ) -> None:
        """One run of all that waits of a lot: ordered, begun, done to the truth, reported, ended."""
        source_ids = tuple(self.id_of(name) for name in sources)
        cell = self.session.scalars(select(Equipment.id).where(Equipment.name == "CELL-1")).one()
        run = track_in(self.session, TrackIn(cell, (LotPart(self.lots[lot]),), source_ids), self.act())
        self.session.flush()
        order, maps = self._order(run)
        self.world.see(maps.values())
        run_course.start(self.session, run.id, self.act())
        for part in order.substrates:
            told = (bins or {}).get(part.substrate)
            mine = tuple(m for m in moves if part.substrate in (m[0], m[3]))
            self._report(run, order, part, maps[part.substrate].allowed, mine, told)
        run_course.end(self.session, run.id, "", self.act())
        self.session.flush()

    def id_of(self, substrate: str) -> int:
        """The id of a substrate."""
        return self.session.scalars(select(Substrate.id).where(Substrate.name == substrate)).one()

    def _order(self, run: Run) -> tuple[JobOrder, dict[str, PositionMap]]:
        """The order of a run and its position maps, as the connector would send them."""
        maps, parts = {}, []
        query = select(Substrate, RunSubstrate).join(RunSubstrate, RunSubstrate.substrate_id == Substrate.id)
        for substrate, work in self.session.execute(query.where(RunSubstrate.run_id == run.id)):
            lot = self.session.get_one(Lot, work.lot_id)
            parts.append(JobSubstrate(lot.name, substrate.name, work.visit))
            maps[substrate.name] = self._map(substrate, MapRole.WORK, work.positions)
        given = select(Substrate, RunSource.positions).join(RunSource, RunSource.substrate_id == Substrate.id)
        for substrate, positions in self.session.execute(given.where(RunSource.run_id == run.id)):
            maps[substrate.name] = self._map(substrate, MapRole.SOURCE, positions)
        filled = select(Substrate).join(RunLoad, RunLoad.substrate_id == Substrate.id)
        for substrate in self.session.scalars(filled.where(RunLoad.run_id == run.id)):
            maps[substrate.name] = self._map(substrate, MapRole.LOAD, b"\xff")
        return JobOrder(run.name, "", "bond@1", SHA256, (), tuple(parts)), maps

    def _map(self, substrate: Substrate, role: MapRole, packed: bytes) -> PositionMap:
        layout = self.session.get_one(Layout, substrate.layout_id)
        return PositionMap(substrate.name, role, unpack(packed, (layout.rows, layout.columns)))

    def _report(
        self, run: Run, order: JobOrder, part: JobSubstrate, allowed: NDArray[np.bool_], moves: tuple[Move, ...],
        bins: list[int] | None,
    ) -> None:  # fmt: skip
        act = self.act()
        result = SubstrateResult(
            part.lot, part.substrate, part.visit, Outcome.DONE, act.at, act.at, 0.5, allowed,
            bins=None if bins is None else np.array(bins, np.uint8).reshape(allowed.shape),
            transfers=transfers(moves) if moves else None,
        )  # fmt: skip
        names = {part.substrate} | {m[0] for m in moves} | {m[3] for m in moves}

        def work(truths: Truths) -> Happened:
            return Happened(result, {}, frozenset(_move(truths, moves)))

        self.world.once("CELL-1", order, part, names, work)
        self._store(run, result, act)
        track_out(self.session, run.id, result, act)

    def _store(self, run: Run, result: SubstrateResult, act: Act) -> None:
        journal = self.session.scalars(select(Journal)).one_or_none()
        if journal is None:
            cell = self.session.scalars(select(Equipment.id).where(Equipment.name == "CELL-1")).one()
            journal = Journal(equipment_id=cell, name="j-1", boot="b-1")
            self.session.add(journal)
            self.session.flush()
        self.sequence += 1
        journal.received = self.sequence
        body = record_text(Record(journal.name, self.sequence, act.at, run.name, result))
        self.session.add(
            ReceivedRecord(
                journal_id=journal.id, sequence=self.sequence, kind="result", run=run.name, happened_at=act.at,
                sha256=sha256_of(body), body=body, state="applied",
            )
        )  # fmt: skip


def _move(truths: Truths, moves: tuple[Move, ...]) -> set[str]:
    for source, from_x, from_y, target, to_x, to_y, site, level, _, outcome in moves:
        if outcome == PUT_BACK:
            continue
        truths[source].present[from_y, from_x] = False
        if outcome == PLACED:
            layer = truths[target].layer(site, level)
            layer.source[to_y, to_x] = layer.index_of(source)
            layer.from_x[to_y, to_x], layer.from_y[to_y, to_x] = from_x, from_y
            truths[target].present[to_y, to_x] |= truths[target].is_load
    return set(truths)


PLACEMENTS: tuple[Move, ...] = (
    ("W1", 0, 0, "I1", 0, 0, 1, 1, 0, PLACED),
    ("W2", 0, 0, "I1", 0, 0, 2, 1, 1, PUT_BACK),
    ("W2", 0, 0, "I1", 0, 0, 2, 1, 1, PLACED),
    ("W1", 1, 0, "I1", 1, 0, 1, 1, 0, PLACED),
    ("W2", 1, 0, "I1", 1, 0, 2, 1, 1, REJECTED),
    ("W2", 2, 0, "I1", 1, 0, 2, 1, 1, PLACED),
    ("W1", 2, 0, "I1", 0, 1, 1, 1, 0, LOST),
    ("W1", 3, 0, "I1", 0, 1, 1, 1, 0, PLACED),
    ("W2", 3, 0, "I1", 0, 1, 2, 1, 1, PLACED),
    ("W1", 0, 1, "I1", 1, 1, 1, 1, 0, PLACED),
    ("W2", 1, 1, "I1", 1, 1, 2, 1, 1, PLACED),
)
DICED: tuple[Move, ...] = (
    ("I1", 0, 0, "P.01", 0, 0, 0, 0, 0, PLACED),
    ("I1", 1, 0, "P.01", 1, 0, 0, 0, 0, PLACED),
    ("I1", 0, 1, "P.02", 0, 0, 0, 0, 0, LOST),
    ("I1", 1, 1, "P.02", 0, 0, 0, 0, 0, PLACED),
)


def run_shop(database: Database, truth: Path) -> None:
    """All of it: W1 is beta's and W2 alpha's; of four packages one is lost, one fails, two are completed."""
    world = World(truth)
    with database.transaction() as session:
        build_plant(session)
        shop = Shop(session, world)
        shop.lot("D1", "beta", "die", "W1")
        shop.lot("D2", "alpha", "die", "W2")
        shop.lot("P", "alpha", "package", "I1")
        shop.work("D1")
        shop.work("D2")
        pull_sample(session, shop.lots["D2"], "W2", [(0, 1)], shop.act("cross section"))
        shop.work("P", PLACEMENTS, ("W1", "W2"))
        loads = {m[3] for m in DICED}
        shop.work("P", DICED)
        assert loads == {name for (name,) in session.execute(select(Substrate.name).where(Substrate.kind == "boat"))}
        shop.work("P", bins={"P.01": [1, 2], "P.02": [1, 0]})
        assert session.scalars(select(LotSubstrate.progress).where(LotSubstrate.progress == "queued")).all() == []
    world.close()
