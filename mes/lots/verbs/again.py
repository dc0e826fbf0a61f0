"""Back to the line: out of the die bank, or after the end."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.lots.models import Lot, LotSubstrate
from mes.lots.mounting import dismount
from mes.lots.queries import operations
from mes.lots.regrouping.regroup import on_shared_wafers
from mes.lots.regrouping.rework import send_back
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.lots.verbs.correct import take_back
from mes.lots.verbs.models import HandChange
from mes.lots.verbs.picture import at_work, done, picture, told_why
from mes.lots.verbs.reroute import across
from mes.routes.models import Operation
from mes.units.states import Disposition

REOPEN_MEANS = "This lot had ended and goes on: what had passed its route, or was given up, is worked on again."
"""What a lot that goes on after its end signs."""


def withdraw(session: Session, lot_id: int, act: Act) -> Lot:
    """Let a lot wait again that was stored on its way: where it stood, or to be released if it never was.

    Raises `WrongState` where it is not stocked, `Refused` where it lies there because it has passed its route.
    """
    seen = picture(session, lot_id)
    lot = seen.lot
    verb = LotVerb.RESTORE if lot.released_at is None else LotVerb.WITHDRAW
    TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), verb)
    if not any(member.progress == Progress.QUEUED for member in seen.chosen):
        what = f"Lot {lot.name} has passed its route; reopen it to work on it again."
        raise Refused(what, Reason("nothing_waits", what))
    return done(session, seen, "withdraw", act, {}, lot_verb=verb)


def reopen(session: Session, lot_id: int, operation: str | None, act: Act) -> Lot:
    """Let a lot queue again that has passed its route or was given up: at an operation, named ``route/number``.

    Without one it waits where it was given up, and what has passed the route at its last operation. What was scrapped
    or lost when it was given up is there again. Raises `WrongState`, `Malformed` (no reason, no such operation) and
    `Refused` with every reason: it went on in another lot, units would change their form, a substrate serves a run.
    """
    told_why(act)
    seen = picture(session, lot_id, closed=True)
    lot = seen.lot
    TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.REOPEN)
    given_up = _given_up(session, lot) if lot.state == LotState.TERMINATED else {}
    back = [m for m in seen.chosen if m.substrate_id in given_up or m.progress != Progress.CLOSED]
    seen.keep(back)
    route = operations(session, lot.route_version_id)
    there = _named(lot, route, operation)
    finished = [m for m in back if _stood(m, given_up) == Progress.FINISHED]
    found = [*_none_left(lot, back), *at_work(session, seen), *across(route, there or route[-1], None, finished)]
    found += on_shared_wafers(session, seen.substrates)
    if found:
        raise Refused(f"Lot {lot.name} cannot be reopened so.", *found)
    with session.no_autoflush:  # what is written at once at the end
        take_back(session, seen, given_up)
        seen.mark(Disposition.IN_PROCESS, lambda at: at.are(Disposition.COMPLETED))
        _stand(session, back, finished, route, there, act)
    lot.released_at = lot.released_at or act.at
    reverses = next((row.n for row in given_up.values()), None)
    told = {"operation": (there or route[-1]).name if finished or there else None, "means": REOPEN_MEANS}
    return done(session, seen, "reopen", act, told, lot_verb=LotVerb.REOPEN, reverses=reverses)


def _given_up(session: Session, lot: Lot) -> dict[int, HandChange]:
    """What the end of the lot did to each substrate, where that was not taken back."""
    query = select(HandChange).where(HandChange.lot_id == lot.id, HandChange.verb == "terminate")
    rows = session.scalars(query.order_by(HandChange.n).options(undefer("*"))).all()
    taken_back = select(HandChange.reverses_n).where(HandChange.lot_id == lot.id, HandChange.reverses_n.is_not(None))
    last = max({row.n for row in rows} - set(session.scalars(taken_back)), default=None)
    return {row.substrate_id: row for row in rows if row.n == last}


def _stood(member: LotSubstrate, given_up: dict[int, HandChange]) -> str:
    row = given_up.get(member.substrate_id)
    return member.progress if row is None else row.progress


def _named(lot: Lot, route: Sequence[Operation], name: str | None) -> Operation | None:
    found = next((one for one in route if one.name == name), None)
    if name is not None and found is None:
        known = ", ".join(one.name for one in route)
        raise Malformed(f"The route of lot {lot.name} has no operation {name}; it has {known}.")
    return found


def _none_left(lot: Lot, back: Sequence[LotSubstrate]) -> Iterator[Reason]:
    if not back:
        what = f"Nothing of lot {lot.name} is left: its substrates went on in another lot."
        yield Reason("nothing_left", what)


def _stand(
    session: Session, back: Sequence[LotSubstrate], finished: Sequence[LotSubstrate], route: Sequence[Operation],
    there: Operation | None, act: Act,
) -> None:  # fmt: skip
    """Let what had passed the route, or all where an operation is named, wait there; what never began at the first."""
    dismount(session, [member.substrate_id for member in back], act.at)
    moving = list(back) if there is not None else list(finished)
    to = there or route[-1]
    if moving:
        send_back(session, moving, [one for one in route if one.number >= to.number], act.at)
    for member in back:
        if member.operation_id is None:
            member.operation_id, member.since = route[0].id, act.at
