"""A run that a person works by hand: what equipment would report, told by the person."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.orm import Session

from equipment.interface.messages import NO_BIN, PASS_BIN, SubstrateResult
from equipment.interface.states import Outcome
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, record_all
from mes.lots.models import Lot, RunSubstrate
from mes.lots.queries import with_next
from mes.lots.states import Work
from mes.lots.work import run_course
from mes.lots.work.identify import Report
from mes.lots.work.track_out import applied
from mes.routes.models import Operation
from mes.routes.states import OperationKind
from mes.runs.models import Run
from mes.runs.states import TRANSITIONS, RunState, RunVerb
from mes.units.models import Substrate
from mes.units.positions import Positions, opened, unpack

MOVES = (OperationKind.ASSEMBLE, OperationKind.TRANSFER)


@dataclass(frozen=True)
class Told:
    """What a person says of a run: the units that failed, and the good ones counted, which only check.

    ``failed``: by substrate, position (x, y) -> code of the bin.
    """

    failed: Mapping[str, Mapping[tuple[int, int], int]] = field(default_factory=dict)
    good: int | None = None


def finish(session: Session, run: Run, lot_id: int, told: Told, act: Act) -> Run:
    """Track out every waiting substrate of one lot in a run; end the run when no other lot's is left in it.

    All that it touches is locked once, and history is written once: begin, each substrate and end are events of their
    own, as if equipment had reported them. Raises `Refused` where the operation moves units or the run waits for other
    lots alone, `WrongState` where the run is closed, `Malformed` where a failed unit was not asked for, its bin is not
    one of the operation's, or the counted good units differ from what the maps then say.
    """
    operation, following = with_next(session, run.operation_id)
    if operation.kind in MOVES:
        raise Refused(f"{operation.name} moves units; its equipment must say which went where.")
    locked_run = run_course.lock_run(session, run.id, lot_id)
    works = run_course.works(session, run.id)
    waiting = [work for work in works if work.work == Work.WAITING]
    mine = [work for work in waiting if work.lot_id == lot_id]
    if waiting and not mine:
        what = f"{run.name} waits for nothing of the lot any more; another may have reported it."
        raise Refused(what, Reason("nothing_runs", what, "operator"))
    positions = opened(session, [locked_run.locked.one(Substrate, work.substrate_id) for work in mine])
    events = [run_course.started(session, locked_run, act)] if run.state == RunState.ORDERED else []
    TRANSITIONS.after(f"Run {run.name}", RunState(run.state), RunVerb.END)  # refuses a closed run
    reports = list(_reports(locked_run, mine, positions, (operation, following), told, act))
    for report in reports:
        events += applied(session, report, act)
        report.work.energy_kwh = None  # nobody measured it
    good = sum(report.work.units_good for report in reports)
    if told.good not in (None, good):
        named = sum(map(len, told.failed.values()))
        raise Malformed(
            f"{told.good} good units were counted, the maps say {good}: {good + named} were asked for, {named} named as"
            " failed. Count again, or name what failed."
        )
    if not any(work.work == Work.WAITING for work in works):
        events += run_course.closed(session, locked_run, works, RunVerb.END, act.why, act)
    record_all(session, act, events)
    return run


def _reports(
    locked_run: run_course.LockedRun, works: Sequence[RunSubstrate], positions: Mapping[int, Positions],
    step: tuple[Operation, Operation | None], told: Told, act: Act,
) -> Iterator[Report]:  # fmt: skip
    """What the person says, as equipment would report it, in the order of the names of the substrates."""
    run, locked, (operation, following) = locked_run.run, locked_run.locked, step
    waits = {positions[work.substrate_id].substrate.name: work for work in works}
    stray = sorted(set(told.failed) - waits.keys())
    if stray:
        raise Malformed(f"{run.name} does not wait for {', '.join(stray)}.")
    for name, work in sorted(waits.items()):
        on, lot = positions[work.substrate_id], locked.one(Lot, work.lot_id)
        yield Report(
            run=run,
            operation=operation,
            following=following,
            result=_result(lot, work, on, told.failed.get(name, {}), operation, run, act),
            work=work,
            lot=lot,
            positions={work.substrate_id: on},
            ids={name: work.substrate_id},
            members=locked_run.members,
            locked=locked,
            is_late=False,
        )


def _result(
    lot: Lot, work: RunSubstrate, on: Positions, failed: Mapping[tuple[int, int], int], operation: Operation, run: Run,
    act: Act,
) -> SubstrateResult:  # fmt: skip
    asked = unpack(work.positions, on.shape)
    bins = np.where(asked, np.uint8(PASS_BIN), np.uint8(NO_BIN))
    codes = {int(code) for code in operation.bins} - {PASS_BIN}
    for (x, y), code in failed.items():
        if code not in codes:
            known = ", ".join(map(str, sorted(codes))) or "none: it does not judge"
            raise Malformed(f"Bin {code} is none of {operation.name}; it has {known}.")
        if not (0 <= y < asked.shape[0] and 0 <= x < asked.shape[1] and asked[y, x]):
            raise Malformed(f"{run.name} asked for no unit at ({x}, {y}) of {on.substrate.name}.")
        bins[y, x] = code
    return SubstrateResult(
        lot=lot.name,
        substrate=on.substrate.name,
        visit=work.visit,
        outcome=Outcome.DONE,
        started_at=run.started_at or act.at,
        ended_at=act.at,
        energy_kwh=0.0,
        touched=asked,
        bins=bins if operation.bins else None,
    )
