"""Migrate: a lot goes over to another version of its route; each substrate stands where it stood, by number."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.errors import Refused
from mes.history import Act
from mes.lots.models import FutureHold, Lot
from mes.lots.queries import operations
from mes.lots.routing.migration import plan, version_of
from mes.lots.states import TRANSITIONS, LotState, LotVerb
from mes.lots.verbs.picture import Picture, done, picture, told_why
from mes.routes.models import Operation, RouteVersion

MEANS = "This lot goes on by the other version of its route, each substrate from the operation where it stands."
"""What a migration signs."""


def migrate(session: Session, lot_id: int, to: str, act: Act) -> Lot:
    """Let a lot that waits go on by another released version of its route, named ``route@version``.

    Raises `Malformed` (no reason), `NotFound` (no such version), `WrongState` and `Refused` with every reason that
    `plan` tells before.
    """
    told_why(act)
    target = version_of(session, to)
    seen = picture(session, lot_id)
    lot = seen.lot
    TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.MIGRATE)
    planned = plan(session, [lot], target)[lot_id]
    if planned.reasons:
        raise Refused(f"Lot {lot.name} cannot go over to {target.name}.", *planned.reasons)
    told = _go_over(session, seen, target)
    seen.before |= {"route": planned.version}
    return done(session, seen, "migrate", act, {"route": target.name, **told}, lot_verb=LotVerb.MIGRATE)


def _go_over(session: Session, seen: Picture, target: RouteVersion) -> dict[str, Any]:
    """Let lot, substrates and future holds stand at the operations of the other version; gives what is told of it."""
    lot = seen.lot
    own, there = operations(session, lot.route_version_id), operations(session, target.id)
    by_number: dict[int, Operation] = {one.number: one for one in there}
    new = {one.id: by_number[one.number] for one in own if one.number in by_number}
    for member in seen.chosen:
        if member.operation_id is not None:
            member.operation_id = new[member.operation_id].id
        if member.next_visits:
            kept = {int(i): visit for i, visit in member.next_visits.items() if int(i) in new}
            member.next_visits = {str(new[i].id): visit for i, visit in kept.items()}
    standing = select(FutureHold).where(FutureHold.lot_id == lot.id, FutureHold.ended_at.is_(None))
    for hold in session.scalars(standing, execution_options={"populate_existing": True}):
        hold.operation_id = new[hold.operation_id].id
    lot.route_version_id = target.id
    names = {one.id: one.name for one in there}
    waits = {seen.name(m): names[m.operation_id] for m in seen.chosen if m.operation_id is not None}
    return {"stands": waits, "means": MEANS}
