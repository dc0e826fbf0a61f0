"""Ranks what waits before each equipment, by the criteria of its class or else of its site."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.orm import Session, aliased

from mes.definitions.models import Area, EquipmentClass, Site
from mes.dispatch.candidates import Candidate
from mes.dispatch.criteria import USUAL, Criterion
from mes.equipment.models import Equipment
from mes.lots.gate.queue_times import begun_anew, signed_end
from mes.lots.models import LotSubstrate, RunSubstrate
from mes.lots.states import Progress
from mes.routes.limits import LIMITS
from mes.routes.models import Operation
from mes.runs.models import Run

HOUR = timedelta(hours=1)

Ranking = Sequence[Criterion]


@dataclass(frozen=True)
class Ranks:
    """What criteria say of lots that wait. A lot that a criterion does not know comes after those that it knows."""

    at: datetime
    rankings: Mapping[int, Ranking]
    """By equipment."""
    raw_left_s: Mapping[int, float]
    """By operation: how long equipment works on a lot from there to the end of its route."""
    limit_ends: Mapping[tuple[int, int], datetime]
    """By lot and operation: when the first queue-time limit runs out that it is under."""
    last_recipes: Mapping[int, int]
    """By equipment: the recipe version of its last run."""

    def ranked(self, waiting: Iterable[Candidate], equipment_id: int) -> list[Candidate]:
        """The candidates as the equipment ranks them, the most urgent first; equals by their names."""
        return sorted(waiting, key=lambda c: (self._key(c, equipment_id), c.lot, c.operation_id))

    def values(self, candidate: Candidate, equipment_id: int) -> dict[Criterion, float | None]:
        """What each criterion of the equipment says of a candidate; None where it does not know it."""
        return {c: self._value(c, candidate, equipment_id) for c in self.rankings[equipment_id]}

    def _key(self, candidate: Candidate, equipment_id: int) -> list[tuple[bool, float]]:
        found = self.values(candidate, equipment_id).items()
        return [(v is None, -(v or 0.0) if c is Criterion.FIRST_IN_FIRST_OUT else v or 0.0) for c, v in found]

    def _value(self, criterion: Criterion, candidate: Candidate, equipment_id: int) -> float | None:
        match criterion:
            case Criterion.PRIORITY:
                return candidate.priority
            case Criterion.CRITICAL_RATIO:
                raw_s = self.raw_left_s.get(candidate.operation_id)
                if raw_s is None or candidate.due_at is None:
                    return None
                return (candidate.due_at - self.at).total_seconds() / raw_s
            case Criterion.QUEUE_TIME_LEFT:
                ends = self.limit_ends.get((candidate.lot_id, candidate.operation_id))
                return None if ends is None else (ends - self.at) / HOUR
            case Criterion.SETUP_CHANGE:
                return int(self.last_recipes.get(equipment_id) != candidate.recipe_version_id)
            case Criterion.FIRST_IN_FIRST_OUT:
                return (self.at - candidate.since) / HOUR


def ranks(
    session: Session, waiting: Collection[Candidate], equipment_ids: Collection[int], at: datetime,
    instead: Ranking = (),
) -> Ranks:  # fmt: skip
    """Read what the criteria look at that rank these candidates before this equipment.

    ``instead``: rank by these. As many queries for a hundred lots as for one, and none for what no criterion asks.
    """
    rankings = dict.fromkeys(equipment_ids, instead) if instead else _rankings(session, equipment_ids)
    asked = {criterion for ranking in rankings.values() for criterion in ranking}
    return Ranks(
        at,
        rankings,
        _raw_left_s(session, waiting) if Criterion.CRITICAL_RATIO in asked else {},
        _limit_ends(session, waiting) if Criterion.QUEUE_TIME_LEFT in asked else {},
        _last_recipes(session, equipment_ids) if Criterion.SETUP_CHANGE in asked else {},
    )


_RANKINGS = (
    select(Equipment.id, EquipmentClass.ranking, Site.ranking)
    .join(EquipmentClass, EquipmentClass.id == Equipment.class_id)
    .join(Area, Area.id == Equipment.area_id)
    .join(Site, Site.id == Area.site_id)
    .where(Equipment.id.in_(bindparam("equipment", expanding=True)))
)


def _rankings(session: Session, equipment_ids: Collection[int]) -> dict[int, Ranking]:
    rows = session.execute(_RANKINGS, {"equipment": list(equipment_ids)})
    return {i: [Criterion(c) for c in of_class or of_site or USUAL] for i, of_class, of_site in rows}


def _raw_left_s(session: Session, waiting: Iterable[Candidate]) -> dict[int, float]:
    """By operation; without those of routes that do not say how long each of what follows takes."""
    later = aliased(Operation)
    query = (
        select(Operation.id, func.sum(later.process_s))
        .join(later, (later.route_version_id == Operation.route_version_id) & (later.number >= Operation.number))
        .where(Operation.id.in_({c.operation_id for c in waiting}))
        .group_by(Operation.id)
        .having(func.count(later.process_s) == func.count())
    )
    return {operation_id: raw_s for operation_id, raw_s in session.execute(query) if raw_s is not None}


def _limit_ends(session: Session, waiting: Iterable[Candidate]) -> dict[tuple[int, int], datetime]:
    """By lot and operation: the earliest end of a limit to where its substrates wait, or to what comes after.

    Units that are judged again were there in time at their first visit.
    """
    here, done = aliased(Operation), aliased(Operation)
    to_here = LIMITS.c.to_operation_id == here.id
    begun = (
        select(
            LotSubstrate.lot_id, LotSubstrate.substrate_id, here.id.label("operation_id"),
            LIMITS.c.id.label("limit_id"), func.max(RunSubstrate.ended_at).label("since"), LIMITS.c.most_s,
        )
        .join(here, here.id == LotSubstrate.operation_id)
        .join(RunSubstrate, RunSubstrate.substrate_id == LotSubstrate.substrate_id)
        .join(Run, Run.id == RunSubstrate.run_id)
        .join(done, (done.id == Run.operation_id) & (done.number < here.number))
        .join(LIMITS, (LIMITS.c.from_operation == done.name) & (LIMITS.c.route_version_id == here.route_version_id))
        .where(LotSubstrate.progress == Progress.QUEUED, LotSubstrate.lot_id.in_({c.lot_id for c in waiting}))
        .where((LIMITS.c.to_number > here.number) | (to_here & (LotSubstrate.visit == LotSubstrate.first_visit)))
        .group_by(LotSubstrate.lot_id, LotSubstrate.substrate_id, here.id, *LIMITS.c)
        .having(~to_here | begun_anew(RunSubstrate.ended_at))
        .subquery()
    )  # fmt: skip
    signed, ends_at = signed_end(begun)
    query = select(begun.c.lot_id, begun.c.operation_id, ends_at).join(signed, true(), isouter=True)
    found: dict[tuple[int, int], datetime] = {}
    for lot_id, operation_id, ends in session.execute(query):
        if ends is not None:
            found[lot_id, operation_id] = min(ends, found.get((lot_id, operation_id), ends))
    return found


def _last_recipes(session: Session, equipment_ids: Collection[int]) -> dict[int, int]:
    of_it = select(Run.recipe_version_id).where(Run.equipment_id == Equipment.id).order_by(Run.id.desc()).limit(1)
    query = select(Equipment.id, of_it.scalar_subquery()).where(Equipment.id.in_(equipment_ids))
    return {equipment_id: recipe for equipment_id, recipe in session.execute(query) if recipe is not None}
