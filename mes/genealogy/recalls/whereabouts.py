"""Where the units are that a cause touched: by lot, how many, what became of them, and who has them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from mes.definitions.models import Layout, Product
from mes.genealogy.recalls.causes import Cause
from mes.genealogy.recalls.reach import Numbers, by_substrate
from mes.lots.carriers.models import Carrier, CarrierSlot
from mes.lots.carriers.queries import IN_USE
from mes.lots.holds.hold import NOTHING_LEFT
from mes.lots.holds.models import HoldMask, Recall
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.states import GONE, LotState, Progress
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.shipments.models import Shipment, ShipmentLot
from mes.shipments.states import Direction
from mes.units.models import Substrate
from mes.units.positions import Mask, unpack
from mes.units.states import THERE, Disposition

Row = dict[str, Any]

NEVER_UNITS = (Disposition.NO_UNIT, Disposition.NOT_FOR_USE)


@dataclass
class Concerned:
    """A lot that has, or was the last to have, units that a cause touched."""

    lot_id: int
    lot: str
    customer: str
    product: str
    state: str
    operation: str | None
    of: int = 0
    """Units that are there in the whole lot, touched or not."""
    now: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    """By substrate, the dispositions of touched units; no unit where none was touched."""
    ids: dict[str, int] = field(default_factory=dict)
    """Of these substrates."""
    holds: list[int] = field(default_factory=list)
    """Standing holds of recalls of the same cause."""
    held: dict[int, Mask] = field(default_factory=dict)
    """By substrate id, what these mask."""
    wholly: bool = False
    """One of them holds the whole lot."""
    carriers: list[str] = field(default_factory=list)
    receiver: str | None = None
    """Who has it, where it has left."""
    shipment: str | None = None
    left_at: datetime | None = None

    @cached_property
    def units(self) -> dict[str, Mask]:
        """By substrate, touched units that are there."""
        found = {name: np.isin(now, THERE) for name, now in self.now.items()}
        return {name: there for name, there in found.items() if there.any()}

    @property
    def there(self) -> int:
        """How many these are."""
        return sum(int(mask.sum()) for mask in self.units.values())

    @property
    def open(self) -> dict[int, Mask]:
        """By substrate id, units that a hold would stop and none of these holds does."""
        if self.wholly or self.state in NOTHING_LEFT:
            return {}
        units = {self.ids[name]: mask for name, mask in self.units.items()}
        free = {i: mask & ~self.held[i] if i in self.held else mask for i, mask in units.items()}
        return {i: mask for i, mask in free.items() if mask.any()}

    @property
    def became(self) -> dict[str, int]:
        """What became of the touched units that are not there, by disposition."""
        sizes = [np.bincount(now.ravel(), minlength=len(Disposition)) for now in self.now.values()]
        gone = (one for one in Disposition if one not in (*THERE, *NEVER_UNITS))
        counts = {one.name.lower(): sum(int(size[one]) for size in sizes) for one in gone}
        return {name: count for name, count in counts.items() if count}

    def row(self, *, in_full: bool = False) -> Row:
        """As it is told; ``in_full``: with the position of every unit."""
        row: Row = {
            "lot": self.lot, "customer": self.customer, "product": self.product, "state": self.state,
            "operation": self.operation, "carriers": self.carriers, "substrates": len(self.now), "units": self.there,
            "of": self.of, "became": self.became, "holds": self.holds,
            "open": sum(int(mask.sum()) for mask in self.open.values()),
            "receiver": self.receiver, "shipment": self.shipment, "left_at": self.left_at,
        }  # fmt: skip
        if in_full:
            row["positions"] = {name: _positions(now) for name, now in self.now.items()}
        return row


def _positions(now: NDArray[np.uint8]) -> dict[str, list[list[int]]]:
    """By what they are, x and y of units."""
    return {
        one.name.lower(): np.argwhere(now == one)[:, ::-1].tolist()
        for one in Disposition
        if one not in NEVER_UNITS and (now == one).any()
    }


def whereabouts(session: Session, places: Numbers, cause: Cause) -> list[Concerned]:
    """The lots that have the units of these places, by owner and name. As many statements for many as for one."""
    on = by_substrate(places)
    lots = _lots(session, on.keys())
    _count(session, lots, on)
    _tell_holds(session, lots, cause)
    _tell_carriers(session, lots)
    _tell_receivers(session, lots)
    return sorted(lots.values(), key=lambda one: (one.customer, one.lot))


_MEMBER = aliased(LotSubstrate)
_LAST = (
    select(_MEMBER.lot_id)
    .where(_MEMBER.substrate_id == Substrate.id)
    .order_by(_MEMBER.progress == Progress.CLOSED, _MEMBER.lot_id.desc())
    .limit(1)
    .correlate(Substrate)
    .scalar_subquery()
)
"""The lot that has a substrate, or had it last."""


def lots_with(session: Session, substrate_ids: Collection[int]) -> set[int]:
    """The lots that have these substrates, or had them last."""
    return set(session.scalars(select(_LAST).where(Substrate.id.in_(substrate_ids))))


def _lots(session: Session, substrate_ids: Collection[int]) -> dict[int, Concerned]:
    query = (
        select(Lot.id, Lot.name, Customer.name, Product.name, Lot.state, Operation.name)
        .join(Customer, Customer.id == Lot.customer_id)
        .join(Product, Product.id == Lot.product_id)
        .outerjoin(Operation, Operation.id == Lot.operation_id)
        .where(Lot.id.in_(lots_with(session, substrate_ids)))
    )
    return {row[0]: Concerned(*row) for row in session.execute(query)}


def _count(session: Session, lots: Mapping[int, Concerned], on: Mapping[int, tuple[Numbers, Numbers]]) -> None:
    """Count the units of the lots' substrates, and of these that were touched."""
    query = (
        select(Substrate.id, Substrate.name, Substrate.dispositions, Layout.rows, Layout.columns, LotSubstrate.lot_id,
               LotSubstrate.progress)
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .join(Layout, Layout.id == Substrate.layout_id)
        .where(LotSubstrate.lot_id.in_(lots), LotSubstrate.lot_id == _LAST)
        .where(or_(LotSubstrate.progress != Progress.CLOSED, Substrate.id.in_(on)))
        .order_by(Substrate.name)
    )  # fmt: skip
    for row in session.execute(query):
        lot = lots[row.lot_id]
        now = np.frombuffer(row.dispositions, np.uint8).reshape(row.rows, row.columns)
        there = np.isin(now, THERE)
        lot.of += int(there.sum())
        if row.id not in on:
            continue
        x, y = on[row.id]
        inside = (x < row.columns) & (y < row.rows)
        touched = lot.now[row.name] = np.zeros_like(now)
        touched[y[inside], x[inside]] = now[y[inside], x[inside]]
        lot.ids[row.name] = row.id


