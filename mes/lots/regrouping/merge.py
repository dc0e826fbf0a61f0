"""Merge: all that waits of one lot goes on in another that is like it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, Event, record_all
from mes.lots import progress
from mes.lots.experiments.known import legs_known
from mes.lots.holds.future_hold import hand_over_future_holds, take_effect
from mes.lots.models import Hold, Lot, LotSubstrate, Rework
from mes.lots.regrouping.regroup import busy, hand_over, lock_substrates
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.routes.models import Operation

ALIKE = {
    "customer_id": "customers",
    "product_id": "products",
    "kind": "kinds",
    "route_version_id": "versions of routes",
    "operation_id": "operations",
    "form": "forms",
    "state": "states",
}
"""In which lots that are merged are alike, and the word for what differs."""


def merge(session: Session, lot_id: int, other_id: int, act: Act) -> Lot:
    """Let all substrates of the other lot go on in this one; the other ends.

    The lot takes the earlier due date, the higher priority, every hold and future hold of the two. Raises
    `Malformed` where they are one lot, and `Refused` with every reason: one does not wait, they differ, a substrate is
    in a run.
    """
    if lot_id == other_id:
        raise Malformed("A lot is not merged into itself; name another.")
    locked = lock(session, (Lot, [lot_id, other_id]))
    lot, other = locked.one(Lot, lot_id), locked.one(Lot, other_id)
    members = progress.members_of(session, [lot, other])
    go = [m for m in members[other_id] if m.progress != Progress.CLOSED]
    substrates = lock_substrates(session, go)
    found = [*_against(lot, other), *_other_marks(session, lot, other, members)]
    found += [*_other_legs(session, lot, other, members), *busy(session, go, substrates)]
    if found:
        raise Refused(f"Lot {other.name} cannot be merged into lot {lot.name}.", *found)
    before, before_of_other = _told(lot), {"state": other.state, "substrates": other.substrates, "units": other.units}
    lot.priority, lot.due_at = min(lot.priority, other.priority), _earlier(lot.due_at, other.due_at)
    holds, future = _take_holds(session, lot, other), hand_over_future_holds(session, lot, other)
    went = hand_over(session, other, lot, go, substrates, act)
    other.state = TRANSITIONS.after(f"Lot {other.name}", LotState(other.state), LotVerb.MERGE)
    other.ended_at = other.ended_at or act.at
    progress.settle(session, other, [m for m in members[other_id] if m not in go], act.at)
    progress.settle(session, lot, [*members[lot_id], *go], act.at)
    after = _told(lot) | {"from": other.name, "came": went.names, "holds": holds, "future_holds": future}
    gone = {"state": other.state, "substrates": other.substrates, "units": other.units, "into": lot.name}
    changes = [Change(lot, before, after, went.taken), Change(other, before_of_other, gone, went.given)]
    now_here = {lot.id: [*members[lot_id], *go]}
    merged = Event("merge", [*changes, *went.substrates])
    record_all(session, act, [merged, *take_effect(session, [lot], now_here, act)])
    return lot


def _against(lot: Lot, other: Lot) -> Iterator[Reason]:
    for one in (lot, other):
        if not TRANSITIONS.allows(LotState(one.state), LotVerb.MERGE):
            what = f"Lot {one.name} is {one.state}; lots are merged while they are created, queued or stocked."
            yield Reason("lot_state", what, "operator")
    for name, what in ALIKE.items():
        if getattr(lot, name) != getattr(other, name):
            yield Reason("lots_differ", f"Lots {lot.name} and {other.name} are of different {what}.")
    if lot.state == other.state and (lot.released_at is None) != (other.released_at is None):
        yield Reason("lots_differ", f"Of lots {lot.name} and {other.name} one was stored before it was released.")


def _other_marks(
    session: Session, lot: Lot, other: Lot, members: Mapping[int, Sequence[LotSubstrate]]
) -> Iterator[Reason]:
    """Lots whose substrates were reworked differently stay apart."""
    there = {one.id: [m for m in members[one.id] if m.progress != Progress.CLOSED] for one in (lot, other)}
    if not any(m.reworks for some in there.values() for m in some):
        return
    ids = [m.substrate_id for some in there.values() for m in some]
    query = select(Rework.substrate_id, Operation.name, Rework.reason, Rework.times)
    query = query.join(Operation, Operation.id == Rework.operation_id).where(Rework.substrate_id.in_(ids))
    marks: dict[int, set[tuple[str, str, int]]] = defaultdict(set)
    for substrate_id, operation, reason, times in session.execute(query):
        marks[substrate_id].add((operation, reason, times))
    of_lot, of_other = ({frozenset(marks[m.substrate_id]) for m in some} for some in there.values())
    if of_lot != of_other:
        yield Reason("lots_differ", f"Lots {lot.name} and {other.name} are of different rework marks.")


def _other_legs(
    session: Session, lot: Lot, other: Lot, members: Mapping[int, Sequence[LotSubstrate]]
) -> Iterator[Reason]:
    """Lots whose substrates ran, or are to run, by different legs of an experiment stay apart."""
    there = {one.id: [m.substrate_id for m in members[one.id] if m.progress != Progress.CLOSED] for one in (lot, other)}
    legs = legs_known(session, [i for some in there.values() for i in some])
    of_lot, of_other = ({legs.get(i, frozenset()) for i in some} for some in there.values())
    if of_lot != of_other:
        yield Reason("lots_differ", f"Lots {lot.name} and {other.name} are of different legs of an experiment.")


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((due for due in (one, other) if due is not None), default=None)


def _take_holds(session: Session, lot: Lot, other: Lot) -> list[int]:
    """What holds the other lot holds this one from now on. Gives the numbers of these holds."""
    standing = select(Hold).where(Hold.lot_id == other.id, Hold.released_at.is_(None)).order_by(Hold.id)
    found = session.scalars(standing, execution_options={"populate_existing": True}).all()
    for hold in found:
        hold.lot_id = lot.id
    return [hold.id for hold in found]


def _told(lot: Lot) -> dict[str, Any]:
    due = None if lot.due_at is None else lot.due_at.isoformat()
    return {"priority": lot.priority, "due_at": due, "substrates": lot.substrates, "units": lot.units}
