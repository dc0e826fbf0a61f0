"""Durables as people and programs look at them."""

from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import DurableKind
from mes.equipment.models import Equipment
from mes.materials.durables.models import Durable
from mes.materials.durables.states import DurableState

Row = dict[str, Any]


def select_kinds() -> Select[*tuple[Any, ...]]:
    """One row for each kind of durables, to be ordered by name."""
    return select(
        DurableKind.name.label("kind"), DurableKind.title, DurableKind.counts, DurableKind.per, DurableKind.most,
        DurableKind.clean_every, DurableKind.inspect_every,
    )  # fmt: skip


def select_durables() -> Select[*tuple[Any, ...]]:
    """One row for each durable, to be ordered by name. What is left until something is below zero where it is late."""
    here = Durable.state != DurableState.SCRAPPED
    return (
        select(
            Durable.name.label("durable"), DurableKind.name.label("kind"), DurableKind.title, Durable.state,
            Durable.count, DurableKind.counts, DurableKind.per, DurableKind.most,
            (DurableKind.clean_every - (Durable.count - Durable.cleaned_at_count)).label("until_clean"),
            (DurableKind.inspect_every - (Durable.count - Durable.inspected_at_count)).label("until_inspection"),
            case((and_(here, Durable.count >= DurableKind.most), True), else_=False).label("worn"),
            Equipment.name.label("equipment"), Durable.mounted_at, Durable.load,
        )
        .join(DurableKind, DurableKind.id == Durable.kind_id)
        .outerjoin(Equipment, Equipment.id == Durable.equipment_id)
    )  # fmt: skip


def wanted(
    query: Select[*tuple[Any, ...]], *, kind: str | None = None, state: str | None = None,
    equipment: str | None = None, named: str | None = None,
) -> Select[*tuple[Any, ...]]:  # fmt: skip
    """Those of the durables that are asked for."""
    if kind is not None:
        query = query.where(DurableKind.name == kind)
    if state is not None:
        query = query.where(Durable.state == state)
    if equipment is not None:
        query = query.where(Equipment.name == equipment)
    if named is not None:
        query = query.where(func.lower(Durable.name).contains(named.lower(), autoescape=True))
    return query


def look(session: Session, durable_id: int) -> Row:
    """One durable."""
    return dict(session.execute(select_durables().where(Durable.id == durable_id)).mappings().one())
