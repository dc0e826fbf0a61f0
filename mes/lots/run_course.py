"""The course of a run: it starts, ends, is broken off, or is in doubt. Its lots and substrates follow."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import Locked, lock
from mes.equipment.models import Equipment
from mes.history import Act, Change, record
from mes.lots import ledger, progress
from mes.lots.hold import place_hold
from mes.lots.models import Lot, LotSubstrate, RunLoad, RunSubstrate
from mes.lots.states import OPEN_WORK, Progress, Work
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import TRANSITIONS, RunState, RunVerb
from mes.units.models import Substrate
from mes.units.positions import Positions, opened
from mes.units.states import USABLE


def start(session: Session, run_id: int, act: Act) -> Run:
    """The equipment began: the run and its lots are running."""
    run, locked = _lock(session, run_id)
    before = _move(run, RunVerb.START)
    run.started_at = act.at
    changes = [Change(run, before={"state": before}, after={"state": run.state})]
    for lot in locked.all(Lot):
        was = lot.state
        progress.settle(session, lot, act.at)
        changes.append(Change(lot, before={"state": was}, after={"state": lot.state, "run": run.name}))
    record(session, "start", act, changes)
    return run


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
    run, _ = _lock(session, run_id)
    if TRANSITIONS.allows(RunState(run.state), verb):
        return start(session, run_id, act) if verb == RunVerb.START else _close(session, run_id, verb, reason, act)
    record(session, "report", act, [Change(run, after={"reported": verb.value, "reason": reason})])
    return run


def doubt(session: Session, run_id: int, reason: str, act: Act) -> Run:
    """The equipment lost its memory of the run: nobody knows what was done, so its lots are held for a person."""
    run, locked = _lock(session, run_id)
    before = _move(run, RunVerb.DOUBT)
    run.reason = reason
    for work in _works(session, run_id):
        if work.work == Work.WAITING:
            work.work = Work.IN_DOUBT
            _member(session, work).progress = Progress.IN_DOUBT
    changes = [Change(run, before={"state": before}, after={"state": run.state, "reason": reason})]
    record(session, "doubt", act, changes)
    for lot in locked.all(Lot):
        place_hold(session, lot, "in_doubt", f"{run.name}: {reason}", "line_engineer", act)
    return run


def _lock(session: Session, run_id: int) -> tuple[Run, Locked]:
    run = session.get_one(Run, run_id)
    lots = session.scalars(select(RunSubstrate.lot_id).where(RunSubstrate.run_id == run_id).distinct()).all()
    substrates = session.scalars(select(RunLoad.substrate_id).where(RunLoad.run_id == run_id)).all()
    locked = lock(session, (Equipment, [run.equipment_id]), (Run, [run_id]), (Lot, lots), (Substrate, substrates))
    return locked.one(Run, run_id), locked


def _move(run: Run, verb: RunVerb) -> str:
    before = run.state
    run.state = TRANSITIONS.after(f"Run {run.name}", RunState(before), verb)
    return before


def _works(session: Session, run_id: int) -> list[RunSubstrate]:
    query = select(RunSubstrate).where(RunSubstrate.run_id == run_id).order_by(RunSubstrate.substrate_id)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def _member(session: Session, work: RunSubstrate) -> LotSubstrate:
    return session.get_one(LotSubstrate, (work.lot_id, work.substrate_id), populate_existing=True)


def _close(session: Session, run_id: int, verb: RunVerb, reason: str, act: Act) -> Run:
    run, locked = _lock(session, run_id)
    before = _move(run, verb)
    run.ended_at, run.reason = act.at, reason
    for work in _works(session, run_id):
        if work.work in OPEN_WORK:
            work.work = Work.NOT_DONE
            _member(session, work).progress = Progress.QUEUED
    changes = [Change(run, before={"state": before}, after={"state": run.state, "reason": reason})]
    changes += _send_loads_on(session, run, locked, act)
    for lot in locked.all(Lot):
        was = lot.state
        progress.settle(session, lot, act.at)
        after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units, "run": run.name}
        changes.append(Change(lot, before={"state": was}, after=after))
    record(session, verb.value, act, changes)
    return run


def _send_loads_on(session: Session, run: Run, locked: Locked, act: Act) -> list[Change]:
    """Filled loads wait at the next operation or finish the route; empty ones are closed."""
    substrates = locked.all(Substrate)
    if not substrates:
        return []
    operation = session.get_one(Operation, run.operation_id)
    query = select(LotSubstrate).where(LotSubstrate.substrate_id.in_([s.id for s in substrates]))
    members = list(session.scalars(query, execution_options={"populate_existing": True}))
    positions = opened(session, substrates)
    for member in members:
        progress.move_on(session, member, positions[member.substrate_id], operation, act.at)
    changes = [Change(p.substrate, after={"by": run.name, "units": units}) for p, units in _counted(positions)]
    for lot_id, form in sorted({(m.lot_id, m.form) for m in members}):
        lot = locked.one(Lot, lot_id)
        of_form = [positions[m.substrate_id] for m in members if (m.lot_id, m.form) == (lot_id, form)]
        deltas = ledger.post(session, lot, form, ledger.moves(of_form))
        changes.append(Change(lot, after={"units": lot.units}, deltas=deltas))
    for at in positions.values():
        at.save()
    return changes


def _counted(positions: dict[int, Positions]) -> list[tuple[Positions, int]]:
    return [(p, int(p.are(*USABLE).sum())) for p in positions.values()]
