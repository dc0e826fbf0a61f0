"""Rework: whole substrates go back on their route and come through its operations again; that stays known of them.

The operation where they wait says how far back, how often, and for which reasons. Their visits count on, so that no
report of the first stay is taken for one of the second; what they did in between counts as sent to another pass.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, Event, record_all
from mes.lots import progress
from mes.lots.holds.future_hold import take_effect
from mes.lots.models import Lot, LotSubstrate, Rework, RunSubstrate
from mes.lots.queries import operations
from mes.lots.regrouping.regroup import busy, lock_substrates
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress, Work
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate


@dataclass(frozen=True)
class _Loop:
    """Where substrates wait, and the way that they go again: from ``back_to`` up to there, in order."""

    waits_at: Operation
    again: Sequence[Operation]

    @property
    def back_to(self) -> Operation:
        return self.again[0]

    def rule(self, name: str) -> Any:
        """What the route says: most, most_per_lot or reasons."""
        return (self.waits_at.rework or {})[name]


def rework(session: Session, lot_id: int, names: Sequence[str], reason: str, act: Act) -> Lot:
    """Send these substrates of a lot, which wait at one operation, back by its loop; they come there again.

    Raises `Malformed` (none or one twice is named, no comment, a reason that the operation does not have), `NotFound`
    (a substrate is not in the lot), `WrongState`, and `Refused` with every reason: a substrate does not wait, or is in
    the midst of a visit, they wait at several operations or at one without a loop, or a limit is reached.
    """
    _check(names, act)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.REWORK)
    members = progress.members_of(session, [lot])[lot_id]
    chosen = _chosen(session, lot, members, names)
    substrates = lock_substrates(session, chosen)
    found = [*busy(session, chosen, substrates), *begun(session, chosen, substrates)]
    loop = _loop(session, lot, chosen)
    if isinstance(loop, Reason):
        raise Refused(f"Lot {lot.name} cannot be reworked so.", *found, loop)
    if reason not in loop.rule("reasons"):
        known = ", ".join(loop.rule("reasons"))
        raise Malformed(f"{loop.waits_at.name} is not reworked for {reason}; choose one of {known}.")
    times, of_lot = _marks(session, lot, chosen, loop)
    found += _limits(lot, loop, substrates, times, of_lot)
    if found:
        raise Refused(f"Lot {lot.name} cannot be reworked so.", *found)
    before = {"state": lot.state, "operation": loop.waits_at.name}
    send_back(session, chosen, loop.again, act.at)
    for member in chosen:
        member.reworks += 1
    marks = {"operation_id": loop.waits_at.id, "back_to_id": loop.back_to.id, "reason": reason, "of_lot": of_lot + 1}
    marks |= {"customer_id": lot.customer_id, "lot_id": lot.id, "comment": act.why, "by": act.actor, "at": act.at}
    session.add_all(Rework(substrate_id=i, times=times[i] + 1, **marks) for i in substrates)
    progress.settle(session, lot, members, act.at)
    told = {"reason": reason, "back_to": loop.back_to.name}
    after = told | {"state": lot.state, "substrates": [s.name for s in substrates.values()]}
    changes = [Change(s, after=told | {"times": times[i] + 1}) for i, s in substrates.items()]
    sent = Event("rework", [Change(lot, before, after), *changes])
    record_all(session, act, [sent, *take_effect(session, [lot], {lot.id: members}, act)])
    return lot


def _check(names: Sequence[str], act: Act) -> None:
    if not names:
        raise Malformed("Name at least one substrate to rework.")
    if len({*names}) < len(names):
        raise Malformed(f"A substrate is named twice: {', '.join(names)}; each goes once.")
    if not act.why.strip():
        raise Malformed("Say in a comment why they are reworked.")


def _chosen(session: Session, lot: Lot, members: Sequence[LotSubstrate], names: Sequence[str]) -> list[LotSubstrate]:
    query = select(Substrate.name, Substrate.id).where(Substrate.customer_id == lot.customer_id)
    ids = {row.name: row.id for row in session.execute(query.where(Substrate.name.in_(names)))}
    here = {m.substrate_id: m for m in members}
    strange = [name for name in names if ids.get(name) not in here]
    if strange:
        raise NotFound(f"The lot has no substrate {', '.join(strange)}.")
    return [here[ids[name]] for name in names]


def begun(session: Session, members: Sequence[LotSubstrate], substrates: dict[int, Substrate]) -> Iterator[Reason]:
    """Why some may not go back: a visit is half done or waits for another pass, or they have passed the route."""
    parts = or_(LotSubstrate.todo.is_not(None), LotSubstrate.again.is_not(None))
    query = select(LotSubstrate.substrate_id).where(LotSubstrate.substrate_id.in_(substrates), parts)
    half_done = set(session.scalars(query.where(LotSubstrate.progress != Progress.CLOSED)))
    for member in members:
        name = substrates[member.substrate_id].name
        if member.progress == Progress.FINISHED:
            yield Reason("nothing_waits", f"Substrate {name} has passed its route; nothing of it waits.")
        elif member.substrate_id in half_done or member.visit != member.first_visit:
            yield Reason("visit_begun", f"Substrate {name} is in the midst of a visit; let it end first.", "operator")


def _loop(session: Session, lot: Lot, members: Sequence[LotSubstrate]) -> _Loop | Reason:
    """The loop that the substrates go, or why they go none."""
    at = {m.operation_id for m in members}
    of_route = operations(session, lot.route_version_id)
    waits_at = next((one for one in of_route if one.id in at), None)
    if len(at) > 1 or waits_at is None:
        return Reason("several_operations", "They do not wait at one operation; rework those of each by themselves.")
    if waits_at.rework is None:
        what = f"The route has no rework for what waits at {waits_at.name}."
        return Reason("no_rework", what, "process_engineer")
    first = waits_at.rework["back_to"]
    return _Loop(waits_at, [one for one in of_route if first <= one.number <= waits_at.number])


def _marks(session: Session, lot: Lot, members: Sequence[LotSubstrate], loop: _Loop) -> tuple[dict[int, int], int]:
    """How often each substrate has gone this loop, and the lot: whichever of its substrates did most often."""
    here = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == lot.id)
    query = select(Rework.substrate_id, func.max(Rework.times), func.max(Rework.of_lot))
    query = query.where(Rework.operation_id.in_(_in_all_versions([loop.waits_at])))
    query = query.where(or_(Rework.lot_id == lot.id, Rework.substrate_id.in_(here))).group_by(Rework.substrate_id)
    rows = session.execute(query).all()
    times = {substrate_id: n for substrate_id, n, _ in rows}
    return {m.substrate_id: times.get(m.substrate_id, 0) for m in members}, max((n for *_, n in rows), default=0)


def _in_all_versions(operations: Sequence[Operation]) -> Select[int]:
    """The ids of these operations in every version of their route: a lot may have come from another."""
    return select(Operation.id).where(Operation.name.in_([one.name for one in operations]))


def _limits(
    lot: Lot, loop: _Loop, substrates: dict[int, Substrate], times: dict[int, int], of_lot: int
) -> Iterator[Reason]:
    most, most_per_lot, where = loop.rule("most"), loop.rule("most_per_lot"), loop.waits_at.name
    for substrate_id, substrate in substrates.items():
        if times[substrate_id] >= most:
            what = (
                f"Substrate {substrate.name} was reworked {times[substrate_id]} times from {where}; {most} are allowed."
            )
            yield Reason("rework_limit", what, "process_engineer")
    if most_per_lot is not None and of_lot >= most_per_lot:
        what = f"Lot {lot.name} was reworked {of_lot} times from {where}; {most_per_lot} are allowed."
        yield Reason("rework_limit", what, "process_engineer")


def send_back(session: Session, members: Sequence[LotSubstrate], again: Sequence[Operation], at: datetime) -> None:
    """Let substrates wait at the first of these operations, and mark what they did in them as done again.

    Their visits count on.
    """
    ids, now = [m.substrate_id for m in members], {one.name: one.id for one in again}
    runs = select(Run.id).where(Run.operation_id.in_(_in_all_versions(again)))
    done = RunSubstrate.substrate_id.in_(ids) & RunSubstrate.run_id.in_(runs)
    done &= RunSubstrate.work.in_((Work.DONE, Work.PARTIAL))
    visits = select(RunSubstrate.substrate_id, Operation.name, func.max(RunSubstrate.visit)).where(done)
    visits = visits.join(Run, Run.id == RunSubstrate.run_id).join(Operation, Operation.id == Run.operation_id)
    visits = visits.group_by(RunSubstrate.substrate_id, Operation.name)
    next_visits: dict[int, dict[str, int]] = defaultdict(dict)
    for substrate_id, operation, last in session.execute(visits):
        next_visits[substrate_id][str(now[operation])] = last + 1
    session.execute(update(RunSubstrate).where(done).values(reworked=True), execution_options=_UNSEEN)
    for member in members:
        member.reworked_at = at
        member.next_visits = (member.next_visits or {}) | next_visits[member.substrate_id]
        progress.stand_at(member, again[0], at)


_UNSEEN = {"synchronize_session": False}
"""Nothing of it is in the session."""
