"""Reads of durables worth a name, and their locks."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from mes.db import Locked, lock
from mes.definitions.models import DurableKind
from mes.equipment.models import Equipment
from mes.errors import Busy, NotFound
from mes.materials.durables.models import Durable


def durable_id(session: Session, name: str) -> int:
    """A durable by its number. Raises `NotFound`."""
    found = session.scalar(select(Durable.id).where(Durable.name == name))
    if found is None:
        raise NotFound(f"There is no durable {name}.")
    return found


def durable_kind(session: Session, name: str) -> DurableKind:
    """A kind of durables. Raises `NotFound` with those that there are."""
    kinds = session.scalars(select(DurableKind).order_by(DurableKind.ordinal, DurableKind.id)).all()
    found = next((kind for kind in kinds if kind.name == name), None)
    if found is None:
        there = ", ".join(kind.name for kind in kinds) or "none; the text of the plant names them (durables.yaml)"
        raise NotFound(f"There is no kind of durables {name}; the plant has {there}.")
    return found


def lock_durables(session: Session, ids: Iterable[int], equipment_id: int | None = None) -> Locked:
    """Lock durables, and an equipment before them, with their kinds read."""
    equipment = [] if equipment_id is None else [equipment_id]
    locked = lock(session, (Equipment, equipment), (Durable, list(ids)))
    wanted = {durable.kind_id for durable in locked.all(Durable)}
    kinds = {kind.id: kind for kind in session.scalars(select(DurableKind).where(DurableKind.id.in_(wanted)))}
    for durable in locked.all(Durable):
        set_committed_value(durable, "kind", kinds[durable.kind_id])
    return locked


def lock_where_it_is(session: Session, durable: int) -> Durable:
    """Lock a durable with the equipment it is mounted on, if any. Raises `Busy` where it goes elsewhere just now."""
    on = session.scalar(select(Durable.equipment_id).where(Durable.id == durable))
    found = lock_durables(session, [durable], on).one(Durable, durable)
    if found.equipment_id != on:
        raise Busy(f"Durable {found.name} is mounted or dismounted at this moment; try again.")
    return found
