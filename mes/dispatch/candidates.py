"""The lots that wait, and for which class of equipment."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import ON_LINE, Progress
from mes.routes.models import Operation


@dataclass(frozen=True)
class Candidate:
    """A lot that waits at an operation for a class of equipment, and since when its longest waiting substrate does."""

    lot_id: int
    lot: str
    class_id: int
    operation_id: int
    recipe_version_id: int
    priority: int
    due_at: datetime | None
    since: datetime


def candidates(session: Session) -> list[Candidate]:
    """All lots with waiting substrates, one entry a lot and operation, in the usual order: priority, then time."""
    columns = (
        Lot.id,
        Lot.name,
        Operation.class_id,
        Operation.id,
        Operation.recipe_version_id,
        Lot.priority,
        Lot.due_at,
    )
    query = (
        select(*columns, func.min(LotSubstrate.since).label("since"))
        .join(LotSubstrate, LotSubstrate.lot_id == Lot.id)
        .join(Operation, Operation.id == LotSubstrate.operation_id)
        .where(LotSubstrate.progress == Progress.QUEUED, Lot.state.in_(ON_LINE), LotSubstrate.since.is_not(None))
        .group_by(Lot.id, Operation.id)
    )
    found = [
        Candidate(lot_id, lot, class_id, operation_id, recipe_version_id, priority, due_at, since)
        for lot_id, lot, class_id, operation_id, recipe_version_id, priority, due_at, since in session.execute(query)
        if since is not None
    ]
    return sorted(found, key=lambda c: (c.priority, c.since, c.lot, c.operation_id))
