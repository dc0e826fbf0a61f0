"""What was used on which substrate: material of containers, and durables. What a recall of one of them concerns."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, case, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import DurableKind, MaterialKind
from mes.equipment.models import Equipment
from mes.genealogy.ask import IDS, ask
from mes.genealogy.tree import Used
from mes.lots.models import Consumption, Lot, RunSubstrate
from mes.lots.work.models import DurableUse
from mes.materials.durables.models import Durable
from mes.materials.models import Container, MaterialLot
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate

Row = dict[str, Any]
Use = type[Consumption] | type[DurableUse]

_USED_AT = (
    select(
        Substrate.id, Container.name, MaterialKind.name, MaterialLot.name, Run.name, Operation.name,
        Equipment.name, Consumption.happened_at,
    )
    .select_from(Substrate)
    .join(Consumption, Consumption.substrate_id.in_((Substrate.id, Substrate.part_of_id)))
    .join(Container, Container.id == Consumption.container_id)
    .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
    .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
    .join(Run, Run.id == Consumption.run_id)
    .join(Operation, Operation.id == Run.operation_id)
    .join(Equipment, Equipment.id == Run.equipment_id)
    .where(Substrate.id.in_(IDS))
    .order_by(Consumption.happened_at, Consumption.id)
)  # fmt: skip

_LOAD = case((DurableKind.per == "load", DurableUse.substrate_id))
_DURABLES_OF = (
    select(DurableUse.run_id, _LOAD, DurableKind.name, Durable.name)
    .join(Durable, Durable.id == DurableUse.durable_id)
    .join(DurableKind, DurableKind.id == Durable.kind_id)
    .where(DurableUse.run_id.in_(IDS))
    .distinct()
    .order_by(DurableUse.run_id, DurableKind.name, Durable.name)
)


def used_of_container(session: Session, container_id: int) -> list[Row]:
    """Every substrate on which material of a container was used, in the order in which it was."""
    return _material(session, Consumption.container_id == container_id)


def used_of_lot(session: Session, material_lot_id: int) -> list[Row]:
    """The same of all containers of a lot of material."""
    return _material(session, Container.material_lot_id == material_lot_id)


def used_on(session: Session, substrate_id: int) -> list[Row]:
    """Every container of which material was used on a substrate, in the order in which it was."""
    return _material(session, Consumption.substrate_id == substrate_id)


def used_at(session: Session, substrate_ids: Iterable[int]) -> dict[int, list[Used]]:
    """By substrate, every use of material on it or on the wafer of which it is a copy, in the order in which it was.

    For readers who see the centre.
    """
    found: dict[int, list[Used]] = {}
    for substrate_id, container, material, lot, run, operation, equipment, at in ask(session, _USED_AT, substrate_ids):
        used = Used(container, material, lot, run, operation, equipment, at)
        found.setdefault(substrate_id, []).append(used)
    return found


def used_of_durable(session: Session, durable_id: int) -> list[Row]:
    """Every substrate on which a durable was used, in the order in which it was."""
    return _durables(session, DurableUse.durable_id == durable_id)


def last_uses_of_durable(session: Session, durable_id: int, most: int) -> list[Row]:
    """The last of them, as many as ``most``, the latest first."""
    last = select(DurableUse.id).where(DurableUse.durable_id == durable_id)
    last = last.order_by(DurableUse.happened_at.desc(), DurableUse.id.desc()).limit(most)
    return _durables(session, DurableUse.id.in_(last))[::-1]


def durables_on(session: Session, substrate_id: int) -> list[Row]:
    """Every durable that was used on a substrate, in the order in which it was."""
    return _durables(session, DurableUse.substrate_id == substrate_id)


def durables_of(session: Session, run_ids: Iterable[int]) -> dict[tuple[int, int | None], tuple[str, ...]]:
    """By run, the durables that were used in it, each with its kind; what carries a load by the run and that load."""
    found: dict[tuple[int, int | None], tuple[str, ...]] = {}
    for run_id, load_id, kind, name in ask(session, _DURABLES_OF, run_ids):
        found[run_id, load_id] = (*found.get((run_id, load_id), ()), f"{kind} {name}")
    return found


def _material(session: Session, which: ColumnElement[bool]) -> list[Row]:
    what = (Container.name.label("container"), MaterialLot.name.label("material_lot"), Consumption.amount)
    query = (
        _uses(Consumption, *what)
        .join(Container, Container.id == Consumption.container_id)
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
    )
    return [dict(row) for row in session.execute(query.where(which)).mappings()]


def _durables(session: Session, which: ColumnElement[bool]) -> list[Row]:
    what = (Durable.name.label("durable"), DurableKind.name.label("kind"), DurableUse.done)
    query = (
        _uses(DurableUse, *what)
        .join(Durable, Durable.id == DurableUse.durable_id)
        .join(DurableKind, DurableKind.id == Durable.kind_id)
    )
    return [dict(row) for row in session.execute(query.where(which)).mappings()]


def _uses(use: Use, *what: Any) -> Select[*tuple[Any, ...]]:
    """A row for each use, in the order of time: on what, in which run, and ``what`` was used."""
    return (
        select(
            Lot.name.label("lot"), Customer.name.label("customer"), Substrate.name.label("substrate"), *what,
            Run.name.label("run"), Operation.name.label("operation"), Equipment.name.label("equipment"),
            use.happened_at,
        )
        .select_from(use)
        .join(Substrate, Substrate.id == use.substrate_id)
        .join(Customer, Customer.id == use.customer_id)
        .join(Run, Run.id == use.run_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(Lot, Lot.id == func.coalesce(_lot(use, RunSubstrate.substrate_id == use.substrate_id), _lot(use)))
        .order_by(use.happened_at, use.id)
    )  # fmt: skip


def _lot(use: Use, *which: ColumnElement[bool]) -> ScalarSelect[int | None]:
    """The lot of a substrate in the run of a use. A load is none of those worked on; they are one lot's."""
    query = select(func.min(RunSubstrate.lot_id)).where(RunSubstrate.run_id == use.run_id, *which)
    return query.correlate(use).scalar_subquery()
