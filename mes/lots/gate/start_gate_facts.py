"""What the start gate looks at: of lots where they wait, of equipment, and of both together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mes.equipment.certification.looks import Starter
from mes.equipment.maintenance.due import Upkeep
from mes.equipment.models import Alarm, Equipment
from mes.lots.carriers.queries import Carried
from mes.lots.experiments.legs import Leg, LegWay, way_of
from mes.lots.gate.durable_facts import Tools
from mes.lots.gate.material_facts import Mounted
from mes.lots.gate.queue_times import Clock
from mes.lots.gate.supply import Need, Source, filled
from mes.lots.gate.withheld import Withheld
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.recipes.models import RecipeVersion
from mes.recipes.states import RecipeState
from mes.routes.models import Operation, OperationAlternative

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
    """Of members that wait where material or durables are used, how many units a run would work on, by substrate id."""

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
