"""What stands in a shop at one moment, read in few statements by those who choose what is done next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import Layout
from mes.equipment.models import Equipment
from mes.lots.carriers.models import CarrierSlot
from mes.lots.models import FutureHold, Hold, Lot, LotSubstrate, RunLoad, RunSource, RunSubstrate
from mes.lots.states import LotState, Progress, Work
from mes.lots.verbs.models import HandChange
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN, RunState
from mes.shipments.models import Shipment
from mes.shipments.states import ShipmentState
from mes.units.models import Substrate
from mes.units.positions import unpack
from mes.units.states import USABLE, Disposition

FREE = (Progress.QUEUED, Progress.FINISHED)
"""How substrates stand that nobody works on."""
Unit = tuple[str, int, int]
"""A substrate, x and y."""


@dataclass(frozen=True)
class Member:
    """A substrate in a lot, and what is at its positions."""

    name: str
    substrate_id: int
    progress: str
    operation: str
    columns: int
    dispositions: bytes

    def at(self, *kinds: int) -> list[tuple[int, int]]:
        """Its positions of these dispositions, row by row."""
        found = (divmod(n, self.columns) for n, code in enumerate(self.dispositions) if code in kinds)
        return [(x, y) for y, x in found]


@dataclass(frozen=True)
class Waiting:
    """A substrate that a run waits for, or did when it was closed."""

    run: Run
    operation: Operation
    lot: str
    lot_id: int
    substrate: str
    visit: int
    asked: NDArray[np.bool_]
    before: int
    """How many units that the run asked for stand on substrates before it."""

    @property
    def units(self) -> list[Unit]:
        """Those asked for of it, row by row."""
        return [(self.substrate, int(x), int(y)) for y, x in np.argwhere(self.asked)]


@dataclass(frozen=True)
class Plant:
    """What stays as it is, by id; equipment by name."""

    operations: dict[int | None, Operation]
    equipment: dict[str, int]
    customers: dict[int, str]


@dataclass
class Seen:
    """All that there is to do something to."""

    plant: Plant
    lots: list[Lot]
    members: dict[int, list[Member]] = field(default_factory=lambda: defaultdict(list))
    """By lot, those that are not used up, by name."""
    holds: list[Hold] = field(default_factory=list)
    """Those that stand."""
    future: list[FutureHold] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    """Open ones."""
    waiting: list[Waiting] = field(default_factory=list)
    late: list[Waiting] = field(default_factory=list)
    """Of closed runs, what was never told."""
    sources: dict[int, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    """By run, what it may pick, in order."""
    loads: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By run, what it fills, in order."""
    shipments: list[Shipment] = field(default_factory=list)
    """On their way."""
    changed: dict[int, list[HandChange]] = field(default_factory=lambda: defaultdict(list))
    """By lot, what people changed on its maps and did not take back, the last one last."""
    carriers: dict[int, int] = field(default_factory=dict)
    """By lot, one in which it stands."""

    def held(self, lot: Lot, *codes: str) -> bool:
        """Whether a hold of the whole lot stands, of those codes if any are named."""
        standing = (one for one in self.holds if one.lot_id == lot.id and not one.masked)
        return any(not codes or one.code in codes for one in standing)

    def free(self, lot: Lot, *kinds: int) -> list[Member]:
        """What nobody works on; with kinds of dispositions only that which has such positions."""
        free = [one for one in self.members[lot.id] if one.progress in FREE]
        return [one for one in free if not kinds or one.at(*kinds)]

    def queued(self, lot: Lot) -> list[Member]:
        """What waits where the lot stands."""
        here = self.operation(lot)
        return [one for one in self.members[lot.id] if one.progress == Progress.QUEUED and one.operation == here]

    def operation(self, lot: Lot) -> str:
        """Where it stands; nothing where it is not on its route."""
        return self.plant.operations[lot.operation_id].name if lot.operation_id is not None else ""

    def busy(self, equipment_id: int) -> int:
        """How many open runs an equipment has."""
        return sum(run.equipment_id == equipment_id for run in self.runs)

    def wafers(self, lot: Lot) -> list[Member]:
        """Stocked ones of which another product may be made."""
        stocked = [one for one in self.lots if one.state == LotState.STOCKED and one.product_id != lot.product_id]
        return [wafer for one in stocked if not self.held(one) for wafer in self.free(one, *USABLE)]

    def ahead(self, lot: Lot) -> list[str]:
        """The operations of its route after the one where it stands."""
        of = self.plant.operations
        here = of[lot.operation_id].number if lot.operation_id is not None else 0
        return [one.name for one in of.values() if one.route_version_id == lot.route_version_id and one.number > here]

    def suspect(self, lot: Lot) -> bool:
        """Whether there are doubts about any of its units."""
        return bool(self.free(lot, Disposition.SUSPECT))


