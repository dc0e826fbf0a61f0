"""What the start gate looks at, read for any number of lots and equipment in as many queries as for one."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, joinedload, undefer

from mes.equipment.certification.looks import Starter, starter
from mes.equipment.maintenance.due import HAS_PLANS, Upkeep, upkeep
from mes.equipment.models import Alarm, Equipment
from mes.lots.carriers.queries import STANDS, Carried, carried
from mes.lots.experiments.legs import RUNNING, Leg, LegWay, by_leg, legs_of, way_of
from mes.lots.gate.durable_facts import Tools, tools
from mes.lots.gate.material_facts import Mounted, mounted_on, promised_on, units_asked
from mes.lots.gate.queue_times import Clock, clocks_of
from mes.lots.gate.supply import Need, Source, attach_sites, filled
from mes.lots.gate.withheld import Withheld, staying
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.states import Progress
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.recipes.states import RecipeState
from mes.routes.models import Operation, OperationAlternative
from mes.routes.states import OperationKind
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate

BLOCKING_SEVERITY = 700
"""An alarm of this severity (1 to 1000) or above stops equipment from taking work."""

Way = Operation | OperationAlternative | LegWay
"""Class and recipe by which an operation may be done."""

Stock = Mapping[int, Sequence[Source]]
"""Sources by the id of their product, each in the order of lot and substrate names."""


@dataclass(frozen=True)
class LotFacts:
    """What is so of a lot at one operation, on whatever equipment it is to start."""

    lot: Lot
    operation: Operation | None
    """One at which some of its substrates wait; where none waits, the lot's own."""
    members: Sequence[LotSubstrate]
    """The substrates that wait there, in the order of their names."""
    names: Mapping[int, str]
    """Of the members, by substrate id."""
    holds: Sequence[Hold]
    reserved_for: Equipment | None
    """The only one of its class that starts it now."""
    overdue: Sequence[Clock]
    """The queue times of the members that are over."""
    at: datetime
    """Plant time of the look."""
    sites: Sequence[Need]
    """Every site of its product."""
    carried: Carried | None
    """How it stands in carriers, if it does."""
    units: Mapping[int, int]
    """Of the members that wait where material is used, how many units a run would work on, by substrate id."""

    leg: Leg | None
    """By which the members run, all of them; None: they are in no experiment here."""
    others: Collection[int]
    """Substrates of the lot that wait there, too, and run by another leg or by none."""
    withheld: Mapping[int, Withheld]
    """Substrates that wait there and of which nothing may be moved now; members only where all are such."""

    @property
    def waits_there(self) -> set[int]:
        """The members, and the substrates of the lot that wait there, too, and of which nothing may be moved."""
        return {m.substrate_id for m in self.members} | self.withheld.keys()

    @property
    def stays(self) -> bool:
        """Whether all that waits there is such that nothing of it may be moved now."""
        return any(m.substrate_id in self.withheld for m in self.members)

    @property
    def ways(self) -> Sequence[Way]:
        """How its operation may be done, in order; by the recipe of the leg alone, where that names one."""
        only = way_of(self.leg)
        if only is not None:
            return [only]
        return [] if self.operation is None else self.operation.ways

    def ways_on(self, equipment: Equipment) -> list[Way]:
        """Those on such equipment; none where that is of another class."""
        return [way for way in self.ways if way.class_id == equipment.class_id]

    @property
    def needs(self) -> list[Need]:
        """The sites that its operation fills."""
        return filled(self.operation, self.sites) if self.operation is not None else []


@dataclass(frozen=True)
class EquipmentFacts:
    """What is so of an equipment, whatever lot is to start on it."""

    equipment: Equipment
    alarms: Sequence[Alarm]
    """Those that stop it."""
    open_runs: int
    held: Mapping[int, str]
    """The hash of each recipe that it was last seen to hold, by recipe version."""
    mounted: Sequence[Mounted]
    """Containers of material on it; not looked at where no lot needs any, like what follows."""
    promised: Mapping[str, int]
    """What its open runs have still to use of material, by kind."""
    upkeep: Sequence[Upkeep]
    """Every plan by which it is maintained."""


@dataclass(frozen=True)
class Facts(LotFacts):
    """What the gate looks at for one lot on one equipment."""

    equipment: Equipment
    alarms: Sequence[Alarm]
    open_runs: int
    serves: bool
    """The equipment is of a class that does the operation."""
    recipe: RecipeVersion | None
    """What would run: of several ways the first that the gate lets through, else the first."""
    held_sha256: str | None
    """Of that recipe, as the equipment was last seen to hold it."""
    stock: Stock
    """The sources of what it needs, at least, out of which its owner may have units."""
    not_agreed: Stock
    """Those of other owners, out of which not."""
    mounted: Sequence[Mounted]
    promised: Mapping[str, int]
    upkeep: Sequence[Upkeep]
    starter: Starter | None
    """The person who would start it; None where equipment starts it by itself."""
    tools: Tools
    """The durables that it needs, at least."""


