"""Which durables touched what: those of a run, of a substrate, and all that one of them was used on."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import DurableKind
from mes.equipment.models import Equipment
from mes.lots.models import Lot, RunSubstrate
from mes.lots.work.models import DurableUse
from mes.materials.durables.models import Durable
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate

Row = dict[str, Any]


def durables_of(session: Session, run_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """By run, the durables that were used in it, each with its kind."""
    query = (
        select(DurableUse.run_id, DurableKind.name, Durable.name)
        .join(Durable, Durable.id == DurableUse.durable_id)
        .join(DurableKind, DurableKind.id == Durable.kind_id)
        .where(DurableUse.run_id.in_(list(run_ids)))
        .distinct()
        .order_by(DurableUse.run_id, DurableKind.name, Durable.name)
    )
    found: dict[int, tuple[str, ...]] = {}
    for run_id, kind, name in session.execute(query):
        found[run_id] = (*found.get(run_id, ()), f"{kind} {name}")
    return found


def used_of_durable(session: Session, durable_id: int) -> list[Row]:
    """Every substrate on which a durable was used, in the order in which it was."""
    return _rows(session, DurableUse.durable_id == durable_id)


def durables_on(session: Session, substrate_id: int) -> list[Row]:
    """Every durable that was used on a substrate, in the order in which it was."""
    return _rows(session, DurableUse.substrate_id == substrate_id)


def _rows(session: Session, which: Any) -> list[Row]:
    query = (
        select(
            Lot.name.label("lot"), Customer.name.label("customer"), Substrate.name.label("substrate"),
            Durable.name.label("durable"), DurableKind.name.label("kind"), DurableUse.done,
            Run.name.label("run"), Operation.name.label("operation"), Equipment.name.label("equipment"),
            DurableUse.happened_at,
        )
        .join(Durable, Durable.id == DurableUse.durable_id)
        .join(DurableKind, DurableKind.id == Durable.kind_id)
        .join(Substrate, Substrate.id == DurableUse.substrate_id)
        .join(Customer, Customer.id == DurableUse.customer_id)
        .join(Run, Run.id == DurableUse.run_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(
            RunSubstrate,
            (RunSubstrate.run_id == DurableUse.run_id) & (RunSubstrate.substrate_id == DurableUse.substrate_id),
        )
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .where(which)
        .order_by(DurableUse.happened_at, DurableUse.id)
    )  # fmt: skip
    return [dict(row) for row in session.execute(query).mappings()]
