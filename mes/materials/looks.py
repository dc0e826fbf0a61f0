"""Material as people and programs look at it: kinds, lots, and containers with what is left and how long they last."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import MaterialKind
from mes.equipment.models import Equipment
from mes.materials.models import Container, MaterialLot
from mes.materials.queries import expires
from mes.materials.states import ContainerState
from mes.people.models import Customer

Row = dict[str, Any]
ENDED = (ContainerState.EMPTY, ContainerState.SCRAPPED)
"""States of containers in which nothing is left."""


def select_kinds() -> Select[*tuple[Any, ...]]:
    """One row for each kind of material, to be ordered by name."""
    return select(
        MaterialKind.name.label("material"), MaterialKind.title, MaterialKind.unit, MaterialKind.thaw_s,
        MaterialKind.floor_life_s, MaterialKind.bake_s, MaterialKind.bakes, MaterialKind.certificate,
    )  # fmt: skip


def select_material_lots() -> Select[*tuple[Any, ...]]:
    """One row for each lot of material, to be ordered by name and id."""
    return (
        select(
            MaterialLot.name.label("lot"), MaterialKind.name.label("material"), Customer.name.label("customer"),
            MaterialLot.supplier, MaterialLot.certificate, MaterialLot.expires_at, MaterialLot.received_at,
        )
        .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .outerjoin(Customer, Customer.id == MaterialLot.customer_id)
    )  # fmt: skip


def select_containers(at: datetime) -> Select[*tuple[Any, ...]]:
    """One row for each container as it is at plant time ``at``, to be ordered by name and id."""
    over = case((expires() <= at, True), else_=False)
    return (
        select(
            Container.name.label("container"), MaterialKind.name.label("material"), MaterialLot.name.label("lot"),
            Customer.name.label("customer"), Container.state, MaterialKind.unit, Container.received,
            Container.remainder, Container.thawed_at, Container.baked_at, Container.floor_ends_at,
            expires().label("expires_at"),
            and_(over, Container.state.not_in(ENDED)).label("expired"), Equipment.name.label("equipment"),
            Container.mounted_at,
        )
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .outerjoin(Customer, Customer.id == Container.customer_id)
        .outerjoin(Equipment, Equipment.id == Container.equipment_id)
    )  # fmt: skip


def wanted(
    query: Select[*tuple[Any, ...]], *, material: str | None = None, state: str | None = None,
    equipment: str | None = None, customer: str | None = None, lot: str | None = None, named: str | None = None,
    ended: bool | None = None,
) -> Select[*tuple[Any, ...]]:  # fmt: skip
    """Those of the containers that are asked for."""
    if material is not None:
        query = query.where(MaterialKind.name == material)
    if state is not None:
        query = query.where(Container.state == state)
    if equipment is not None:
        query = query.where(Equipment.name == equipment)
    if customer is not None:
        query = query.where(Customer.name == customer)
    if lot is not None:
        query = query.where(MaterialLot.name == lot)
    if named is not None:
        query = query.where(func.lower(Container.name).contains(named.lower(), autoescape=True))
    if ended is not None:
        query = query.where(Container.state.in_(ENDED) if ended else Container.state.not_in(ENDED))
    return query


def look(session: Session, container_id: int, at: datetime) -> Row:
    """One container, with the lot it came in."""
    ours = (Container.consumed, Container.scrapped, Container.opened_at, Container.bakes)
    more = (MaterialLot.supplier, MaterialLot.certificate, *ours)
    query = select_containers(at).add_columns(*more).where(Container.id == container_id)
    return dict(session.execute(query).mappings().one())


def look_at_lot(session: Session, lot_id: int, at: datetime) -> Row:
    """One lot of material with its containers."""
    lot = session.execute(select_material_lots().where(MaterialLot.id == lot_id)).mappings().one()
    of_lot = select_containers(at).where(Container.material_lot_id == lot_id).order_by(Container.name)
    return {**lot, "containers": [dict(row) for row in session.execute(of_lot).mappings()]}