@dataclass(frozen=True)
class LineFacts:
    """The facts of some lots and of some equipment, each by id."""

    lots: Mapping[int, Sequence[LotFacts]]
    """Of each lot one for every operation at which any of it waits, and every leg there, in order; at least one."""
    equipment: Mapping[int, EquipmentFacts]
    starter: Starter | None
    tools: Tools

    def starting(self, lot_id: int, equipment_id: int, substrate_ids: Collection[int] = ()) -> LotFacts:
        """The lot as it would start on the equipment.

        That is where one of the substrates waits, if any are named; else at its first operation for that class of
        equipment, of several the first where not all units stay; else at its first.
        """
        at, equipment = self.lots[lot_id], self.equipment[equipment_id].equipment
        if substrate_ids:
            named = (lot for lot in at if lot.waits_there & {*substrate_ids})
            return next(named, at[0])
        fit = [lot for lot in at if lot.ways_on(equipment)]
        return next((lot for lot in fit if not lot.stays), next(iter(fit), at[0]))

    def of(self, lot: LotFacts, equipment_id: int, stock: Stock) -> Facts:
        """Those for one lot, as it stands here, on one equipment."""
        on = self.equipment[equipment_id]
        ways = lot.ways_on(on.equipment)
        recipes = [way.recipe_version for way in ways or lot.ways[:1]]
        recipe = next((one for one in recipes if _may_run(one, on.held)), next(iter(recipes), None))
        mine, others = _parted(stock, lot.lot.customer_id)
        return Facts(
            **vars(lot),
            equipment=on.equipment,
            alarms=on.alarms,
            open_runs=on.open_runs,
            serves=bool(ways),
            recipe=recipe,
            held_sha256=None if recipe is None else on.held.get(recipe.id),
            stock=mine,
            not_agreed=others,
            mounted=on.mounted,
            promised=on.promised,
            upkeep=on.upkeep,
            starter=self.starter,
            tools=self.tools,
        )

    def needed(self) -> set[int]:
        """The products that the lots need sources of, by id."""
        return {need.product_id for at in self.lots.values() for lot in at for need in lot.needs}


def _may_run(recipe: RecipeVersion, held: Mapping[int, str]) -> bool:
    """Whether it is approved, and the equipment was not seen to hold another body under its name."""
    return recipe.state == RecipeState.APPROVED and held.get(recipe.id, recipe.sha256) == recipe.sha256


def look(
    session: Session, lot_ids: Collection[int], equipment_ids: Collection[int], at: datetime, by: str | None = None
) -> LineFacts:
    """Read what the gate looks at at plant time ``at``, all but the sources. ``by``: who would start, if a person."""
    lots = _lots(session, lot_ids, at)
    operations = [lot.operation for here in lots.values() for lot in here if lot.operation is not None]
    # first what is promised and counted: a job that reports in between is counted twice, never not at all
    needed = tools(session, {name for one in operations for name in one.durables}, equipment_ids)
    equipment = _equipment(session, equipment_ids, with_material=any(o.materials for o in operations))
    person = None if by is None else _starter(session, by, operations, equipment.values())
    return LineFacts(lots, equipment, person, needed)


def _starter(
    session: Session, name: str, operations: Iterable[Operation], equipment: Iterable[EquipmentFacts]
) -> Starter | None:
    """The person who would start any of these anywhere there, if that takes a certificate."""
    of_classes = {one.equipment.equipment_class.certification for one in equipment}
    wanted = ({o.certification for o in operations} | of_classes) - {None}
    return starter(session, name, [one for one in wanted if one is not None]) if wanted else None


def _parted(stock: Stock, customer_id: int) -> tuple[Stock, Stock]:
    """The sources that serve a customer, and those that do not."""
    if all(source.serves(customer_id) for found in stock.values() for source in found):
        return stock, {}
    mine, others = (
        {product: [one for one in found if one.serves(customer_id) is served] for product, found in stock.items()}
        for served in (True, False)
    )
    return mine, others


def by_product(found: Iterable[Source]) -> Stock:
    """Sources as the gate looks at them."""
    stock: dict[int, list[Source]] = {}
    for source in found:
        stock.setdefault(source.product_id, []).append(source)
    return stock


