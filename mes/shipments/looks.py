"""Shipments as people and programs look at them."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mes.lots.models import Lot
from mes.people.models import Customer
from mes.shipments.models import Shipment, ShipmentLot
from mes.shipments.states import Direction, ShipmentState

_LOTS = select(func.count()).where(ShipmentLot.shipment_id == Shipment.id).scalar_subquery()
_UNITS = select(func.sum(ShipmentLot.units)).where(ShipmentLot.shipment_id == Shipment.id).scalar_subquery()

NEWEST_FIRST = (Shipment.id,)
"""Against which a list of shipments is ordered."""


def select_shipments(
    direction: Direction | None = None, state: ShipmentState | None = None
) -> Select[*tuple[Any, ...]]:  # fmt: skip
    """One row for each shipment, or for each of a direction, of a state."""
    query = select(
        Shipment.name.label("shipment"), Shipment.direction, Shipment.state, Customer.name.label("customer"),
        Shipment.partner, Shipment.reference, _LOTS.label("lots"), _UNITS.label("units"), Shipment.sent_at,
        Shipment.arrived_at, func.jsonb_array_length(Shipment.differences).label("differences"),
    ).join(Customer, Customer.id == Shipment.customer_id)  # fmt: skip
    asked = {Shipment.direction: direction, Shipment.state: state}
    return query.where(*(column == value for column, value in asked.items() if value is not None))


def look(session: Session, of: int) -> dict[str, Any]:
    """A shipment with its lots, what arrived otherwise, and the hash of its document."""
    row = session.execute(select_shipments().where(Shipment.id == of)).mappings().one()
    shipment = session.get_one(Shipment, of)
    lots = (
        select(Lot.name.label("lot"), Lot.state, ShipmentLot.substrates, ShipmentLot.units)
        .join(Lot, Lot.id == ShipmentLot.lot_id)
        .where(ShipmentLot.shipment_id == of)
        .order_by(Lot.name)
    )
    return {
        **row,
        "lots": [dict(lot) for lot in session.execute(lots).mappings()],
        "differences": shipment.differences,
        "sha256": shipment.sha256,
    }


def document(session: Session, of: int) -> str:
    """What was sent, as it was sent."""
    return session.scalars(select(Shipment.document).where(Shipment.id == of)).one()
