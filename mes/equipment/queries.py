"""Reads of equipment worth a name."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.equipment.models import Equipment
from mes.errors import NotFound


def equipment_id(session: Session, name: str) -> int:
    """An equipment. Raises `NotFound`."""
    found = session.scalar(select(Equipment.id).where(Equipment.name == name))
    if found is None:
        raise NotFound(f"There is no equipment {name}.")
    return found
