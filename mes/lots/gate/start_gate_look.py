"""Reads what the start gate looks at, for any number of lots and equipment in as many queries as for one."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session, joinedload, undefer

from mes.equipment.certification.looks import Starter, starter
from mes.equipment.maintenance.due import HAS_PLANS, Upkeep, upkeep
from mes.equipment.models import Alarm, Equipment
from mes.lots.carriers.queries import STANDS, carried
from mes.lots.experiments.legs import RUNNING, Leg, by_leg, legs_of
from mes.lots.gate.durable_facts import tools
from mes.lots.gate.material_facts import mounted_on, promised_on, units_asked
from mes.lots.gate.queue_times import Clock, clocks_of
from mes.lots.gate.start_gate_facts import BLOCKING_SEVERITY, EquipmentFacts, LineFacts, LotFacts
from mes.lots.gate.supply import attach_sites
from mes.lots.gate.withheld import staying
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.states import Progress
from mes.recipes.models import RecipeOnEquipment
from mes.routes.models import Operation, OperationAlternative
from mes.routes.states import OperationKind
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate


def look(
    session: Session, lot_ids: Collection[int], equipment_ids: Collection[int], at: datetime, by: str | None = None
) -> LineFacts:
    """Read what the gate looks at at plant time ``at``, all but the sources. ``by``: who would start, if a person."""
    lots = _lots(session, lot_ids, at)
    operations = [lot.operation for here in lots.values() for lot in here if lot.operation is not None]
    equipment = _equipment(session, equipment_ids, with_material=any(o.materials for o in operations))
    most = max((one.equipment.equipment_class.most_substrates for one in equipment.values()), default=0)
    carrying = most_loads([lot for here in lots.values() for lot in here], most)
    needed = tools(session, {name for one in operations for name in one.durables}, equipment_ids, carrying)
    person = None if by is None else _starter(session, by, operations, equipment.values())
    return LineFacts(lots, equipment, person, needed)


def most_loads(lots: Iterable[LotFacts], most_substrates: int) -> dict[str, int]:
    """The kinds of durables that carry the loads of these lots, each with the most loads of a job of so many."""
    found: dict[str, int] = {}
    for lot in lots:
        holder = None if lot.operation is None else lot.operation.holder
        if lot.operation is not None and holder is not None:
            largest = sorted((lot.units[m.substrate_id] for m in lot.members), reverse=True)[:most_substrates]
            found[holder] = max(found.get(holder, 0), lot.operation.loads(sum(largest)))
    return found


def _starter(
    session: Session, name: str, operations: Iterable[Operation], equipment: Iterable[EquipmentFacts]
) -> Starter | None:
    """The person who would start any of these anywhere there, if that takes a certificate."""
    of_classes = {one.equipment.equipment_class.certification for one in equipment}
    wanted = ({o.certification for o in operations} | of_classes) - {None}
    return starter(session, name, [one for one in wanted if one is not None]) if wanted else None


def _lots(session: Session, lot_ids: Collection[int], at: datetime) -> dict[int, list[LotFacts]]:
    lots, holds, in_carriers = _with_holds(session, lot_ids)
    reserved = _reserved(session, lots.values(), at)
    waiting, names = _waiting(session, lot_ids)
    operations, legs = _operations(session, lots, waiting, names)
    boxes = carried(session, in_carriers) if in_carriers else {}
    overdue = _overdue(session, [m for some in waiting.values() for m in some], at)
    sites = attach_sites(session, {lot.product_id for lot in lots.values()})
    stay = staying(session, _waiting_at(waiting, operations, lambda o: o.kind == OperationKind.TRANSFER))
    using = _waiting_at(waiting, operations, lambda o: bool(o.materials or o.durables or o.holder))
    units = units_asked(session, using, stay.masked)

    def at_operation(lot: Lot, operation: Operation | None) -> list[LotFacts]:
        there = [m for m in waiting[lot.id] if operation is None or m.operation_id == operation.id]
        here = [m for m in there if m.substrate_id not in stay.withheld] or there
        waits = {m.substrate_id for m in there}
        return [by(lot, operation, leg, some, waits) for leg, some in by_leg(here, legs).items()]

    def by(
        lot: Lot, operation: Operation | None, leg: Leg | None, members: Sequence[LotSubstrate], waits: set[int]
    ) -> LotFacts:
        return LotFacts(
            lot=lot,
            operation=operation,
            members=members,
            names={m.substrate_id: names[m.substrate_id] for m in members},
            holds=holds[lot.id],
            reserved_for=reserved.get(lot.id),
            overdue=[late for m in members for late in overdue.get(m.substrate_id, ())],
            at=at,
            sites=sites.get(lot.product_id, ()),
            carried=boxes.get(lot.id),
            units=units,
            leg=leg,
            others=waits - stay.withheld.keys() - {m.substrate_id for m in members},
            withheld={i: stay.withheld[i] for i in waits if i in stay.withheld},
        )

    return {i: [one for operation in operations[i] for one in at_operation(lot, operation)] for i, lot in lots.items()}


def _waiting_at(
    waiting: Mapping[int, Sequence[LotSubstrate]], operations: Mapping[int, Sequence[Operation | None]],
    which: Callable[[Operation], bool],
) -> list[LotSubstrate]:  # fmt: skip
    """The substrates that wait at operations of which that is so."""
    ids = {o.id for some in operations.values() for o in some if o is not None and which(o)}
    return [m for some in waiting.values() for m in some if m.operation_id in ids]


_LOTS = (
    select(Lot, Hold, STANDS)
    .outerjoin(Hold, (Hold.lot_id == Lot.id) & Hold.released_at.is_(None))
    .where(Lot.id.in_(bindparam("lots", expanding=True)))
    .order_by(Hold.held_at, Hold.id)
)


def _with_holds(session: Session, lot_ids: Collection[int]) -> tuple[dict[int, Lot], dict[int, list[Hold]], set[int]]:
    """Lots, the standing holds of each, oldest first, and those of them of which anything stands in a carrier."""
    lots: dict[int, Lot] = {}
    holds: dict[int, list[Hold]] = {}
    in_carriers: set[int] = set()
    for lot, hold, stands in session.execute(_LOTS, {"lots": list(lot_ids)}):
        lots[lot.id] = lot
        holds.setdefault(lot.id, []).extend([] if hold is None else [hold])
        if stands:
            in_carriers.add(lot.id)
    return lots, holds, in_carriers


def _reserved(session: Session, lots: Iterable[Lot], at: datetime) -> dict[int, Equipment]:
    """By lot: for which equipment it is reserved at plant time ``at``."""
    wanted = {lot.id: lot.reserved_for_id for lot in lots if lot.reserved_until is not None and lot.reserved_until > at}
    if not wanted:
        return {}
    found = {e.id: e for e in session.scalars(select(Equipment).where(Equipment.id.in_(wanted.values())))}
    return {lot: found[equipment] for lot, equipment in wanted.items() if equipment is not None}


_QUEUED = (
    select(LotSubstrate, Substrate.name)
    .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
    .where(LotSubstrate.lot_id.in_(bindparam("lots", expanding=True)), LotSubstrate.progress == Progress.QUEUED)
    .order_by(Substrate.name)
    .options(undefer(LotSubstrate.todo))
    .execution_options(populate_existing=True)
)


def _waiting(session: Session, lot_ids: Collection[int]) -> tuple[dict[int, list[LotSubstrate]], dict[int, str]]:
    """Substrates that wait, by lot and in the order of their names; and these names by substrate."""
    waiting: dict[int, list[LotSubstrate]] = {i: [] for i in lot_ids}
    names = {}
    for member, name in session.execute(_QUEUED, {"lots": list(lot_ids)}):
        waiting[member.lot_id].append(member)
        names[member.substrate_id] = name
    return waiting, names


_OTHER = joinedload(Operation.alternatives)
_OPERATIONS = (
    select(Operation, RUNNING)
    .where(Operation.id.in_(bindparam("operations", expanding=True)))
    .order_by(Operation.number)
    .options(
        joinedload(Operation.recipe_version),
        joinedload(Operation.equipment_class),
        joinedload(Operation.makes_layout),
        _OTHER.joinedload(OperationAlternative.recipe_version),
        _OTHER.joinedload(OperationAlternative.equipment_class),
    )
)
"""Operations with the ways in which they are done, and whether an experiment is about them."""


def _operations(
    session: Session, lots: Mapping[int, Lot], waiting: Mapping[int, Sequence[LotSubstrate]], names: Mapping[int, str]
) -> tuple[dict[int, list[Operation | None]], dict[int, Leg]]:
    """Where each lot could start: every operation at which any of it waits, in order; where none waits, its own.

    With the legs by which substrates run there. It asks for none where no experiment is about one of the operations.
    """
    ids = {i: {m.operation_id for m in waiting[i]} or {lot.operation_id} for i, lot in lots.items()}
    wanted = {o for some in ids.values() for o in some if o is not None}
    rows = session.execute(_OPERATIONS, {"operations": list(wanted)}).unique().all()
    varied = {operation.id: operation.name for operation, is_varied in rows if is_varied}
    there = {
        m.substrate_id: (names[m.substrate_id], varied[m.operation_id])
        for some in waiting.values() for m in some if m.operation_id in varied
    }  # fmt: skip
    at: dict[int, list[Operation | None]] = {}
    for i, some in ids.items():
        at[i] = [operation for operation, _ in rows if operation.id in some] or [None]
    return at, legs_of(session, there) if there else {}


def _overdue(session: Session, members: Sequence[LotSubstrate], at: datetime) -> dict[int, list[Clock]]:
    """The clocks that are over, by substrate."""
    waits = {m.substrate_id for m in members if m.visit == m.first_visit}
    found = clocks_of(session, waits)
    return {i: [clock for clock in its if clock.here and clock.is_over(at)] for i, its in found.items()}


_EQUIPMENT = (
    select(
        Equipment,
        select(func.count()).where(Run.equipment_id == Equipment.id, Run.state.in_(OPEN)).scalar_subquery(),
        HAS_PLANS,
        Alarm,
    )
    .outerjoin(
        Alarm,
        and_(Alarm.equipment_id == Equipment.id, Alarm.cleared_at.is_(None), Alarm.severity >= BLOCKING_SEVERITY),
    )
    .where(Equipment.id.in_(bindparam("equipment", expanding=True)))
    .order_by(Alarm.set_at)
    .options(joinedload(Equipment.equipment_class))
    .execution_options(populate_existing=True)
)
"""Equipment with its open runs, whether it is maintained by a plan, and its alarms that block."""


def _equipment(session: Session, equipment_ids: Collection[int], *, with_material: bool) -> dict[int, EquipmentFacts]:
    found: dict[int, tuple[Equipment, int]] = {}
    alarms: dict[int, list[Alarm]] = {}
    kept: set[int] = set()
    for equipment, runs, has_plans, alarm in session.execute(_EQUIPMENT, {"equipment": list(equipment_ids)}):
        found[equipment.id] = (equipment, runs)
        if has_plans:
            kept.add(equipment.id)
        alarms.setdefault(equipment.id, []).extend([] if alarm is None else [alarm])
    held: dict[int, dict[int, str]] = {i: {} for i in found}
    for recipe in session.scalars(select(RecipeOnEquipment).where(RecipeOnEquipment.equipment_id.in_(found))):
        held[recipe.equipment_id][recipe.recipe_version_id] = recipe.sha256
    plans: dict[int, list[Upkeep]] = {}
    for one in upkeep(session, kept) if kept else ():
        plans.setdefault(one.equipment.id, []).append(one)
    # first what is promised: a job that reports in between is counted twice, never not at all
    promised = promised_on(session, found) if with_material else {}
    mounted = mounted_on(session, found) if with_material else {}
    return {
        i: EquipmentFacts(
            equipment, alarms[i], runs, held[i], mounted.get(i, ()), promised.get(i, {}), plans.get(i, ())
        )
        for i, (equipment, runs) in found.items()
    }
