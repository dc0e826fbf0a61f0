"""What the start gate looks at of durables: what is mounted on equipment, and what its open runs have still to do."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from mes.definitions.models import DurableKind
from mes.lots.models import RunSubstrate
from mes.lots.states import OPEN_WORK
from mes.materials.durables.models import Durable
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN


@dataclass(frozen=True)
class Tools:
    """The kinds of durables that are asked for, and those of them that are mounted, by equipment and kind."""

    kinds: dict[str, DurableKind]
    mounted: dict[tuple[int, str], Durable]
    promised: dict[tuple[int, str], int]
    """What open runs have still to do on them."""


def tools(session: Session, names: Collection[str], equipment_ids: Collection[int]) -> Tools:
    """What is so of these kinds of durables on these equipment; nothing is read where none is asked for."""
    if not names:
        return Tools({}, {}, {})
    kinds = {kind.name: kind for kind in session.scalars(select(DurableKind).where(DurableKind.name.in_(names)))}
    promised = _promised(session, kinds, equipment_ids)
    query = select(Durable).join(DurableKind, DurableKind.id == Durable.kind_id).options(joinedload(Durable.kind))
    query = query.where(Durable.equipment_id.in_(equipment_ids), DurableKind.name.in_(names))
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    mounted = {(one.equipment_id, one.kind.name): one for one in found if one.equipment_id is not None}
    return Tools(kinds, mounted, promised)


def _promised(
    session: Session, kinds: dict[str, DurableKind], equipment_ids: Collection[int]
) -> dict[tuple[int, str], int]:
    units, substrates = func.sum(func.bit_count(RunSubstrate.positions)), func.count()
    query = (
        select(Run.equipment_id, Operation.durables, units, substrates)
        .join(Operation, Operation.id == Run.operation_id)
        .join(RunSubstrate, RunSubstrate.run_id == Run.id)
        .where(Run.equipment_id.in_(equipment_ids), Run.state.in_(OPEN), RunSubstrate.work.in_(OPEN_WORK))
        .where(Operation.durables != [])
        .group_by(Run.id, Operation.id)
    )
    found: dict[tuple[int, str], int] = {}
    for equipment_id, names, of_units, of_substrates in session.execute(query):
        for name in names:
            if name in kinds:
                done = int(of_units) if kinds[name].per == "unit" else of_substrates
                found[equipment_id, name] = found.get((equipment_id, name), 0) + done
    return found
