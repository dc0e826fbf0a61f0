"""What was done to units where they were: the runs that they were in, material, shipments and changes of owner.

For readers who see the centre. Read for all substrates at once; a unit may have come to its substrate later than some
of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, union
from sqlalchemy.orm import Session, aliased

from mes.equipment.models import Equipment
from mes.genealogy.ask import IDS, ask
from mes.genealogy.records import Known
from mes.genealogy.tree import Changed, Parameter, Ran, Sent, Unit, Work
from mes.genealogy.used import used_at
from mes.history import History
from mes.lots.experiments.models import Experiment, ExperimentLeg, RunLeg
from mes.lots.models import Handover, Lot, LotSubstrate, RunSubstrate
from mes.people.models import Customer
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.shipments.models import Shipment, ShipmentLot

_WORKED = (
    select(RunSubstrate.substrate_id, RunSubstrate.run_id, RunSubstrate.started_at, RunSubstrate.positions)
    .where(RunSubstrate.substrate_id.in_(IDS), RunSubstrate.started_at.is_not(None))
    .order_by(RunSubstrate.started_at, RunSubstrate.run_id)
)

_RUNS = (
    select(
        Run.id, Run.name, Equipment.name, Operation.name, Run.recipe_version_id, Experiment.name + "/" +
        ExperimentLeg.name, ExperimentLeg.parameters, History.actor, Run.started_at, Run.ended_at,
    )
    .join(Equipment, Equipment.id == Run.equipment_id)
    .join(Operation, Operation.id == Run.operation_id)
    .outerjoin(History, and_(History.subject_kind == "run", History.subject_id == Run.id, History.n == 1))
    .outerjoin(RunLeg, RunLeg.run_id == Run.id)
    .outerjoin(ExperimentLeg, ExperimentLeg.id == RunLeg.leg_id)
    .outerjoin(Experiment, Experiment.id == ExperimentLeg.experiment_id)
    .where(Run.id.in_(IDS))
    .order_by(Run.started_at, Run.id)
)  # fmt: skip

_RECIPES = select(
    RecipeVersion.id, RecipeVersion.name, RecipeVersion.sha256, RecipeVersion.approved_by, RecipeVersion.parameters
).where(RecipeVersion.id.in_(IDS))

_OF_LOTS = union(
    select(LotSubstrate.substrate_id, LotSubstrate.lot_id).where(LotSubstrate.substrate_id.in_(IDS)),
    select(Handover.substrate_id, Handover.from_id).where(Handover.substrate_id.in_(IDS)),
).subquery()

_SENT = (
    select(
        _OF_LOTS.c.substrate_id, Shipment.name, Shipment.direction, Shipment.partner, Shipment.sent_at,
        Shipment.arrived_at,
    )
    .join(ShipmentLot, ShipmentLot.lot_id == _OF_LOTS.c.lot_id)
    .join(Shipment, Shipment.id == ShipmentLot.shipment_id)
    .order_by(Shipment.sent_at, Shipment.id)
)  # fmt: skip

_GIVER, _TAKER, _FROM, _TO = aliased(Customer), aliased(Customer), aliased(Lot), aliased(Lot)
_CHANGED = (
    select(Handover.substrate_id, _GIVER.name, _TAKER.name, Handover.happened_at)
    .join(_FROM, _FROM.id == Handover.from_id)
    .join(_TO, _TO.id == Handover.to_id)
    .join(_GIVER, _GIVER.id == _FROM.customer_id)
    .join(_TAKER, _TAKER.id == _TO.customer_id)
    .where(Handover.substrate_id.in_(IDS), _FROM.customer_id != _TO.customer_id)
    .order_by(Handover.happened_at, Handover.id)
)


class Stays:
    """What was done to units of some substrates, of which ``known`` says what they are, and how they were moved.

    ``works``: by id, the runs that moved them, and all others that they were in.
    """

    def __init__(self, session: Session, known: Mapping[int, Known], moved_by: Iterable[int]) -> None:
        self._known = known
        wafers = {one.part_of for one in known.values() if one.part_of is not None}
        self._used = used_at(session, known)
        self._worked = _by_substrate(session, _WORKED, [*known, *wafers])
        worked_in = {row.run_id for rows in self._worked.values() for row in rows}
        self._runs = _runs(session, worked_in.union(moved_by))
        self.works = {
            number: Work(ran.run, ran.equipment, ran.operation, ran.recipe, ran.sha256, ran.leg)
            for number, ran in self._runs.items()
        }
        self._sent = _by_substrate(session, _SENT, known)
        self._changed = _by_substrate(session, _CHANGED, known)

    def tell(self, unit: Unit, until: datetime) -> None:
        """Say it of a unit that was at its place until then."""
        if unit.place is None:
            return
        number = unit.place.substrate_id
        known = self._known.get(number)
        unit.used = tuple(one for one in self._used.get(number, ()) if one.at < until)
        unit.shipments = tuple(Sent(*row[1:]) for row in self._sent.get(number, ()) if row.sent_at < until)
        unit.owners = tuple(Changed(*row[1:]) for row in self._changed.get(number, ()) if row.happened_at < until)
        if known is not None:
            byte, bit = divmod(unit.place.y * known.columns + unit.place.x, 8)
            rows = [*self._worked.get(known.part_of or 0, ()), *self._worked.get(number, ())]
            unit.runs = tuple(
                self._runs[row.run_id].run
                for row in rows
                if row.started_at < until and row.positions[byte] << bit & 0x80
            )

    def runs(self, units: Iterable[Unit]) -> tuple[Ran, ...]:
        """More of the runs of these units, the first one first."""
        names = {name for unit in units for name in unit.runs}
        return tuple(ran for ran in self._runs.values() if ran.run in names)


def _runs(session: Session, run_ids: Iterable[int]) -> dict[int, Ran]:
    """By id, how runs were done and by whom, the first one first."""
    rows = ask(session, _RUNS, run_ids)
    recipes = {row.id: row for row in ask(session, _RECIPES, (row[4] for row in rows))}
    said = {(number, None): _parameters(row.parameters, {}) for number, row in recipes.items()}
    found = {}
    for number, name, equipment, operation, recipe_id, leg, set_points, by, started_at, ended_at in rows:
        if (recipe_id, leg) not in said:
            said[recipe_id, leg] = _parameters(recipes[recipe_id].parameters, set_points)
        recipe, of = recipes[recipe_id], said[recipe_id, leg]
        found[number] = Ran(
            name, equipment, operation, recipe.name, recipe.sha256, leg, by or "", recipe.approved_by, started_at,
            ended_at, of,
        )  # fmt: skip
    return found


def _parameters(listed: Iterable[Mapping[str, Any]], set_points: Mapping[str, float]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(one["name"], one["unit"], set_points.get(one["name"], one["target"]), one["low"], one["high"])
        for one in listed
    )


def _by_substrate(session: Session, query: Any, ids: Iterable[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in ask(session, query, ids):
        found[row.substrate_id].append(row)
    return found