def plant(session: Session) -> Plant:
    """What stays as it is."""
    return Plant(
        {one.id: one for one in session.scalars(select(Operation))},
        {one.name: one.id for one in session.execute(select(Equipment.name, Equipment.id))},
        {one.id: one.name for one in session.execute(select(Customer.id, Customer.name))},
    )


def look(session: Session, of: Plant) -> Seen:
    """Everything, in the order of its ids."""
    seen = Seen(of, [*session.scalars(select(Lot).order_by(Lot.id))])
    for lot_id, member in _members(session, seen):
        seen.members[lot_id].append(member)
    seen.holds = [*session.scalars(select(Hold).where(Hold.released_at.is_(None)).order_by(Hold.id))]
    planned = select(FutureHold).where(FutureHold.ended_at.is_(None)).order_by(FutureHold.id)
    seen.future = [*session.scalars(planned)]
    seen.runs = [*session.scalars(select(Run).where(Run.state.in_(OPEN)).order_by(Run.id))]
    _look_at_runs(session, seen)
    sent = select(Shipment).where(Shipment.state == ShipmentState.IN_TRANSIT).order_by(Shipment.id)
    seen.shipments = [*session.scalars(sent)]
    changes = session.scalars(select(HandChange).order_by(HandChange.id)).all()
    back = {(one.lot_id, one.reverses_n) for one in changes}
    for change in changes:
        if change.reverses_n is None and (change.lot_id, change.n) not in back:
            seen.changed[change.lot_id].append(change)
    stand = select(LotSubstrate.lot_id, CarrierSlot.carrier_id)
    stand = stand.join(CarrierSlot, CarrierSlot.substrate_id == LotSubstrate.substrate_id)
    seen.carriers = {row.lot_id: row.carrier_id for row in session.execute(stand.order_by(CarrierSlot.id))}
    return seen


def _members(session: Session, seen: Seen) -> Iterator[tuple[int, Member]]:
    query = select(
        LotSubstrate.lot_id, Substrate.name, Substrate.id, LotSubstrate.progress, LotSubstrate.operation_id,
        Layout.columns, Substrate.dispositions,
    )  # fmt: skip
    query = query.join(Substrate, Substrate.id == LotSubstrate.substrate_id)
    query = query.join(Layout, Layout.id == Substrate.layout_id).where(LotSubstrate.progress != Progress.CLOSED)
    for lot_id, name, number, progress, operation_id, columns, on_it in session.execute(query.order_by(Substrate.name)):
        waits_at = seen.plant.operations[operation_id].name if operation_id is not None else ""
        yield lot_id, Member(name, number, progress, waits_at, columns, on_it)


def _look_at_runs(session: Session, seen: Seen) -> None:
    """What runs wait for, or never told of before they were closed; what those pick and fill."""
    query = select(Run, RunSubstrate, RunSubstrate.positions, Substrate.name, Layout.rows, Layout.columns, Lot.name)
    query = query.join(RunSubstrate, RunSubstrate.run_id == Run.id).join(Lot, Lot.id == RunSubstrate.lot_id)
    query = query.join(Substrate, Substrate.id == RunSubstrate.substrate_id)
    query = query.join(Layout, Layout.id == Substrate.layout_id)
    query = query.where(Run.state.in_(OPEN) | (RunSubstrate.work == Work.NOT_DONE)).order_by(Substrate.name)
    before: Counter[int] = Counter()
    for run, work, packed, name, rows, columns, lot in session.execute(query):
        asked, of = unpack(packed, (rows, columns)), seen.plant.operations[run.operation_id]
        one = Waiting(run, of, lot, work.lot_id, name, work.visit, asked, before[run.id])
        if work.work in (Work.WAITING, Work.NOT_DONE):
            (seen.waiting if run.state in OPEN else seen.late).append(one)
        before[run.id] += int(asked.sum())
    picks = select(RunSource.run_id, RunSource.positions, Substrate.name, Layout.rows, Layout.columns)
    picks = picks.join(Substrate, Substrate.id == RunSource.substrate_id).join(Layout, Layout.id == Substrate.layout_id)
    picks = picks.where(RunSource.run_id.in_(before)).order_by(RunSource.ordinal)
    for run_id, packed, name, rows, columns in session.execute(picks):
        reserved = np.argwhere(unpack(packed, (rows, columns)))
        seen.sources[run_id] += [(name, int(x), int(y)) for y, x in reserved]
    fills = select(RunLoad.run_id, Substrate.name).join(Substrate, Substrate.id == RunLoad.substrate_id)
    for run_id, name in session.execute(fills.where(RunLoad.run_id.in_(before)).order_by(RunLoad.ordinal)):
        seen.loads[run_id].append(name)


def ordered(seen: Seen) -> list[Run]:
    """Runs whose equipment has not begun."""
    return [run for run in seen.runs if run.state == RunState.ORDERED]


def idle(seen: Seen) -> list[Run]:
    """Runs that wait for nothing any more."""
    waits = {one.run.id for one in seen.waiting}
    return [run for run in seen.runs if run.id not in waits]
