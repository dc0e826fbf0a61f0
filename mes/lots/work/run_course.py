"""The course of a run: it starts, ends, is broken off, or is in doubt. Its lots and substrates follow."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import null, select
from sqlalchemy.orm import Session, undefer

from mes.db import Locked, lock
from mes.equipment.models import Equipment
from mes.history import Act, Change, Event, record_all
from mes.lots import ledger, progress
from mes.lots.holders import let_go
from mes.lots.holds.future_hold import take_effect
from mes.lots.holds.hold import place_hold
from mes.lots.holds.hold_codes import IN_DOUBT, OWNER_OF_REPORTED
from mes.lots.models import Lot, LotSubstrate, RunLoad, RunSubstrate
from mes.lots.queries import with_next
from mes.lots.routing.sampling import send_on
from mes.lots.states import OPEN_WORK, Progress, Work
from mes.lots.work import by_hand
from mes.lots.work.loads import count_fillings
from mes.runs.models import Run
from mes.runs.states import TRANSITIONS, RunState, RunVerb
from mes.units.models import Substrate
from mes.units.positions import Positions, opened
from mes.units.states import USABLE


@dataclass(frozen=True)
class LockedRun:
    """A run under lock, with its lots, all their substrates, and the loads that it fills."""

    run: Run
    locked: Locked
    members: dict[int, list[LotSubstrate]]
    """By lot."""
    load_ids: Sequence[int]


def lock_run(session: Session, run_id: int, of_lot: int | None = None) -> LockedRun:
    """Lock a run with its equipment, its lots, its loads, and the substrates of one lot that it waits for."""
    run = session.get_one(Run, run_id)
    waits = (RunSubstrate.lot_id == of_lot) & (RunSubstrate.work == Work.WAITING)
    ordered = select(RunSubstrate.substrate_id, RunSubstrate.lot_id, waits.label("waits"))
    loads = select(RunLoad.substrate_id, null(), null()).where(RunLoad.run_id == run_id)
    rows = session.execute(ordered.where(RunSubstrate.run_id == run_id).union_all(loads)).all()
    lots = {row.lot_id for row in rows} - {None}
    load_ids = sorted(row.substrate_id for row in rows if row.lot_id is None)
    substrates = [*load_ids, *(row.substrate_id for row in rows if row.waits)]
    locked = lock(session, (Equipment, [run.equipment_id]), (Run, [run_id]), (Lot, [*lots]), (Substrate, substrates))
    return LockedRun(locked.one(Run, run_id), locked, progress.members_of(session, locked.all(Lot)), load_ids)


def start(session: Session, run_id: int, act: Act) -> Run:
    """The equipment began: the run and its lots are running."""
    locked_run = lock_run(session, run_id)
    record_all(session, act, [started(session, locked_run, act)])
    return locked_run.run


def started(session: Session, locked_run: LockedRun, act: Act) -> Event:
    """Let a run begin that is under lock; gives what is to be recorded."""
    run = locked_run.run
    before = _move(run, RunVerb.START)
    run.started_at = act.at
    changes = [Change(run, before={"state": before}, after={"state": run.state})]
    for lot in locked_run.locked.all(Lot):
        was = lot.state
        progress.settle(session, lot, locked_run.members[lot.id], act.at, begun=True)
        changes.append(Change(lot, before={"state": was}, after={"state": lot.state, "run": run.name}))
    return Event("start", changes)


def end(session: Session, run_id: int, reason: str, act: Act) -> Run:
    """The equipment finished: substrates it did not report queue again, filled loads wait at the next operation."""
    return _close(session, run_id, RunVerb.END, reason, act)


def abort(session: Session, run_id: int, reason: str, act: Act) -> Run:
    """The run was refused or broken off: what it did not report queues again."""
    return _close(session, run_id, RunVerb.ABORT, reason, act)


def reported(session: Session, run_id: int, verb: RunVerb, reason: str, act: Act) -> Run:
    """The equipment says that the run started, ended or was broken off: so it is, unless the run is past that.

    A run that a person closed stays as it is; what the equipment said stands in its history.
    """
    locked_run = lock_run(session, run_id)
    run = locked_run.run
    if not TRANSITIONS.allows(RunState(run.state), verb):
        events = [Event("report", [Change(run, after={"reported": verb.value, "reason": reason})])]
    elif verb == RunVerb.START:
        events = [started(session, locked_run, act)]
    else:
        events = closed(session, locked_run, works(session, run_id), verb, reason, act)
    record_all(session, act, events)
    return run


def doubt(session: Session, run_id: int, reason: str, act: Act) -> Run:
    """The equipment lost its memory of the run: nobody knows what was done, so its lots are held for a person."""
    locked_run = lock_run(session, run_id)
    run = locked_run.run
    before = _move(run, RunVerb.DOUBT)
    run.reason = reason
    for work in works(session, run_id):
        if work.work == Work.WAITING:
            work.work = Work.IN_DOUBT
            _member(locked_run, work).progress = Progress.IN_DOUBT
    events = [Event("doubt", [Change(run, before={"state": before}, after={"state": run.state, "reason": reason})])]
    for lot in locked_run.locked.all(Lot):
        _, held = place_hold(session, lot, IN_DOUBT, f"{run.name}: {reason}", OWNER_OF_REPORTED, act)
        events.append(held)
    record_all(session, act, events)
    return run


def _move(run: Run, verb: RunVerb) -> str:
    before = run.state
    run.state = TRANSITIONS.after(f"Run {run.name}", RunState(before), verb)
    return before


def works(session: Session, run_id: int) -> list[RunSubstrate]:
    """What a locked run was ordered to do and has done, substrate by substrate, in the order of their ids."""
    query = select(RunSubstrate).where(RunSubstrate.run_id == run_id).order_by(RunSubstrate.substrate_id)
    query = query.options(undefer(RunSubstrate.positions))
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def _member(locked_run: LockedRun, work: RunSubstrate) -> LotSubstrate:
    return next(m for m in locked_run.members[work.lot_id] if m.substrate_id == work.substrate_id)


def _close(session: Session, run_id: int, verb: RunVerb, reason: str, act: Act) -> Run:
    locked_run = lock_run(session, run_id)
    record_all(session, act, closed(session, locked_run, works(session, run_id), verb, reason, act))
    return locked_run.run


def closed(
    session: Session, locked_run: LockedRun, ordered: Sequence[RunSubstrate], verb: RunVerb, reason: str, act: Act
) -> list[Event]:
    """End a run that is under lock, or break it off; gives what is to be recorded. ``ordered``: all its `works`."""
    run = locked_run.run
    before = _move(run, verb)
    run.ended_at, run.reason = act.at, reason
    equipment = locked_run.locked.one(Equipment, run.equipment_id)
    _count_use(equipment, ordered)
    by_hand.rest(session, equipment, run, act)
    for work in ordered:
        if work.work in OPEN_WORK:
            work.work = Work.NOT_DONE
            _member(locked_run, work).progress = Progress.QUEUED
    changes = [Change(run, before={"state": before}, after={"state": run.state, "reason": reason})]
    sent = _send_loads_on(session, locked_run, act)
    changes += sent.changes
    for lot in locked_run.locked.all(Lot):
        was = lot.state
        progress.settle(session, lot, locked_run.members[lot.id], act.at)
        after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units, "run": run.name}
        changes.append(Change(lot, before={"state": was}, after=after))
    events = [Event(verb.value, changes), *sent.left_out]
    return [*events, *take_effect(session, locked_run.locked.all(Lot), locked_run.members, act)]


@dataclass(frozen=True)
class _Sent:
    """What is to be recorded of loads that went on."""

    changes: Sequence[Change] = ()
    left_out: Sequence[Event] = ()


def _count_use(equipment: Equipment, ordered: Sequence[RunSubstrate]) -> None:
    """The equipment has done one more run, if anything was worked on in it. What is reported late is not counted."""
    units = sum(work.units_in or 0 for work in ordered)
    if units:
        equipment.runs_done += 1
        equipment.units_done += units


def _send_loads_on(session: Session, locked_run: LockedRun, act: Act) -> _Sent:
    """Filled loads wait at the next operation or finish the route; empty ones are closed."""
    if not locked_run.load_ids:
        return _Sent()
    run, locked, load_ids = locked_run.run, locked_run.locked, set(locked_run.load_ids)
    _, following = with_next(session, run.operation_id)
    members = [m for lot in locked_run.members.values() for m in lot if m.substrate_id in load_ids]
    positions = opened(session, [locked.one(Substrate, i) for i in locked_run.load_ids])
    left_out: list[Event] = []
    for lot_id in sorted({m.lot_id for m in members}):
        going = {m.substrate_id: positions[m.substrate_id] for m in members if m.lot_id == lot_id}
        left_out += send_on(session, locked.one(Lot, lot_id), locked_run.members[lot_id], going, following, act)
    changes = [Change(p.substrate, after={"by": run.name, "units": units}) for p, units in _counted(positions)]
    for lot_id, form in sorted({(m.lot_id, m.form) for m in members}):
        lot = locked.one(Lot, lot_id)
        of_form = [positions[m.substrate_id] for m in members if (m.lot_id, m.form) == (lot_id, form)]
        deltas = ledger.post(session, lot, form, ledger.moves(of_form))
        changes.append(Change(lot, after={"units": lot.units}, deltas=deltas))
    for at in positions.values():
        at.save()
    changes += count_fillings(session, run, positions)
    return _Sent([*changes, *let_go(session, (at.substrate for at in positions.values()))], left_out)


def _counted(positions: dict[int, Positions]) -> list[tuple[Positions, int]]:
    return [(p, int(p.are(*USABLE).sum())) for p in positions.values()]
