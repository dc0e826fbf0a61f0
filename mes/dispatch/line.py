"""The line as dispatch sees it at one moment, read at once: who waits, what the start gate says, what may be picked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, undefer

from mes.definitions.models import BY_HAND, EquipmentClass
from mes.dispatch.ahead import too_late
from mes.dispatch.candidates import Candidate
from mes.dispatch.rank import Ranks, ranks
from mes.dispatch.what_if import AS_IT_IS, WhatIf
from mes.equipment.models import Equipment
from mes.errors import Reason
from mes.lots.gate.start_gate import judge
from mes.lots.gate.start_gate_facts import Facts, LotFacts, by_product
from mes.lots.gate.start_gate_look import look
from mes.lots.gate.supply import filled, sources
from mes.lots.progress import asked_positions, worked_on
from mes.routes.models import Operation, QueueLimit
from mes.routes.states import OperationKind
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate
from mes.units.positions import opened
from mes.units.states import USABLE


@dataclass(frozen=True)
class Line:
    """What dispatch looks at. Lots, equipment, operations and substrates stand by their ids."""

    waiting: Sequence[Candidate]
    """In the usual order."""
    order: Mapping[int, Sequence[Candidate]]
    """Those of its class as each equipment ranks them, the most urgent first."""
    ranks: Ranks
    """What the criteria say of them."""
    facts: Mapping[tuple[Candidate, int], Facts]
    """Of each candidate on each equipment of its class."""
    reasons: Mapping[tuple[Candidate, int], Sequence[Reason]]
    """Of the start gate, against the same."""
    assemblies: Mapping[int, Sequence[Operation]]
    """By operation: those that must follow it within a time."""
    too_late: Mapping[int, Sequence[Reason]]
    """By operation: why what must follow it within a time would not."""
    asked: Mapping[int, int]
    """How many positions a run would work on, of substrates that may start and then need sources, now or soon."""


def free_equipment(
    session: Session, waiting: Iterable[Candidate], after: int | None = None, upto: int | None = None
) -> dict[int, int]:  # fmt: skip
    """Equipment with a free place that a lot waits for, in the order of names, with its class; by id.

    It is connected, and not of a class that people work. ``after``, ``upto``: only what comes after the one, and not
    after the other.
    """
    open_runs = select(func.count()).where(Run.equipment_id == Equipment.id, Run.state.in_(OPEN)).scalar_subquery()
    query = (
        select(Equipment.id, Equipment.class_id)
        .join(EquipmentClass, EquipmentClass.id == Equipment.class_id)
        .where(Equipment.class_id.in_({c.class_id for c in waiting}), Equipment.connected)
        .where(EquipmentClass.kind != BY_HAND)
        .where(open_runs < EquipmentClass.places)
    )
    if after is not None:
        query = query.where(Equipment.name > _name(after))
    if upto is not None:
        query = query.where(Equipment.name <= _name(upto))
    return {row.id: row.class_id for row in session.execute(query.order_by(Equipment.name))}


def _name(equipment_id: int) -> ScalarSelect[str]:
    return select(Equipment.name).where(Equipment.id == equipment_id).scalar_subquery()


def read_line(
    session: Session, waiting: Iterable[Candidate], equipment: Mapping[int, int], at: datetime,
    what_if: WhatIf = AS_IT_IS,
) -> Line:  # fmt: skip
    """What is so of these candidates and this equipment, given with its class, at plant time ``at``.

    It takes as many queries for a hundred lots as for one.
    """
    waiting = [c for c in waiting if c.class_id in equipment.values()]
    seen = look(session, {c.lot_id for c in waiting}, equipment, at)
    there = ((c, _first_leg(c, seen.lots.get(c.lot_id, ()))) for c in waiting)
    waits = {c: lot for c, lot in there if lot is not None}
    assemblies = _assemblies(session, {c.operation_id for c in waits})
    stock = by_product(sources(session, seen.needed() | _needed_soon(waits, assemblies), at))
    pairs = [(c, e) for c in waits for e, class_id in equipment.items() if class_id == c.class_id]
    facts = {(c, e): seen.of(waits[c], e, stock) for c, e in pairs}
    reasons = {pair: what_if.left(judge(found)) for pair, found in facts.items()}
    may_start = dict.fromkeys(c for c, e in pairs if not reasons[c, e])
    placing = [c for c in may_start if c.operation_id in assemblies or waits[c].needs]
    ranking = ranks(session, waits, equipment, at, what_if.ranking)
    return Line(
        list(waits),
        {e: ranking.ranked((c for c in waits if c.class_id == class_id), e) for e, class_id in equipment.items()},
        ranking,
        facts,
        reasons,
        assemblies,
        too_late(session, {c.operation_id for c in waits}, at),
        _asked(session, [waits[c] for c in placing]),
    )


def _first_leg(candidate: Candidate, at: Sequence[LotFacts]) -> LotFacts | None:
    """The lot where the candidate waits: of several legs there the first that its class of equipment does."""
    here = [lot for lot in at if lot.operation is not None and lot.operation.id == candidate.operation_id]
    fit = (lot for lot in here if any(way.class_id == candidate.class_id for way in lot.ways))
    return next(fit, next(iter(here), None))


def _assemblies(session: Session, operation_ids: Collection[int]) -> dict[int, list[Operation]]:
    query = (
        select(QueueLimit.from_operation_id, Operation)
        .join(QueueLimit, QueueLimit.to_operation_id == Operation.id)
        .where(QueueLimit.from_operation_id.in_(operation_ids), Operation.kind == OperationKind.ASSEMBLE)
        .order_by(Operation.number)
    )
    found: dict[int, list[Operation]] = {}
    for before, operation in session.execute(query):
        found.setdefault(before, []).append(operation)
    return found


def _needed_soon(waits: Mapping[Candidate, LotFacts], assemblies: Mapping[int, Sequence[Operation]]) -> set[int]:
    """Products of which the lots will need sources at the assemblies that must follow."""
    return {
        need.product_id
        for candidate, lot in waits.items()
        for assembly in assemblies.get(candidate.operation_id, ())
        for need in filled(assembly, lot.sites)
    }


def _asked(session: Session, lots: Sequence[LotFacts]) -> dict[int, int]:
    """How many positions of each substrate a run would work on."""
    there = [(m, USABLE if lot.operation is None else worked_on(lot.operation)) for lot in lots for m in lot.members]
    if not there:
        return {}
    query = select(Substrate).where(Substrate.id.in_([m.substrate_id for m, _ in there]))
    positions = opened(session, session.scalars(query.options(undefer(Substrate.dispositions))).all())
    return {m.substrate_id: int(asked_positions(m, positions[m.substrate_id], on=on).sum()) for m, on in there}
