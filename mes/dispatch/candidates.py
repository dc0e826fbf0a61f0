"""The lots that wait, and for which class of equipment."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import ON_LINE, Progress
from mes.routes.models import Operation
from mes.routes.ways import WAYS


@dataclass(frozen=True)
class Candidate:
    """A lot that waits at an operation for a class of equipment, and since when its longest waiting substrate does.

    An operation that another class serves as well makes a candidate for each. The recipe is the first that would run.
    """

    lot_id: int
    lot: str
    class_id: int
    operation_id: int
    recipe_version_id: int
    priority: int
    due_at: datetime | None
    since: datetime


_WAITING = (
    select(
        Lot.id, Lot.name, WAYS.c.class_id, Operation.id, WAYS.c.recipe_version_id, Lot.priority, Lot.due_at,
        func.min(LotSubstrate.since),
    )
    .join(LotSubstrate, LotSubstrate.lot_id == Lot.id)
    .join(Operation, Operation.id == LotSubstrate.operation_id)
    .join(WAYS, WAYS.c.operation_id == Operation.id)
    .where(LotSubstrate.progress == Progress.QUEUED, Lot.state.in_(ON_LINE), LotSubstrate.since.is_not(None))
    .group_by(Lot.id, Operation.id, WAYS.c.class_id, WAYS.c.recipe_version_id, WAYS.c.ordinal)
    .order_by(WAYS.c.ordinal)
)  # fmt: skip


def candidates(session: Session) -> list[Candidate]:
    """All lots with waiting substrates, one entry a lot and operation, in the usual order: priority, then time."""
    found: dict[tuple[int, int, int], Candidate] = {}
    for lot_id, lot, class_id, operation_id, recipe_version_id, priority, due_at, since in session.execute(_WAITING):
        one = Candidate(lot_id, lot, class_id, operation_id, recipe_version_id, priority, due_at, since)
        found.setdefault((lot_id, operation_id, class_id), one)
    return sorted(found.values(), key=lambda c: (c.priority, c.since, c.lot, c.operation_id))
