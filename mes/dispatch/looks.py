"""What waits for an equipment as people and programs look at it: ranked lots, and the others with every reason."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.dispatch.criteria import UNITS, Criterion
from mes.dispatch.waiting import Waiting, ranking
from mes.dispatch.what_if import AS_IT_IS, WhatIf
from mes.lots.models import Lot
from mes.people.models import Customer
from mes.routes.models import Operation

Row = dict[str, Any]


def look(session: Session, equipment_id: int, at: datetime, what_if: WhatIf = AS_IT_IS) -> tuple[list[Row], list[Row]]:
    """What may start on an equipment at plant time ``at``, most urgent first; and what waits, with its ``reasons``."""
    found = ranking(session, equipment_id, at, what_if)
    operation_ids = {waiting.candidate.operation_id for waiting in found}
    lot_ids = {waiting.candidate.lot_id for waiting in found}
    operations = select(Operation.id, Operation.name).where(Operation.id.in_(operation_ids))
    owners = select(Lot.id, Customer.name).join(Customer, Customer.id == Lot.customer_id).where(Lot.id.in_(lot_ids))
    names = {row.id: row.name for row in session.execute(operations)}
    customers = {row.id: row.name for row in session.execute(owners)}
    rows = [
        (
            waiting,
            {
                "lot": waiting.candidate.lot,
                "customer": customers[waiting.candidate.lot_id],
                "operation": names[waiting.candidate.operation_id],
                "priority": waiting.candidate.priority,
                "since": waiting.candidate.since,
                "criteria": [_told(criterion, value) for criterion, value in waiting.values.items()],
            },
        )
        for waiting in found
    ]
    starting = [(waiting, row) for waiting, row in rows if waiting.start is not None]
    return (
        [row | {"rank": rank} | _start(waiting) for rank, (waiting, row) in enumerate(starting, 1)],
        [row | {"reasons": waiting.reasons} for waiting, row in rows if waiting.reasons],
    )


def _told(criterion: Criterion, value: float | None) -> Row:
    rounded = value if value is None else round(value, 3)
    return {"criterion": criterion.value, "value": rounded, "unit": UNITS.get(criterion)}


def _start(waiting: Waiting) -> Row:
    """How much of the lot would start, and what would be picked from."""
    assert waiting.start is not None
    own = Counter({part.lot_id: len(part.substrate_ids) for part in waiting.start.parts})
    return {"substrates": own[waiting.candidate.lot_id], "sources": len(waiting.start.source_ids)}