def _lots(session: Session, lot_ids: Collection[int], at: datetime) -> dict[int, list[LotFacts]]:
    lots, holds, in_carriers = _with_holds(session, lot_ids)
    reserved = _reserved(session, lots.values(), at)
    waiting, names = _waiting(session, lot_ids)
    operations, legs = _operations(session, lots, waiting, names)
    boxes = carried(session, in_carriers) if in_carriers else {}
    overdue = _overdue(session, [m for some in waiting.values() for m in some], at)
    sites = attach_sites(session, {lot.product_id for lot in lots.values()})
    stay = staying(session, _waiting_at(waiting, operations, lambda o: o.kind == OperationKind.TRANSFER))
    using = _waiting_at(waiting, operations, lambda o: bool(o.materials or o.durables))
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


def _with_holds(session: Session, lot_ids: Collection[int]) -> tuple[dict[int, Lot], dict[int, list[Hold]], set[int]]:
    """Lots, the standing holds of each, oldest first, and those of them of which anything stands in a carrier."""
    query = select(Lot, Hold, STANDS).outerjoin(Hold, (Hold.lot_id == Lot.id) & Hold.released_at.is_(None))
    lots: dict[int, Lot] = {}
    holds: dict[int, list[Hold]] = {}
    in_carriers: set[int] = set()
    for lot, hold, stands in session.execute(query.where(Lot.id.in_(lot_ids)).order_by(Hold.held_at, Hold.id)):
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


def _waiting(session: Session, lot_ids: Collection[int]) -> tuple[dict[int, list[LotSubstrate]], dict[int, str]]:
    """Substrates that wait, by lot and in the order of their names; and these names by substrate."""
    query = (
        select(LotSubstrate, Substrate.name)
        .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
        .where(LotSubstrate.lot_id.in_(lot_ids), LotSubstrate.progress == Progress.QUEUED)
        .order_by(Substrate.name)
        .options(undefer(LotSubstrate.todo))
        .execution_options(populate_existing=True)
    )
    waiting: dict[int, list[LotSubstrate]] = {i: [] for i in lot_ids}
    names = {}
    for member, name in session.execute(query):
        waiting[member.lot_id].append(member)
        names[member.substrate_id] = name
    return waiting, names


def _operations(
    session: Session, lots: Mapping[int, Lot], waiting: Mapping[int, Sequence[LotSubstrate]], names: Mapping[int, str]
) -> tuple[dict[int, list[Operation | None]], dict[int, Leg]]:
    """Where each lot could start: every operation at which any of it waits, in order; where none waits, its own.

    With the legs by which substrates run there. It asks for none where no experiment is about one of the operations.
    """
    ids = {i: {m.operation_id for m in waiting[i]} or {lot.operation_id} for i, lot in lots.items()}
    query = select(Operation, RUNNING).where(Operation.id.in_({o for some in ids.values() for o in some}))
    rows = session.execute(query.options(*_WITH_WAYS).order_by(Operation.number)).unique().all()
    varied = {operation.id: operation.name for operation, is_varied in rows if is_varied}
    there = {
        m.substrate_id: (names[m.substrate_id], varied[m.operation_id])
        for some in waiting.values() for m in some if m.operation_id in varied
    }  # fmt: skip
    at: dict[int, list[Operation | None]] = {}
    for i, some in ids.items():
        at[i] = [operation for operation, _ in rows if operation.id in some] or [None]
    return at, legs_of(session, there) if there else {}


_OTHER = joinedload(Operation.alternatives)
_WITH_WAYS = (
    joinedload(Operation.recipe_version),
    joinedload(Operation.equipment_class),
    _OTHER.joinedload(OperationAlternative.recipe_version),
    _OTHER.joinedload(OperationAlternative.equipment_class),
)


def _overdue(session: Session, members: Sequence[LotSubstrate], at: datetime) -> dict[int, list[Clock]]:
    """The clocks that are over, by substrate."""
    waits = {m.substrate_id for m in members if m.visit == m.first_visit}
    found = clocks_of(session, waits)
    return {i: [clock for clock in its if clock.here and clock.is_over(at)] for i, its in found.items()}


def _equipment(session: Session, equipment_ids: Collection[int], *, with_material: bool) -> dict[int, EquipmentFacts]:
    open_runs = select(func.count()).where(Run.equipment_id == Equipment.id, Run.state.in_(OPEN)).scalar_subquery()
    standing = (Alarm.equipment_id == Equipment.id, Alarm.cleared_at.is_(None), Alarm.severity >= BLOCKING_SEVERITY)
    query = select(Equipment, open_runs, HAS_PLANS, Alarm).where(Equipment.id.in_(equipment_ids))
    query = query.outerjoin(Alarm, and_(*standing)).options(joinedload(Equipment.equipment_class))
    query = query.execution_options(populate_existing=True)
    found: dict[int, tuple[Equipment, int]] = {}
    alarms: dict[int, list[Alarm]] = {}
    kept: set[int] = set()
    for equipment, runs, has_plans, alarm in session.execute(query.order_by(Alarm.set_at)):
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
