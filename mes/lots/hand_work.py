"""A run that a person works by hand: what equipment would report, told by the person."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.messages import NO_BIN, PASS_BIN, SubstrateResult
from equipment.interface.states import Outcome
from mes.errors import Malformed, Refused
from mes.history import Act
from mes.lots import run_course
from mes.lots.models import Lot, RunSubstrate
from mes.lots.states import Work
from mes.lots.track_out import track_out
from mes.routes.models import Operation
from mes.routes.states import OperationKind
from mes.runs.models import Run
from mes.runs.states import RunState
from mes.units.models import Substrate
from mes.units.positions import shapes, unpack

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

    Raises `Refused` where the operation moves units, `Malformed` where a failed unit was not asked for, its bin is not
    one of the operation's, or the counted good units differ from what the maps then say.
    """
    operation = session.get_one(Operation, run.operation_id)
    if operation.kind in MOVES:
        raise Refused(f"{operation.name} moves units; its equipment must say which went where.")
    if run.state == RunState.ORDERED:
        run_course.start(session, run.id, act)
    works = _waiting(session, run.id, lot_id)
    stray = sorted(set(told.failed) - {substrate.name for _, substrate in works})
    if stray:
        raise Malformed(f"{run.name} does not wait for {', '.join(stray)}.")
    good = 0
    for work, substrate in works:
        result = _result(session, work, substrate, told.failed.get(substrate.name, {}), operation, run, act)
        reported = track_out(session, run.id, result, act)
        reported.energy_kwh = None  # nobody measured it
        good += reported.units_good
    if told.good not in (None, good):
        raise Malformed(f"{told.good} good units were counted, the maps say {good}; name those that failed.")
    session.flush()
    if not _waiting(session, run.id):
        run_course.end(session, run.id, act.why, act)
    return run


def _waiting(session: Session, run_id: int, lot_id: int | None = None) -> list[tuple[RunSubstrate, Substrate]]:
    """Substrates of a run that nobody reported yet, of one lot or of all."""
    query = select(RunSubstrate, Substrate).join(Substrate, Substrate.id == RunSubstrate.substrate_id)
    query = query.where(RunSubstrate.run_id == run_id, RunSubstrate.work == Work.WAITING).order_by(Substrate.name)
    if lot_id is not None:
        query = query.where(RunSubstrate.lot_id == lot_id)
    return [(work, substrate) for work, substrate in session.execute(query)]


def _result(
    session: Session, work: RunSubstrate, substrate: Substrate, failed: Mapping[tuple[int, int], int],
    operation: Operation, run: Run, act: Act,
) -> SubstrateResult:  # fmt: skip
    asked = unpack(work.positions, shapes(session, [substrate])[substrate.id])
    bins = np.where(asked, np.uint8(PASS_BIN), np.uint8(NO_BIN))
    codes = {int(code) for code in operation.bins} - {PASS_BIN}
    for (x, y), code in failed.items():
        if code not in codes:
            known = ", ".join(map(str, sorted(codes))) or "none: it does not judge"
            raise Malformed(f"Bin {code} is none of {operation.name}; it has {known}.")
        if not (0 <= y < asked.shape[0] and 0 <= x < asked.shape[1] and asked[y, x]):
            raise Malformed(f"{run.name} asked for no unit at ({x}, {y}) of {substrate.name}.")
        bins[y, x] = code
    return SubstrateResult(
        lot=session.get_one(Lot, work.lot_id).name,
        substrate=substrate.name,
        visit=work.visit,
        outcome=Outcome.DONE,
        started_at=run.started_at or act.at,
        ended_at=act.at,
        energy_kwh=0.0,
        touched=asked,
        bins=bins if operation.bins else None,
    )
