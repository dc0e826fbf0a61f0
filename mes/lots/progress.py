"""Where a lot and its substrates go when work on them ended."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from mes.lots.models import Ledger, Lot, LotSubstrate, RunSubstrate
from mes.lots.mounting import dismount
from mes.lots.states import ON_LINE, TRANSITIONS, LotState, LotVerb, Progress
from mes.routes.models import Operation, RouteVersion
from mes.routes.states import RouteEnd
from mes.runs.models import Run
from mes.runs.states import RunState
from mes.units.positions import Mask, Positions, pack, unpack
from mes.units.states import THERE, USABLE, Disposition


def queue_again(member: LotSubstrate, todo: Mask, again: Mask, at: datetime) -> None:
    """Let a substrate wait at the same operation for the positions that are left of this visit.

    Those in ``again`` wait until the visit is done: then they are judged again.
    """
    member.progress, member.since = Progress.QUEUED, at
    member.todo, member.again = pack(todo), pack(again) if again.any() else None


def judge_again(member: LotSubstrate, todo: Mask, at: datetime) -> None:
    """Let a substrate wait at the same operation for another pass over some positions: a new visit."""
    member.progress, member.since, member.visit = Progress.QUEUED, at, member.visit + 1
    member.todo, member.again = pack(todo), None


def move_on(member: LotSubstrate, positions: Positions, following: Operation | None, at: datetime) -> None:
    """Let a substrate wait at the ``following`` operation, or finish the route; one without units left is closed."""
    member.todo, member.again, member.since = None, None, at
    if not positions.are(Disposition.IN_PROCESS, Disposition.SUSPECT).any():
        member.progress = Progress.CLOSED
        positions.substrate.closed = True
        return
    stand_at(member, following, at)
    if following is None:
        positions.mark(positions.are(Disposition.IN_PROCESS), Disposition.COMPLETED)


def stand_at(member: LotSubstrate, operation: Operation | None, at: datetime) -> None:
    """Let a substrate wait at an operation, with its next visit there; without one it has finished its route."""
    member.operation_id, member.since = None if operation is None else operation.id, at
    member.progress = Progress.QUEUED if operation is not None else Progress.FINISHED
    next_visits = member.next_visits or {}
    member.visit = member.first_visit = 1 if operation is None else next_visits.get(str(operation.id), 1)


def close_empty(session: Session, member: LotSubstrate, positions: Positions, at: datetime) -> None:
    """Close a substrate that is on no equipment and has no unit left."""
    if member.progress in (Progress.QUEUED, Progress.FINISHED) and not positions.are(*THERE).any():
        member.progress, positions.substrate.closed = Progress.CLOSED, True
        dismount(session, [positions.substrate.id], at)


def come_back(member: LotSubstrate, positions: Positions, following: Operation | None, at: datetime) -> None:
    """Open a closed load again that was filled all the same; it waits at the ``following`` operation."""
    if member.progress == Progress.CLOSED and positions.are(*THERE).any():
        positions.substrate.closed = False
        move_on(member, positions, following, at)


def worked_on(operation: Operation) -> tuple[Disposition, ...]:
    """On what an operation works: units that may go on, or, where it puts dummies, bad positions."""
    return (Disposition.REJECTED,) if operation.dummies else USABLE


def asked_positions(
    member: LotSubstrate, positions: Positions, masked: Mask | None = None, on: tuple[Disposition, ...] = USABLE
) -> Mask:
    """The positions that a run of this substrate works on: what is left of the visit, there, and not ``masked``."""
    usable = positions.are(*on)
    if masked is not None:
        usable &= ~masked
    return usable if member.todo is None else usable & unpack(member.todo, positions.shape)


def members_of(session: Session, lots: Iterable[Lot]) -> dict[int, list[LotSubstrate]]:
    """All substrates of locked lots as they are now, by lot and in the order of their ids."""
    found: dict[int, list[LotSubstrate]] = {lot.id: [] for lot in lots}
    query = select(LotSubstrate).where(LotSubstrate.lot_id.in_(found)).order_by(LotSubstrate.substrate_id)
    query = query.options(undefer(LotSubstrate.again)).execution_options(populate_existing=True)
    for member in session.scalars(query):
        found[member.lot_id].append(member)
    return found


def settle(session: Session, lot: Lot, members: Sequence[LotSubstrate], at: datetime, *, begun: bool = False) -> None:
    """Set the lot's state, operation and count of substrates from those of its ``members``: all of them, locked.

    ``begun``: a run of it has just started.
    """
    active = [m for m in members if m.progress not in (Progress.CLOSED, Progress.LOADING)]
    lot.substrates = len(active)
    lot.form = max((m.form for m in active), default=lot.form)
    lot.operation_id = _earliest(session, active)
    verb = _verb(session, lot, members, begun=begun)
    if verb is None:
        return
    lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), verb)
    lot.ended_at = None if lot.state in ON_LINE else lot.ended_at or at


def _earliest(session: Session, members: Sequence[LotSubstrate]) -> int | None:
    ids = {m.operation_id for m in members if m.operation_id is not None}
    if len(ids) < 2:
        return next(iter(ids), None)
    return min((session.get_one(Operation, i) for i in ids), key=lambda operation: operation.number).id


def _verb(session: Session, lot: Lot, members: Sequence[LotSubstrate], *, begun: bool) -> LotVerb | None:
    """What the lot's substrates make of it; None where nothing changes."""
    are = {m.progress for m in members}
    if are & {Progress.ORDERED, Progress.IN_DOUBT}:
        return None if lot.state == LotState.RUNNING or not (begun or _begun(session, lot)) else LotVerb.START
    if lot.state not in ON_LINE:
        return _off_line(session, lot, waits=Progress.QUEUED in are)
    if Progress.LOADING in are:  # an open run still fills substrates of the lot: they go on when it ends
        return None
    if Progress.QUEUED in are:
        return LotVerb.WAIT
    if not lot.units:
        return LotVerb.SCRAP
    with session.no_autoflush:  # a released version never changes
        ends = session.get_one(RouteVersion, lot.route_version_id).ends
    return LotVerb.STORE if ends == RouteEnd.STOCKED else LotVerb.COMPLETE


def _off_line(session: Session, lot: Lot, *, waits: bool) -> LotVerb | None:
    """What became of a lot outside the line: it comes back when a load of it does, and ends with its last unit."""
    state = LotState(lot.state)
    if waits and TRANSITIONS.allows(state, LotVerb.WAIT):
        return LotVerb.WAIT
    if lot.units or not TRANSITIONS.allows(state, LotVerb.SCRAP):
        return None
    used = select(Ledger.consumed).where(Ledger.lot_id == lot.id, Ledger.form == lot.form)
    return LotVerb.CONSUME if lot.state == LotState.STOCKED and session.scalar(used) else LotVerb.SCRAP


def _begun(session: Session, lot: Lot) -> bool:
    query = select(Run.id).join(RunSubstrate, RunSubstrate.run_id == Run.id)
    query = query.where(RunSubstrate.lot_id == lot.id, Run.state == RunState.RUNNING).limit(1)
    return session.scalar(query) is not None
