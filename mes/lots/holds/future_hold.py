"""Future holds: set now, they hold a lot when the first of its substrates reaches an operation.

The lot is held by whatever brings it there, in the same transaction: nothing of it starts there in between.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from mes.db import lock
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, Event, record
from mes.lots.holds.hold import new_hold, of_another, releases
from mes.lots.models import FutureHold, Hold, Lot, LotSubstrate, RunLoad
from mes.lots.queries import operations
from mes.lots.routing.models import Skip
from mes.lots.states import Progress
from mes.people.roles import Role
from mes.routes.models import Operation
from mes.runs.models import Run

STANDS = (Progress.QUEUED, Progress.ORDERED, Progress.IN_DOUBT)
"""A substrate of these has reached the operation it is at."""
_OFF_ROUTE = (Progress.CLOSED, Progress.FINISHED)


def set_future_hold(
    session: Session, lot_id: int, operation: str, code: str, comment: str, owner_role: str | None, act: Act
) -> FutureHold:
    """Hold the lot when the first of its substrates reaches an operation of its route, named ``route/number``.

    Raises `Malformed` where its route has no such operation, what `new_hold` does, and `Refused` where some of the
    lot stands there now, or none of it will come there any more.
    """
    wanted = new_hold(session, code, comment, owner_role, None, act)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    there = _operation(session, lot, operation)
    _refuse_reached(lot, there, _reached(session, lot))
    planned = FutureHold(
        customer_id=lot.customer_id, lot_id=lot.id, operation_id=there.id, code=code, comment=comment,
        owner_role=wanted.owner_role, set_by=act.actor, set_at=act.at,
    )  # fmt: skip
    session.add(planned)
    session.flush()
    lot.future_holds += 1
    told = {"code": code, "comment": comment, "owner": wanted.owner_role}
    after = {"future_hold": planned.id, "operation": there.name, **told}
    record(session, "future_hold", act, [Change(lot, after=after)])
    return planned


def _operation(session: Session, lot: Lot, name: str) -> Operation:
    of_route = operations(session, lot.route_version_id)
    found = next((one for one in of_route if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in of_route)
        raise Malformed(f"The route of lot {lot.name} has no operation {name}; it has {known}.")
    return found


def _reached(session: Session, lot: Lot) -> Sequence[int]:
    """The number of the operation that each substrate has reached that is still on the route; 0 before release.

    A load that a run still fills stands where that run is.
    """
    loading = aliased(Operation)
    query = select(func.coalesce(Operation.number, loading.number, 0)).select_from(LotSubstrate)
    query = query.outerjoin(Operation, Operation.id == LotSubstrate.operation_id)
    query = query.outerjoin(RunLoad, RunLoad.substrate_id == LotSubstrate.substrate_id)
    query = query.outerjoin(Run, Run.id == RunLoad.run_id).outerjoin(loading, loading.id == Run.operation_id)
    on_route = LotSubstrate.progress.not_in(_OFF_ROUTE)
    return session.scalars(query.where(LotSubstrate.lot_id == lot.id, on_route)).all()


def _refuse_reached(lot: Lot, there: Operation, reached: Sequence[int]) -> None:
    if there.number in reached:
        what = f"Lot {lot.name} has reached {there.name}; hold it now."
        raise Refused(what, Reason("operation_reached", what))
    if not any(number < there.number for number in reached):
        what = f"No substrate of lot {lot.name} comes to {there.name} any more."
        raise Refused(what, Reason("operation_passed", what))


def withdraw_future_hold(
    session: Session, lot_id: int, future_hold_id: int, comment: str, role: Role, act: Act
) -> FutureHold:
    """Take back a future hold, as somebody of ``role``, who would release the hold, too.

    Raises `NotFound`, `Malformed` (no comment), `Refused` where it took effect or was withdrawn, or belongs to another.
    """
    if not comment.strip():
        raise Malformed("Say in a comment why the lot need not be held.")
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    query = select(FutureHold).where(FutureHold.id == future_hold_id, FutureHold.lot_id == lot_id)
    planned = session.scalars(query, execution_options={"populate_existing": True}).one_or_none()
    if planned is None:
        raise NotFound(f"Lot {lot.name} has no future hold {future_hold_id}.")
    if planned.hold_id is not None:
        raise Refused(f"Future hold {planned.id} of lot {lot.name} took effect; release hold {planned.hold_id}.")
    if planned.ended_at is not None:
        raise Refused(f"Future hold {planned.id} of lot {lot.name} was withdrawn by {planned.ended_by}.")
    if not releases(role, planned.owner_role):
        raise Refused(f"Future hold {planned.id} of lot {lot.name} is not yours to withdraw.", of_another(planned))
    planned.ended_by, planned.ended_at, planned.withdraw_comment = act.actor, act.at, comment
    lot.future_holds -= 1
    gone = {"future_hold": planned.id}
    record(session, "withdraw_future_hold", act, [Change(lot, gone, gone | {"code": planned.code, "comment": comment})])
    return planned


def take_effect(
    session: Session, lots: Iterable[Lot], members: Mapping[int, Sequence[LotSubstrate]], act: Act
) -> list[Event]:
    """Hold the locked lots that have reached an operation with a future hold, or have all gone past it and left it out.

    Gives what is to be recorded. ``members``: all substrates of each lot, as they stand now. It asks nothing where no
    lot has a future hold.
    """
    of = {lot.id: lot for lot in lots if lot.future_holds}
    if not of:
        return []
    there = {(i, m.operation_id) for i in of for m in members[i] if m.progress in STANDS}
    query = select(FutureHold).where(FutureHold.lot_id.in_(of), FutureHold.ended_at.is_(None)).order_by(FutureHold.id)
    standing = session.scalars(query, execution_options={"populate_existing": True}).all()
    past = _left_out(session, [planned.id for planned in standing])
    due = [p for p in standing if (p.lot_id, p.operation_id) in there or p.id in past]
    holds = [_hold(planned, act) for planned in due]
    session.add_all(holds)
    session.flush()
    changes = []
    for planned, hold in zip(due, holds, strict=True):
        planned.hold_id, planned.ended_by, planned.ended_at = hold.id, act.actor, act.at
        of[planned.lot_id].future_holds -= 1
        told = {"hold": hold.id, "code": hold.code, "comment": hold.comment, "owner": hold.owner_role}
        changes.append(Change(of[planned.lot_id], {"future_hold": planned.id}, told))
    return [Event("hold", changes)] if changes else []


def _left_out(session: Session, standing: Sequence[int]) -> set[int]:
    """Those of the future holds whose operation was left out since they were set, and where nothing comes any more."""
    here = aliased(Operation)
    out = select(Skip.id).where(Skip.lot_id == FutureHold.lot_id, Skip.operation_id == FutureHold.operation_id)
    comes = select(LotSubstrate.substrate_id).outerjoin(here, here.id == LotSubstrate.operation_id)
    comes = comes.where(LotSubstrate.lot_id == FutureHold.lot_id, LotSubstrate.progress.not_in(_OFF_ROUTE))
    comes = comes.where((LotSubstrate.progress == Progress.LOADING) | (here.number <= Operation.number))
    there = select(LotSubstrate.substrate_id)
    there = there.where(LotSubstrate.lot_id == FutureHold.lot_id, LotSubstrate.progress != Progress.CLOSED)
    query = select(FutureHold.id).join(Operation, Operation.id == FutureHold.operation_id)
    query = query.where(FutureHold.id.in_(standing), there.exists(), ~comes.exists())
    query = query.where(out.where(Skip.at >= FutureHold.set_at).exists())
    return set(session.scalars(query))


def _hold(planned: FutureHold, act: Act) -> Hold:
    """What a future hold becomes: of whoever set it, from now on."""
    of_hold = {"code": planned.code, "comment": planned.comment, "owner_role": planned.owner_role}
    of_lot = {"customer_id": planned.customer_id, "lot_id": planned.lot_id}
    return Hold(**of_lot, **of_hold, held_by=planned.set_by, held_at=act.at)


def copy_future_holds(session: Session, lot: Lot, new: Lot) -> list[int]:
    """Whatever would hold the lot will hold the new one that is split off it, too. Gives the numbers of the copies."""
    same = ("customer_id", "operation_id", "code", "comment", "owner_role", "set_by", "set_at")
    copies = [FutureHold(lot_id=new.id, **{name: getattr(one, name) for name in same}) for one in _of(session, lot)]
    if copies:
        session.add_all(copies)
        session.flush()
        new.future_holds = len(copies)
    return [copy.id for copy in copies]


def hand_over_future_holds(session: Session, lot: Lot, other: Lot) -> list[int]:
    """What would hold the other lot will hold this one. Gives the numbers of these future holds."""
    found = _of(session, other)
    for planned in found:
        planned.lot_id = lot.id
    lot.future_holds, other.future_holds = lot.future_holds + len(found), 0
    return [planned.id for planned in found]


def _of(session: Session, lot: Lot) -> Sequence[FutureHold]:
    """The future holds that stand, of a lot that is locked."""
    if not lot.future_holds:
        return []
    query = select(FutureHold).where(FutureHold.lot_id == lot.id, FutureHold.ended_at.is_(None)).order_by(FutureHold.id)
    return session.scalars(query, execution_options={"populate_existing": True}).all()
