"""Where the material of a container was used: what a recall of it concerns."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.equipment.models import Equipment
from mes.lots.models import Consumption, Lot, RunSubstrate
from mes.materials.models import Container, MaterialLot
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate

Row = dict[str, Any]


def used_of_container(session: Session, container_id: int) -> list[Row]:
    """Every substrate on which material of a container was used, in the order in which it was."""
    return _rows(session, Consumption.container_id == container_id)


def used_of_lot(session: Session, material_lot_id: int) -> list[Row]:
    """The same of all containers of a lot of material."""
    return _rows(session, Container.material_lot_id == material_lot_id)


def used_on(session: Session, substrate_id: int) -> list[Row]:
    """Every container of which material was used on a substrate, in the order in which it was."""
    return _rows(session, Consumption.substrate_id == substrate_id)


def _rows(session: Session, which: Any) -> list[Row]:
    query = (
        select(
            Lot.name.label("lot"), Customer.name.label("customer"), Substrate.name.label("substrate"),
            Container.name.label("container"), MaterialLot.name.label("material_lot"), Consumption.amount,
            Run.name.label("run"), Operation.name.label("operation"), Equipment.name.label("equipment"),
            Consumption.happened_at,
        )
        .join(Container, Container.id == Consumption.container_id)
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .join(Substrate, Substrate.id == Consumption.substrate_id)
        .join(Customer, Customer.id == Consumption.customer_id)
        .join(Run, Run.id == Consumption.run_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(
            RunSubstrate,
            (RunSubstrate.run_id == Consumption.run_id) & (RunSubstrate.substrate_id == Consumption.substrate_id),
        )
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .where(which)
        .order_by(Consumption.happened_at, Consumption.id)
    )  # fmt: skip
    return [dict(row) for row in session.execute(query).mappings()]
