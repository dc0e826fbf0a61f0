"""Skip and move: substrates that wait leave an operation out, or go on at another of their route, by a signature."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Event
from mes.lots import progress
from mes.lots.models import Lot, LotSubstrate
from mes.lots.queries import operations
from mes.lots.regrouping.rework import begun, send_back
from mes.lots.routing.sampling import Way, left_out, ways_on
from mes.lots.states import Progress
from mes.lots.verbs.picture import Picture, at_work, done, picture, told_why
from mes.routes.models import Operation
from mes.routes.states import OperationKind
from mes.units.states import Disposition

SKIP_MEANS = "These substrates go past this operation without it; that they left it out stays known of them."
MOVE_MEANS = "These substrates go on at another operation of their route; what lies between is left out, or done again."
"""What leaving an operation out, and going on at another, sign."""

CHANGES_FORM = (OperationKind.ASSEMBLE, OperationKind.TRANSFER)


def skip(session: Session, lot_id: int, operation: str, names: Sequence[str], act: Act) -> Lot:
    """Let substrates leave out the operation at which they wait, named ``route/number``; without names all of them.

    It is named, so that who comes second leaves out nothing more. Raises `Malformed` (no reason, one named twice, the
    route has no such operation), `NotFound` (no such substrate) and `Refused` with every reason: one does not wait, or
    not there, or is in the midst of a visit, or the operation changes its form.
    """
    told_why(act)
    seen = _waiting(session, lot_id, names)
    route = operations(session, seen.lot.route_version_id)
    at = route.index(_operation(seen.lot, route, operation))
    if not names:
        seen.keep([m for m in seen.chosen if m.operation_id == route[at].id])
    following = route[at + 1] if at + 1 < len(route) else None
    found = [*_against(session, seen), *_elsewhere(seen, route[at]), *across(route, route[at], following, seen.chosen)]
    if found:
        raise Refused(f"Lot {seen.lot.name} cannot leave it out so.", *found)
    ways = ways_on(session, seen.lot, seen.members, seen.chosen, following)
    events = [
        *left_out(session, seen.lot, {i: Way(None, [route[at]]) for i in ways}, act, act.why),
        *left_out(session, seen.lot, ways, act),
    ]
    for member in seen.chosen:
        _go_on(seen, member, ways[member.substrate_id].following, act)
    told = {"left_out": route[at].name, "means": SKIP_MEANS}
    return done(session, seen, "leave_out", act, told, also=events)


def move(session: Session, lot_id: int, operation: str, names: Sequence[str], act: Act) -> Lot:
    """Let substrates that wait go on at another operation, named ``route/number``; without names all that wait.

    Forwards they leave out what lies between, back they do it again. Raises as `skip` does, and `Malformed` where the
    route has no such operation.
    """
    told_why(act)
    seen = _waiting(session, lot_id, names)
    lot = seen.lot
    route = operations(session, lot.route_version_id)
    there = _operation(lot, route, operation)
    at = {m.substrate_id: next((one for one in route if one.id == m.operation_id), there) for m in seen.chosen}
    found = [*_against(session, seen), *_there_already(seen, there)]
    for stands in sorted({*at.values()}, key=lambda one: one.number):
        found += across(route, stands, there, [m for m in seen.chosen if at[m.substrate_id] is stands])
    if found:
        raise Refused(f"Lot {lot.name} cannot be moved so.", *found)
    events = _set_out(session, seen, route, there, at, act)
    return done(session, seen, "move", act, {"to": there.name, "means": MOVE_MEANS}, also=events)


def across(
    route: Sequence[Operation], here: Operation, there: Operation | None, members: Sequence[LotSubstrate]
) -> Iterator[Reason]:
    """Why substrates do not go from one operation to another, or past the end: in between they change their form."""
    numbers = [here.number, route[-1].number + 1 if there is None else there.number]
    between = [one for one in route if min(numbers) <= one.number < max(numbers)]
    for one in between if members else ():
        if one.kind in CHANGES_FORM:
            what = f"Operation {one.name} changes what units are on or in; it is neither left out nor done again."
            yield Reason("form_change", what, "process_engineer")


def _waiting(session: Session, lot_id: int, names: Sequence[str]) -> Picture:
    """The lot with the substrates that are named, else those that wait."""
    seen = picture(session, lot_id, names)
    if not names:
        seen.keep([m for m in seen.chosen if m.progress == Progress.QUEUED])
    return seen


def _operation(lot: Lot, route: Sequence[Operation], name: str) -> Operation:
    """The operation of that name. Raises `Malformed` with those that there are."""
    found = next((one for one in route if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in route)
        raise Malformed(f"The route of lot {lot.name} has no operation {name}; it has {known}.")
    return found


def _against(session: Session, seen: Picture) -> Iterator[Reason]:
    if not any(m.progress == Progress.QUEUED and m.operation_id is not None for m in seen.chosen):
        yield Reason("nothing_waits", f"No substrate of lot {seen.lot.name} waits at an operation there.")
    if seen.lot.state == "stocked":
        what = f"Lot {seen.lot.name} is stocked; withdraw it first."
        yield Reason("lot_state", what)
    yield from at_work(session, seen)
    yield from begun(session, seen.chosen, seen.substrates)


def _elsewhere(seen: Picture, here: Operation) -> Iterator[Reason]:
    for member in seen.chosen:
        if member.progress == Progress.QUEUED and member.operation_id != here.id:
            what = f"Substrate {seen.name(member)} does not wait at {here.name}; another may have let it go on."
            yield Reason("wrong_operation", what)


def _there_already(seen: Picture, there: Operation) -> Iterator[Reason]:
    for member in seen.chosen:
        if member.operation_id == there.id:
            yield Reason("operation_reached", f"Substrate {seen.name(member)} stands at {there.name} already.")


def _go_on(seen: Picture, member: LotSubstrate, following: Operation | None, act: Act) -> None:
    progress.stand_at(member, following, act.at)
    if following is None:
        at = seen.at(member)
        at.mark(at.are(Disposition.IN_PROCESS), Disposition.COMPLETED)


def _set_out(
    session: Session, seen: Picture, route: Sequence[Operation], there: Operation, at: dict[int, Operation], act: Act
) -> list[Event]:
    """Send each substrate forwards or back; gives what is to be recorded of what is left out."""
    back = [m for m in seen.chosen if at[m.substrate_id].number > there.number]
    if back:
        last = max(at[m.substrate_id].number for m in back)
        send_back(session, back, [one for one in route if there.number <= one.number <= last], act.at)
    ways = {}
    for member in seen.chosen:
        number = at[member.substrate_id].number
        if number < there.number:
            ways[member.substrate_id] = Way(there, [one for one in route if number <= one.number < there.number])
            progress.stand_at(member, there, act.at)
    return left_out(session, seen.lot, ways, act, act.why)
