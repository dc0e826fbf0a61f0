"""What an assembly needs, and the source substrates that could give it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from sqlalchemy import Date, bindparam, case, false, func, select, true
from sqlalchemy.orm import Session, aliased

from mes.definitions.models import AttachSite, Layout, Product, SupplyAgreement
from mes.lots.holds.models import HELD, HoldMask
from mes.lots.models import Hold, Lot, LotSubstrate, Mount, RunSource
from mes.lots.states import LotState, Progress
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate
from mes.units.positions import Mask, Shape, unpack
from mes.units.states import Disposition


@dataclass(frozen=True)
class Need:
    """One site of a target position that an operation fills, and the product that belongs there."""

    site: int
    level: int
    product_id: int
    product: str
    dummy_id: int | None = None
    dummy: str = ""
    """What belongs there where the position is bad, if anything does."""


def needs(session: Session, operation: Operation, product_id: int) -> list[Need]:
    """The sites that ``operation`` fills on a position of ``product_id``, lowest level first."""
    return filled(operation, attach_sites(session, [product_id]).get(product_id, ())) if operation.fills else []


def filled(operation: Operation, sites: Iterable[Need]) -> list[Need]:
    """Those of the sites of a product that ``operation`` fills, with dummies where it puts such."""
    wanted = {(int(site), int(level)) for site, level in operation.fills}
    here = [need for need in sites if (need.site, need.level) in wanted]
    if not operation.dummies:
        return here
    return [replace(need, product_id=need.dummy_id, product=need.dummy) for need in here if need.dummy_id is not None]


_DUMMY = aliased(Product)
_SITES = (
    select(
        AttachSite.product_id.label("of_product"), AttachSite.site, AttachSite.level, Product.id.label("die_id"),
        Product.name.label("die"), _DUMMY.id.label("dummy_id"), func.coalesce(_DUMMY.name, "").label("dummy"),
    )
    .join(Product, Product.id == AttachSite.die_product_id)
    .outerjoin(_DUMMY, _DUMMY.id == AttachSite.dummy_product_id)
    .where(AttachSite.product_id.in_(bindparam("products", expanding=True)))
    .order_by(AttachSite.level, AttachSite.site)
)  # fmt: skip


def attach_sites(session: Session, product_ids: Iterable[int]) -> dict[int, list[Need]]:
    """Every site of a position of these products, by product, lowest level first."""
    found: dict[int, list[Need]] = {}
    for row in session.execute(_SITES, {"products": list(product_ids)}):
        found.setdefault(row.of_product, []).append(
            Need(row.site, row.level, row.die_id, row.die, row.dummy_id, row.dummy)
        )
    return found


@dataclass(frozen=True)
class Source:
    """A substrate of a stocked lot with units that may be picked."""

    substrate_id: int
    name: str
    product_id: int
    lot_id: int
    lot: str
    free: Mask
    """Usable positions that no open run has reserved and no hold masks."""
    mounted_on: int | None
    """The equipment it is on."""
    in_use: bool
    """An open run may pick from it, or from another copy of the same wafer."""
    customer_id: int
    """Whose it is."""
    receivers: frozenset[int]
    """Other customers who may have units of it, by an agreement in force."""

    def serves(self, customer_id: int) -> bool:
        """Whether units of it may go into products of that customer."""
        return customer_id == self.customer_id or customer_id in self.receivers

    @cached_property
    def units(self) -> int:
        """How many units may be picked from it."""
        return int(self.free.sum())


_DAY = bindparam("day", type_=Date)
_RECEIVERS = (
    select(func.array_agg(SupplyAgreement.receiver_id))
    .where(SupplyAgreement.supplier_id == Substrate.customer_id, SupplyAgreement.product_id == Substrate.product_id)
    .where(func.coalesce(SupplyAgreement.since, _DAY) <= _DAY, func.coalesce(SupplyAgreement.until, _DAY) >= _DAY)
    .scalar_subquery()
)
"""Who may have units of a substrate, beside its owner."""
_COPY, _COPY_OF = aliased(Substrate), Substrate.part_of_id.is_not(None)
_BESIDE = (
    select(func.min(Mount.equipment_id))
    .join(_COPY, _COPY.id == Mount.substrate_id)
    .where(_COPY.part_of_id == Substrate.part_of_id, Mount.dismounted_at.is_(None))
    .correlate(Substrate)
    .scalar_subquery()
)
"""Where the wafer of a masked copy is, which all its copies share."""
_STOCKED = (
    select(
        Substrate.id, Substrate.name, Substrate.product_id, Substrate.dispositions, Layout.rows, Layout.columns,
        Lot.id.label("lot_id"), Lot.name.label("lot"), case((_COPY_OF, _BESIDE), else_=Mount.equipment_id)
        .label("equipment_id"), Substrate.customer_id, Substrate.part_of_id,
        _RECEIVERS.label("receivers"),
    )
    .join(Layout, Layout.id == Substrate.layout_id)
    .join(LotSubstrate, (LotSubstrate.substrate_id == Substrate.id) & (LotSubstrate.progress == Progress.FINISHED))
    .join(Lot, Lot.id == LotSubstrate.lot_id)
    .outerjoin(Mount, (Mount.substrate_id == Substrate.id) & Mount.dismounted_at.is_(None))
    .where(Substrate.product_id.in_(bindparam("products", expanding=True)))
    .where(~Substrate.closed, Lot.state == LotState.STOCKED, ~HELD)
    .order_by(Lot.name, Substrate.name, Substrate.id)
)  # fmt: skip
"""Substrates of products in the die bank, with who may have units of them on a day."""


def sources(session: Session, product_ids: Iterable[int], at: datetime) -> list[Source]:
    """All sources of these products that are not held as a whole, whosesoever, by the names of lot and substrate.

    They say who may have units of them at plant time ``at``.
    """
    wanted = set(product_ids)
    if not wanted:
        return []
    rows = session.execute(_STOCKED, {"products": sorted(wanted), "day": at.astimezone(UTC).date()}).all()
    taken, in_use = _not_free(session, [row.id for row in rows])
    shared = _wafers_in_use(session, {row.part_of_id for row in rows} - {None})
    found = []
    for row in rows:
        shape = (row.rows, row.columns)
        free = np.frombuffer(row.dispositions, np.uint8).reshape(shape) == Disposition.COMPLETED
        for packed in taken.get(row.id, ()):
            free &= ~unpack(packed, shape)
        found.append(
            Source(
                row.id,
                row.name,
                row.product_id,
                row.lot_id,
                row.lot,
                free,
                row.equipment_id,
                row.id in in_use or row.part_of_id in shared,
                row.customer_id,
                frozenset(row.receivers or ()),
            )
        )
    return found


_RESERVED = (
    select(RunSource.substrate_id, RunSource.positions)
    .join(Run, Run.id == RunSource.run_id)
    .where(Run.state.in_(OPEN), RunSource.substrate_id.in_(bindparam("substrates", expanding=True)))
)
_MASKED = (
    select(HoldMask.substrate_id, HoldMask.positions)
    .join(Hold, Hold.id == HoldMask.hold_id)
    .where(Hold.released_at.is_(None), HoldMask.substrate_id.in_(bindparam("substrates", expanding=True)))
)
_NOT_FREE = _RESERVED.add_columns(true()).union_all(_MASKED.add_columns(false()))


def _not_free(session: Session, substrate_ids: Sequence[int]) -> tuple[dict[int, list[bytes]], set[int]]:
    """What open runs have reserved and holds mask of these substrates, and which of them open runs may pick from."""
    found: dict[int, list[bytes]] = {}
    in_use = set()
    for substrate_id, positions, by_run in session.execute(_NOT_FREE, {"substrates": substrate_ids}):
        found.setdefault(substrate_id, []).append(positions)
        in_use |= {substrate_id} if by_run else set()
    return found, in_use


def _wafers_in_use(session: Session, wafer_ids: set[int]) -> set[int]:
    """Those multi-project wafers from a copy of which an open run may pick."""
    if not wafer_ids:
        return set()
    query = select(Substrate.part_of_id).join(RunSource, RunSource.substrate_id == Substrate.id)
    query = query.join(Run, Run.id == RunSource.run_id).where(Run.state.in_(OPEN))
    return {wafer for wafer in session.scalars(query.where(Substrate.part_of_id.in_(wafer_ids))) if wafer is not None}


def reserved(session: Session, substrate_id: int, shape: Shape) -> Mask:
    """Positions of a source that are kept for runs that are open."""
    kept = np.zeros(shape, np.bool_)
    for _, packed in session.execute(_RESERVED, {"substrates": [substrate_id]}):
        kept |= unpack(packed, shape)
    return kept
