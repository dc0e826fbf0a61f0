"""Lots worked through the verbs, step by step; each step is a batch of transactions that can be measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from bench.database import Bench
from bench.picks import Picks
from equipment.interface.messages import NO_BIN, PASS_BIN, SubstrateResult
from equipment.interface.states import Outcome
from mes.equipment.models import Equipment
from mes.history import Act
from mes.lots.create import NewLot, create, release
from mes.lots.gate.supply import needs, sources
from mes.lots.models import Lot, LotSubstrate, RunSubstrate
from mes.lots.work import run_course
from mes.lots.work.track_in import LotPart, TrackIn, track_in
from mes.lots.work.track_out import track_out
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.arrival import Arrival
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, SubstrateMap
from mes.units.models import Substrate
from mes.units.positions import Mask, Shape, unpack

Transaction = Callable[[Session], object]
T = TypeVar("T")

SUBSTRATES = 12
"""Of every lot."""
SPARE = 1.1
"""Units mounted for each unit that an assembly needs."""
FAIL_BIN, FAIL_SHARE = 9, 0.03


@dataclass(frozen=True)
class Lots:
    """Some lots of one route and one customer on their way together."""

    bench: Bench
    route: str
    customer: str
    shape: Shape
    names: tuple[str, ...]

    def create(self) -> list[Transaction]:
        """One transaction a lot: its substrates arrive with their maps."""
        return [self._creating(name) for name in self.names]

    def _creating(self, name: str) -> Transaction:
        came = tuple(_arrival(f"{name}-{n:02d}", self.shape) for n in range(1, SUBSTRATES + 1))
        wanted, act = NewLot(name, self.customer, self.route, came), self.bench.act()
        return lambda session: create(session, wanted, act)

    def release(self) -> list[Transaction]:
        """One transaction a lot."""
        return [self._about(release, lot_id) for lot_id in self._ask(self._ids)]

    def move_to(self, number: int) -> None:
        """Put the lots before an operation of their route without working them there."""
        with self.bench.database.transaction() as session:
            operation = session.scalars(select(Operation).where(Operation.name == f"{self.route}/{number}")).one()
            ids = self._ids(session)
            session.execute(update(Lot).where(Lot.id.in_(ids)).values(operation_id=operation.id))
            members = update(LotSubstrate).where(LotSubstrate.lot_id.in_(ids))
            session.execute(members.values(operation_id=operation.id))

    def track_in(self, equipment: str, verb: Callable[..., object] = track_in) -> list[Transaction]:
        """One transaction a lot: as many substrates as the equipment takes, with sources where it assembles.

        ``verb`` may be another one that takes what `track_in` takes.
        """
        return self._ask(lambda session: self._tracking_in(session, equipment, verb))

    def _tracking_in(self, session: Session, name: str, verb: Callable[..., object]) -> list[Transaction]:
        query = select(Equipment).where(Equipment.name == name).options(joinedload(Equipment.equipment_class))
        equipment = session.scalars(query).one()
        positions = min(SUBSTRATES, equipment.equipment_class.most_substrates) * self.shape[0] * self.shape[1]
        taken: set[int] = set()
        found = []
        for lot_id in self._ids(session):
            given = _sources(session, session.get_one(Lot, lot_id), positions, taken)
            found.append(self._about(verb, TrackIn(equipment.id, (LotPart(lot_id),), given)))
        return found

    def start(self) -> list[Transaction]:
        """One transaction a run: the equipment began."""
        return [self._about(run_course.start, run_id) for run_id in self._ask(self._runs)]

    def end(self) -> list[Transaction]:
        """One transaction a run: the equipment finished."""
        return [self._about(run_course.end, run_id, "") for run_id in self._ask(self._runs)]

    def track_out(self, *, judged: bool = False) -> list[Transaction]:
        """One transaction a substrate: all that was asked for is done, with bins if ``judged``, moved from sources."""

        def read(session: Session) -> list[Transaction]:
            return [t for run_id in self._runs(session) for t in self._tracking_out(session, run_id, judged=judged)]

        return self._ask(read)

    def _tracking_out(self, session: Session, run_id: int, *, judged: bool) -> list[Transaction]:
        query = (
            select(Substrate.name, Lot.name, RunSubstrate.visit, RunSubstrate.positions)
            .join(RunSubstrate, RunSubstrate.substrate_id == Substrate.id)
            .join(Lot, Lot.id == RunSubstrate.lot_id)
            .where(RunSubstrate.run_id == run_id)
            .order_by(Substrate.name)
        )
        picks = Picks.of_run(session, run_id)
        found = []
        for substrate, lot, visit, positions in session.execute(query).all():
            asked, at = unpack(positions, self.shape), self.bench.act().at
            result = SubstrateResult(
                lot, substrate, visit, Outcome.DONE, at, at, 0.5, asked,
                bins=_bins(asked) if judged else None, transfers=picks.onto(substrate, asked),
            )  # fmt: skip
            found.append(self._about(track_out, run_id, result))
        return found

    def _about(self, verb: Callable[..., object], *arguments: object) -> Transaction:
        act: Act = self.bench.act()
        return lambda session: verb(session, *arguments, act)

    def _ask(self, read: Callable[[Session], T]) -> T:
        with self.bench.database.reading() as session:
            return read(session)

    def _ids(self, session: Session) -> list[int]:
        return list(session.scalars(select(Lot.id).where(Lot.name.in_(self.names)).order_by(Lot.id)))

    def _runs(self, session: Session) -> list[int]:
        query = select(Run.id).join(RunSubstrate, RunSubstrate.run_id == Run.id).where(Run.state.in_(OPEN))
        query = query.where(RunSubstrate.lot_id.in_(self._ids(session)))
        return list(session.scalars(query.distinct().order_by(Run.id)))


_chance = np.random.default_rng(7)


def _bins(where: Mask) -> NDArray[np.uint8]:
    bins = np.where(_chance.random(where.shape) < FAIL_SHARE, FAIL_BIN, PASS_BIN)
    return np.where(where, bins, NO_BIN).astype(np.uint8)


def _arrival(substrate: str, shape: Shape) -> Arrival:
    codes = _bins(np.ones(shape, np.bool_)).astype(np.uint16)
    definitions = (BinDefinition(PASS_BIN, quality="Pass"), BinDefinition(FAIL_BIN, quality="Fail"))
    bins = BinCodes(name="Bins", bin_type=BinType.INTEGER2, null_bin=None, codes=codes, definitions=definitions)
    return Arrival(substrate, SubstrateMap(substrate, "Wafer", "Dies", *shape, overlays=(bins,)))


def _sources(session: Session, lot: Lot, positions: int, taken: set[int]) -> tuple[int, ...]:
    """Enough of the die bank to fill these positions, not yet ``taken``; none where the operation fills nothing."""
    wanted = needs(session, session.get_one(Operation, lot.operation_id), lot.product_id)
    left: dict[int, float] = {}
    for need in wanted:
        left[need.product_id] = left.get(need.product_id, 0.0) + positions * SPARE
    given = []
    for source in sources(session, left, lot.created_at) if left else ():
        free = source.units and not source.in_use and source.substrate_id not in taken
        if left[source.product_id] > 0 and free and source.serves(lot.customer_id):
            left[source.product_id] -= source.units
            given.append(source.substrate_id)
    if any(units > 0 for units in left.values()):
        raise AssertionError("the die bank of bench/older.py is too small for this many assemblies")
    taken.update(given)
    return tuple(given)
