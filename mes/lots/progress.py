"""Where a lot and its substrates go when work on them ended."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.lots.models import Ledger, Lot, LotSubstrate, RunSubstrate
from mes.lots.mounting import dismount
from mes.lots.queries import next_operation
from mes.lots.states import ON_LINE, TRANSITIONS, LotState, LotVerb, Progress
from mes.routes.models import Operation, RouteVersion
from mes.routes.states import RouteEnd
from mes.runs.models import Run
from mes.runs.states import RunState
from mes.units.positions import Mask, Positions, pack
from mes.units.states import THERE, Disposition


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


def move_on(session: Session, member: LotSubstrate, positions: Positions, operation: Operation, at: datetime) -> None:
    """Let a substrate wait at the next operation, or finish the route; one without units left is closed."""
    member.todo, member.again, member.since, member.visit = None, None, at, 1
    if not positions.are(Disposition.IN_PROCESS, Disposition.SUSPECT).any():
        member.progress = Progress.CLOSED
        positions.substrate.closed = True
        return
    following = next_operation(session, operation)
    member.operation_id = None if following is None else following.id
    member.progress = Progress.QUEUED if following is not None else Progress.FINISHED
    if following is None:
        positions.mark(positions.are(Disposition.IN_PROCESS), Disposition.COMPLETED)


def close_empty(session: Session, member: LotSubstrate, positions: Positions, at: datetime) -> None:
    """Close a substrate that is on no equipment and has no unit left."""
    if member.progress in (Progress.QUEUED, Progress.FINISHED) and not positions.are(*THERE).any():
        member.progress, positions.substrate.closed = Progress.CLOSED, True
        dismount(session, positions.substrate.id, at)


def come_back(session: Session, member: LotSubstrate, positions: Positions, operation: Operation, at: datetime) -> None:
    """Open a closed load again that ``operation`` has filled all the same."""
    if member.progress == Progress.CLOSED and positions.are(*THERE).any():
        positions.substrate.closed = False
        move_on(session, member, positions, operation, at)


def settle(session: Session, lot: Lot, at: datetime) -> None:
    """Set the lot's state, operation and count of substrates from those of its substrates. The lot must be locked."""
    session.flush()
    members = _members(session, lot)
    lot.substrates = len(members)
    lot.form = max((m.form for m in members), default=lot.form)
    lot.operation_id = _earliest(session, members)
    verb = _verb(session, lot, members)
    if verb is None:
        return
    lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), verb)
    lot.ended_at = None if lot.state in ON_LINE else lot.ended_at or at


def _members(session: Session, lot: Lot) -> Sequence[LotSubstrate]:
    query = select(LotSubstrate).where(
        LotSubstrate.lot_id == lot.id, LotSubstrate.progress.not_in([Progress.CLOSED, Progress.LOADING])
    )
    return session.scalars(query).all()


def _earliest(session: Session, members: Sequence[LotSubstrate]) -> int | None:
    ids = {m.operation_id for m in members if m.operation_id is not None}
    if not ids:
        return None
    return session.scalars(select(Operation.id).where(Operation.id.in_(ids)).order_by(Operation.number)).first()


def _verb(session: Session, lot: Lot, members: Sequence[LotSubstrate]) -> LotVerb | None:
    """What the lot's substrates make of it; None where nothing changes."""
    if any(m.progress in (Progress.ORDERED, Progress.IN_DOUBT) for m in members):
        return None if lot.state == LotState.RUNNING or not _begun(session, lot) else LotVerb.START
    if lot.state not in ON_LINE:
        return _off_line(session, lot, members)
    if any(m.progress == Progress.QUEUED for m in members):
        return LotVerb.WAIT
    if _loading(session, lot):
        return None
    if not lot.units:
        return LotVerb.SCRAP
    ends = session.scalars(select(RouteVersion.ends).where(RouteVersion.id == lot.route_version_id)).one()
    return LotVerb.STORE if ends == RouteEnd.STOCKED else LotVerb.COMPLETE


def _off_line(session: Session, lot: Lot, members: Sequence[LotSubstrate]) -> LotVerb | None:
    """What became of a lot outside the line: it comes back when a load of it does, and ends with its last unit."""
    state = LotState(lot.state)
    if any(m.progress == Progress.QUEUED for m in members) and TRANSITIONS.allows(state, LotVerb.WAIT):
        return LotVerb.WAIT
    if lot.units or not TRANSITIONS.allows(state, LotVerb.SCRAP):
        return None
    used = select(Ledger.consumed).where(Ledger.lot_id == lot.id, Ledger.form == lot.form)
    return LotVerb.CONSUME if lot.state == LotState.STOCKED and session.scalar(used) else LotVerb.SCRAP


def _loading(session: Session, lot: Lot) -> bool:
    """Whether an open run still fills substrates of the lot: they go on when it ends."""
    query = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == lot.id)
    return session.scalars(query.where(LotSubstrate.progress == Progress.LOADING)).first() is not None


def _begun(session: Session, lot: Lot) -> bool:
    query = select(Run.id).join(RunSubstrate, RunSubstrate.run_id == Run.id)
    query = query.where(RunSubstrate.lot_id == lot.id, Run.state == RunState.RUNNING).limit(1)
    return session.scalar(query) is not None
