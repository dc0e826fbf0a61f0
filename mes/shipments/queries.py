"""Reads of shipments worth a name."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.errors import NotFound
from mes.shipments.models import Shipment


def shipment_id(session: Session, name: str) -> int:
    """A shipment. Raises `NotFound`."""
    found = session.scalar(select(Shipment.id).where(Shipment.name == name))
    if found is None:
        raise NotFound(f"There is no shipment {name}.")
    return found
