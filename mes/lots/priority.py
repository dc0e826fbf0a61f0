"""Change how urgent a lot is: its priority, by which dispatch ranks from the next look on, its due date, or both."""

from datetime import datetime

from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, Reason, Refused, WrongState
from mes.history import Act, Change, record
from mes.lots.ahead import check_ahead
from mes.lots.create import check_priority
from mes.lots.models import Lot
from mes.lots.states import ENDED


def change_priority(session: Session, lot_id: int, priority: int | None, due_at: datetime | None, act: Act) -> Lot:
    """Give a lot another priority (1 is the most urgent) or due date; what is None stays.

    Raises `Malformed` (neither is given, out of range, a due date that has passed or is too far), `WrongState`
    where the lot has ended, `Refused` where it stands so already.
    """
    if priority is None and due_at is None:
        raise Malformed("Name a priority, a due date or both.")
    if priority is not None:
        check_priority(priority)
    if due_at is not None:
        check_ahead(due_at, act.at)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    if lot.state in ENDED:
        raise WrongState(f"Lot {lot.name} is {lot.state}; it waits for nothing any more.")
    before = _urgency(lot)
    lot.priority, lot.due_at = priority or lot.priority, due_at or lot.due_at
    after = _urgency(lot)
    if after == before:
        what = f"Lot {lot.name} has that priority and due date already; another may have changed it."
        raise Refused(what, Reason("nothing_changes", what))
    record(session, "change_priority", act, [Change(lot, before=before, after=after)])
    return lot


def _urgency(lot: Lot) -> dict[str, int | str | None]:
    return {"priority": lot.priority, "due_at": None if lot.due_at is None else lot.due_at.isoformat()}
