"""Take what a run used out of the containers on its equipment. It has happened: what was not there is told."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import MaterialKind
from mes.history import Change
from mes.materials.models import Container, MaterialLot
from mes.materials.mounting import off
from mes.materials.preparing import go, told
from mes.materials.queries import lock_containers
from mes.materials.states import ContainerVerb


@dataclass(frozen=True)
class Taken:
    """What came out of the containers, what of each kind was not there, and what is to be recorded."""

    amounts: Mapping[int, int]
    """By container."""
    missing: Mapping[str, int]
    """By kind: what was used beyond what the containers held."""
    changes: list[Change]


def take_out(session: Session, equipment_id: int, used: Mapping[str, int], customer_id: int, run: str) -> Taken:
    """Take these amounts, by kind, out of what is mounted on an equipment for lots of a customer, first mounted first.

    A container never comes below nothing; one that is empty is on no equipment any more.
    """
    amounts: dict[int, int] = {}
    missing, changes = {kind: amount for kind, amount in used.items() if amount > 0}, []
    for container in _mounted(session, equipment_id, list(missing), customer_id):
        kind = container.material_lot.kind.name
        amount = min(missing.get(kind, 0), container.remainder)
        if not amount:
            continue
        before = {"remainder": container.remainder, "state": container.state}
        container.consumed += amount
        container.remainder -= amount
        if not container.remainder:
            go(container, ContainerVerb.USE_UP)
            off(container)
        amounts[container.id] = amount
        after = told(container) | {"remainder": container.remainder, "consumed": amount, "run": run}
        changes.append(Change(container, before, after))
        missing[kind] -= amount
    return Taken(amounts, {kind: amount for kind, amount in missing.items() if amount}, changes)


def _mounted(session: Session, equipment_id: int, kinds: list[str], customer_id: int) -> list[Container]:
    """The containers of these kinds on an equipment, locked; whoever was first mounted comes first."""
    if not kinds:
        return []
    query = (
        select(Container.id)
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .where(Container.equipment_id == equipment_id, MaterialKind.name.in_(kinds))
        .where(Container.customer_id.is_(None) | (Container.customer_id == customer_id))
    )
    ids = session.scalars(query).all()
    if not ids:
        return []
    there = [c for c in lock_containers(session, ids).all(Container) if c.equipment_id == equipment_id]
    return sorted(there, key=lambda container: (container.mounted_at, container.id))
