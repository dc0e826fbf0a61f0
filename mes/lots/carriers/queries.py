"""Reads of carriers worth a name: what stands in them, and how the carriers of lots agree with the lots."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, case, func, select
from sqlalchemy.orm import Session

from mes.errors import NotFound
from mes.lots.carriers.models import Carrier, CarrierSlot
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import Progress
from mes.people.models import Customer
from mes.units.models import Substrate
from mes.units.states import THERE

Row = dict[str, Any]
IN_USE = and_(LotSubstrate.substrate_id == CarrierSlot.substrate_id, LotSubstrate.progress != Progress.CLOSED)
"""Joins a slot with the lot that its substrate is in; a substrate that is used up is in none."""
STANDS: ColumnElement[bool] = (
    select(CarrierSlot.id).join(LotSubstrate, IN_USE).where(LotSubstrate.lot_id == Lot.id).correlate(Lot).exists()
)
"""Whether anything of a lot stands in a carrier."""


def carrier_id(session: Session, name: str) -> int:
    """A carrier. Raises `NotFound`."""
    found = session.scalar(select(Carrier.id).where(Carrier.name == name))
    if found is None:
        raise NotFound(f"There is no carrier {name}.")
    return found


def select_carriers(at: datetime) -> Select[*tuple[Any, ...]]:
    """One row for each carrier as it is at plant time ``at``, to be ordered by name."""
    used = select(func.count()).where(CarrierSlot.carrier_id == Carrier.id).join(LotSubstrate, IN_USE)
    return select(
        Carrier.name.label("carrier"), Carrier.kind, Carrier.slots,
        used.select_from(CarrierSlot).scalar_subquery().label("used"), Carrier.location, Carrier.clean_until,
        case((Carrier.clean_until <= at, True), else_=False).label("unclean"),
    )  # fmt: skip


def look(session: Session, carrier_id: int, at: datetime) -> Row:
    """One carrier with what stands in its slots."""
    row = session.execute(select_carriers(at).where(Carrier.id == carrier_id)).mappings().one()
    query = (
        select(
            CarrierSlot.slot, Substrate.name.label("substrate"), Lot.name.label("lot"),
            Customer.name.label("customer"), Substrate.dispositions, Substrate.assumed_map,
        )
        .join(LotSubstrate, IN_USE)
        .join(Substrate, Substrate.id == CarrierSlot.substrate_id)
        .join(Lot, Lot.id == LotSubstrate.lot_id)
        .join(Customer, Customer.id == Lot.customer_id)
        .where(CarrierSlot.carrier_id == carrier_id)
        .order_by(CarrierSlot.slot)
    )  # fmt: skip
    return {**row, "contents": [_counted(one) for one in session.execute(query).mappings()]}


def _counted(slot: RowMapping) -> Row:
    """What stands in a slot, with the units that are still on it by its map."""
    told = dict(slot)
    positions: bytes = told.pop("dispositions")
    return told | {"units": sum(positions.count(disposition) for disposition in THERE)}


@dataclass(frozen=True)
class Carried:
    """How a lot stands in carriers."""

    carriers: tuple[Carrier, ...]
    """By name."""
    bare: tuple[str, ...]
    """Its substrates that wait and stand in none, though others do."""
    beside: tuple[tuple[str, str], ...]
    """Carrier and lot, where substrates of another lot stand beside them."""


def carried(session: Session, lot_ids: Collection[int]) -> dict[int, Carried]:
    """By lot, how those stand of which anything is in a carrier; the others are left out.

    While units go over to other substrates, such as loads of boats, those are judged that they leave.
    """
    here = select(LotSubstrate.lot_id, LotSubstrate.form, CarrierSlot.carrier_id).join(CarrierSlot, IN_USE).distinct()
    of_form: dict[int, dict[int, set[int]]] = {}
    for lot, form, carrier in session.execute(here.where(LotSubstrate.lot_id.in_(lot_ids))):
        of_form.setdefault(lot, {}).setdefault(form, set()).add(carrier)
    if not of_form:
        return {}
    forms = {lot: min(some) for lot, some in of_form.items()}
    of_lot = {lot: some[forms[lot]] for lot, some in of_form.items()}
    ids = {carrier for some in of_lot.values() for carrier in some}
    carriers = session.scalars(select(Carrier).where(Carrier.id.in_(ids)).order_by(Carrier.name)).all()
    beside = _lots_in(session, ids)
    bare = _bare(session, forms)
    return {
        lot: Carried(
            tuple(one for one in carriers if one.id in some), tuple(bare.get(lot, ())),
            tuple((one.name, name) for one in carriers if one.id in some
                  for other, name in beside[one.id] if other != lot),
        )
        for lot, some in of_lot.items()
    }  # fmt: skip


def _lots_in(session: Session, carrier_ids: Collection[int]) -> dict[int, list[tuple[int, str]]]:
    """By carrier, the lots of which anything stands in it."""
    query = (
        select(CarrierSlot.carrier_id, Lot.id, Lot.name)
        .join(LotSubstrate, IN_USE)
        .join(Lot, Lot.id == LotSubstrate.lot_id)
        .where(CarrierSlot.carrier_id.in_(carrier_ids))
        .distinct()
        .order_by(Lot.name, Lot.id)
    )
    found: dict[int, list[tuple[int, str]]] = {}
    for carrier, lot, name in session.execute(query):
        found.setdefault(carrier, []).append((lot, name))
    return found


def _bare(session: Session, forms: Mapping[int, int]) -> dict[int, list[str]]:
    """By lot, its substrates of a form that wait and stand in no carrier."""
    query = (
        select(LotSubstrate.lot_id, LotSubstrate.form, Substrate.name)
        .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
        .outerjoin(CarrierSlot, CarrierSlot.substrate_id == LotSubstrate.substrate_id)
        .where(LotSubstrate.lot_id.in_(forms), LotSubstrate.progress.in_((Progress.QUEUED, Progress.FINISHED)))
        .where(CarrierSlot.id.is_(None))
        .order_by(Substrate.name)
    )
    found: dict[int, list[str]] = {}
    for lot, form, name in session.execute(query):
        if form == forms[lot]:
            found.setdefault(lot, []).append(name)
    return found
