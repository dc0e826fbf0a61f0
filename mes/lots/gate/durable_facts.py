"""What the start gate looks at of durables: what is mounted or free, and what open runs have still to do on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from mes.definitions.models import DurableKind
from mes.lots.models import RunSubstrate
from mes.lots.states import OPEN_WORK
from mes.materials.durables.models import Durable
from mes.materials.durables.states import DurableState
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
    free: Mapping[str, Sequence[Durable]]
    """Of kinds that carry loads: those that carry none, as many as a job needs at most, fit ones first."""


def tools(
    session: Session, names: Collection[str], equipment_ids: Collection[int], carrying: Mapping[str, int]
) -> Tools:  # fmt: skip
    """What is so of these kinds of durables on these equipment; nothing is read where none is asked for.

    ``carrying``: kinds that carry loads, each with the most loads of a job.
    """
    free = _free(session, carrying) if carrying else {}
    if not names:
        return Tools({}, {}, {}, free)
    # first what is promised: a job that reports in between is counted twice, never not at all
    kinds = {kind.name: kind for kind in session.scalars(select(DurableKind).where(DurableKind.name.in_(names)))}
    promised = _promised(session, kinds, equipment_ids)
    query = select(Durable).join(DurableKind, DurableKind.id == Durable.kind_id).options(joinedload(Durable.kind))
    query = query.where(Durable.equipment_id.in_(equipment_ids), DurableKind.name.in_(names))
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    mounted = {(one.equipment_id, one.kind.name): one for one in found if one.equipment_id is not None}
    return Tools(kinds, mounted, promised, free)


def _free(session: Session, carrying: Mapping[str, int]) -> dict[str, list[Durable]]:
    rank = func.row_number().over(partition_by=Durable.kind_id, order_by=(~_FIT, Durable.name))
    ranked = (
        select(Durable.id, DurableKind.name, rank.label("rank"))
        .join(DurableKind, DurableKind.id == Durable.kind_id)
        .where(DurableKind.name.in_(carrying), Durable.state == DurableState.STORED)
        .subquery()
    )
    enough = or_(*(and_(ranked.c.name == kind, ranked.c.rank <= most) for kind, most in carrying.items()))
    query = select(Durable).join(ranked, ranked.c.id == Durable.id).join(Durable.kind).where(enough)
    query = query.options(contains_eager(Durable.kind)).order_by(ranked.c.rank)
    free: dict[str, list[Durable]] = {kind: [] for kind in carrying}
    for one in session.scalars(query, execution_options={"populate_existing": True}):
        free[one.kind.name].append(one)
    return free


def _before(since: ColumnElement[int], most: ColumnElement[int | None]) -> ColumnElement[bool]:
    return or_(most.is_(None), since < most)


_FIT = and_(
    Durable.count < DurableKind.most,
    _before(Durable.count - Durable.cleaned_at_count, DurableKind.clean_every.expression),
    _before(Durable.count - Durable.inspected_at_count, DurableKind.inspect_every.expression),
)
"""It serves for one load more."""


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
