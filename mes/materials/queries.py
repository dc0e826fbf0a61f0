"""Reads of material worth a name."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from mes.db import Locked, lock
from mes.definitions.models import MaterialKind
from mes.equipment.models import Equipment
from mes.errors import Busy, Malformed, NotFound
from mes.materials.models import Container, MaterialLot
from mes.people.models import Customer


def expires() -> ColumnElement[Any]:
    """When a container cannot be used any more: its shelf life or its floor life is over; null: never.

    A query with it has `MaterialLot` joined.
    """
    return func.least(MaterialLot.expires_at, Container.floor_ends_at)


def first_expires(container: Container) -> datetime | None:
    """The same of one container, with its lot read."""
    ends = (container.material_lot.expires_at, container.floor_ends_at)
    return min((end for end in ends if end is not None), default=None)


def container_id(session: Session, name: str, customer: str | None = None) -> int:
    """A container by its name, the centre's where it has one of it.

    Raises `NotFound`, or `Malformed` where it has none and several customers have one of that name.
    """
    return _one(session, Container, "container", name, customer)


def material_lot_id(session: Session, name: str, customer: str | None = None) -> int:
    """A lot of material by its name. Raises as `container_id`."""
    return _one(session, MaterialLot, "lot of material", name, customer)


def _one(session: Session, model: type[Container] | type[MaterialLot], what: str, name: str, owner: str | None) -> int:
    query = select(model.id, Customer.name).outerjoin(Customer, Customer.id == model.customer_id)
    query = query.where(model.name == name)
    found = session.execute(query if owner is None else query.where(Customer.name == owner)).all()
    if not found:
        raise NotFound(f"There is no {what} {name}.")
    of_the_centre = [row for row in found if row.name is None]
    if len(found) > 1 and not of_the_centre:
        owners = ", ".join(sorted(row.name for row in found))
        raise Malformed(f"There is a {what} {name} of {owners}; name the customer whose it is.")
    return int((of_the_centre or found)[0].id)


def owner_id(session: Session, customer: str | None) -> int | None:
    """The customer whose material it is; None is the centre. Raises `NotFound`."""
    if customer is None:
        return None
    found = session.scalar(select(Customer.id).where(Customer.name == customer))
    if found is None:
        raise NotFound(f"There is no customer {customer}.")
    return found


def kind_of(session: Session, name: str) -> MaterialKind:
    """A kind of material. Raises `NotFound` with those that there are."""
    kinds = session.scalars(select(MaterialKind).order_by(MaterialKind.ordinal, MaterialKind.id)).all()
    found = next((kind for kind in kinds if kind.name == name), None)
    if found is None:
        there = ", ".join(kind.name for kind in kinds) or "none; the text of the plant names them (materials.yaml)"
        raise NotFound(f"There is no material {name}; the plant has {there}.")
    return found


def ready_on(
    session: Session, equipment_id: int, kinds: Sequence[str], customer_id: int
) -> list[tuple[str, str, datetime]]:
    """Containers on an equipment of which a customer's lots may take, the first mounted first.

    Each with its material, and since when it may be used: it had thawed, was opened or was baked.
    """
    since = func.coalesce(Container.baked_at, Container.thawed_at, Container.opened_at, Container.mounted_at)
    query = (
        select(Container.name, MaterialKind.name, since)
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .where(Container.equipment_id == equipment_id, MaterialKind.name.in_(kinds))
        .where(Container.customer_id.is_(None) | (Container.customer_id == customer_id))
        .order_by(Container.mounted_at, Container.id)
    )
    return [(name, kind, at) for name, kind, at in session.execute(query)]


def lock_containers(session: Session, ids: Iterable[int], equipment_id: int | None = None) -> Locked:
    """Lock containers, and an equipment before them, with their lots and kinds read."""
    equipment = [] if equipment_id is None else [equipment_id]
    locked = lock(session, (Equipment, equipment), (Container, list(ids)))
    lots = {container.material_lot_id for container in locked.all(Container)}
    query = select(MaterialLot).where(MaterialLot.id.in_(lots)).options(joinedload(MaterialLot.kind))
    of = {lot.id: lot for lot in session.scalars(query)}
    for container in locked.all(Container):
        set_committed_value(container, "material_lot", of[container.material_lot_id])
    return locked


def lock_where_it_is(session: Session, container_id: int) -> Container:
    """Lock a container with the equipment it is mounted on, if any. Raises `Busy` where it goes elsewhere just now."""
    on = session.scalar(select(Container.equipment_id).where(Container.id == container_id))
    container = lock_containers(session, [container_id], on).one(Container, container_id)
    if container.equipment_id != on:
        raise Busy(f"Container {container.name} is mounted or returned at this moment; try again.")
    return container