def _tell_holds(session: Session, lots: Mapping[int, Concerned], cause: Cause) -> None:
    """The standing holds of recalls of the cause, and what they mask."""
    query = (
        select(Hold.id, Hold.lot_id, Hold.masked, HoldMask.substrate_id, HoldMask.positions)
        .join(Recall, Recall.id == Hold.recall_id)
        .outerjoin(HoldMask, HoldMask.hold_id == Hold.id)
        .where(Recall.cause == cause.given(), Hold.released_at.is_(None), Hold.lot_id.in_(lots))
        .order_by(Hold.id)
    )
    for row in session.execute(query):
        lot = lots[row.lot_id]
        lot.holds = sorted({*lot.holds, row.id})
        lot.wholly |= not row.masked
        for name, mask in lot.units.items():
            if lot.ids[name] == row.substrate_id:
                lot.held[row.substrate_id] = unpack(row.positions, mask.shape) | lot.held.get(row.substrate_id, False)


def _tell_carriers(session: Session, lots: Mapping[int, Concerned]) -> None:
    query = select(LotSubstrate.lot_id, func.array_agg(Carrier.name.distinct())).join(CarrierSlot, IN_USE)
    query = query.join(Carrier, Carrier.id == CarrierSlot.carrier_id).where(LotSubstrate.lot_id.in_(lots))
    for lot_id, names in session.execute(query.group_by(LotSubstrate.lot_id)):
        lots[lot_id].carriers = sorted(names)


def _tell_receivers(session: Session, lots: Mapping[int, Concerned]) -> None:
    """Who has lots that have left: the receiver of their last shipment, or their owner where they were returned."""
    gone = [one.lot_id for one in lots.values() if one.state in GONE]
    query = (
        select(ShipmentLot.lot_id, Shipment.partner, Shipment.name, Shipment.sent_at)
        .join(Shipment, Shipment.id == ShipmentLot.shipment_id)
        .where(ShipmentLot.lot_id.in_(gone), Shipment.direction == Direction.SENT)
        .order_by(Shipment.sent_at, Shipment.id)
    )
    for row in session.execute(query) if gone else ():
        lot = lots[row.lot_id]
        lot.receiver, lot.shipment, lot.left_at = row.partner, row.name, row.sent_at
    for lot in lots.values():
        if lot.state == LotState.RETURNED:
            lot.receiver = lot.customer
