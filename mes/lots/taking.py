"""Units taken out of a lot by a person: scrapped by decision, or pulled as samples."""

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, record
from mes.lots import ledger, progress
from mes.lots.models import Lot, LotSubstrate, RunSource
from mes.lots.mounting import dismount
from mes.lots.states import Progress
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate
from mes.units.positions import Mask, Positions, opened
from mes.units.states import THERE, Disposition


def scrap(session: Session, lot_id: int, substrate: str, where: list[tuple[int, int]] | None, act: Act) -> Lot:
    """Throw units of one substrate away: at positions (x, y), or all that are left on it. ``act.why`` is required.

    Raises `NotFound` (no such substrate in the lot), `Malformed` (no reason, a position outside or without a unit),
    `Refused` (the substrate is on equipment, or a run picks from it).
    """
    return _take(session, lot_id, substrate, where, Disposition.SCRAPPED, "scrap", act)


def pull_sample(session: Session, lot_id: int, substrate: str, where: list[tuple[int, int]], act: Act) -> Lot:
    """Take units at positions (x, y) out for analysis. Raises as `scrap` does."""
    return _take(session, lot_id, substrate, where, Disposition.SAMPLED, "pull_sample", act)


def _take(
    session: Session,
    lot_id: int,
    name: str,
    where: list[tuple[int, int]] | None,
    becomes: Disposition,
    verb: str,
    act: Act,
) -> Lot:
    if not act.why.strip():
        raise Malformed("Say why these units are taken out.")
    substrate_id = _substrate_id(session, lot_id, name)
    locked = lock(session, (Lot, [lot_id]), (Substrate, [substrate_id]))
    lot, substrate = locked.one(Lot, lot_id), locked.one(Substrate, substrate_id)
    members = progress.members_of(session, [lot])[lot_id]
    member = next((m for m in members if m.substrate_id == substrate_id), None)
    if member is None:  # it went on in another lot a moment ago
        raise NotFound(f"The lot has no substrate {name}.")
    _refuse_busy(session, member, name)
    positions = opened(session, [substrate])[substrate_id]
    taken = _mask(positions, where)
    positions.mark(taken, becomes)
    if not positions.are(*THERE).any():
        member.progress, substrate.closed = Progress.CLOSED, True
        dismount(session, substrate_id, act.at)
    deltas = ledger.post(session, lot, member.form, ledger.moves([positions]))
    positions.save()
    before = lot.state
    progress.settle(session, lot, members, act.at)
    places = [[int(x), int(y)] for y, x in np.argwhere(taken)]
    record(
        session,
        verb,
        act,
        [
            Change(lot, before={"state": before}, after={"state": lot.state, "units": lot.units}, deltas=deltas),
            Change(substrate, after={"positions": places, "are": becomes.name.lower()}),
        ],
    )
    return lot


def _refuse_busy(session: Session, member: LotSubstrate, name: str) -> None:
    serves = select(Run.name).join(RunSource, RunSource.run_id == Run.id)
    serves = serves.where(RunSource.substrate_id == member.substrate_id, Run.state.in_(OPEN)).order_by(Run.name)
    run = session.scalars(serves).first()
    if run is not None:
        reason = Reason("substrate_busy", f"{run} picks from substrate {name}; wait until it ends.")
    elif member.progress not in (Progress.QUEUED, Progress.FINISHED):
        reason = Reason("substrate_busy", f"Substrate {name} is {member.progress}; wait until its run ends.")
    else:
        return
    raise Refused(f"Units of {name} cannot be taken now.", reason)


def _substrate_id(session: Session, lot_id: int, name: str) -> int:
    query = (
        select(Substrate.id)
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .where(LotSubstrate.lot_id == lot_id, Substrate.name == name)
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"The lot has no substrate {name}.")
    return found


def _mask(positions: Positions, where: list[tuple[int, int]] | None) -> Mask:
    there = positions.are(*THERE)
    if where is None:
        return there
    if not where:
        raise Malformed("Name at least one position (x, y).")
    mask = positions.nowhere()
    rows, columns = positions.shape
    for x, y in where:
        if not (0 <= x < columns and 0 <= y < rows):
            raise Malformed(f"Position ({x}, {y}) is outside; x goes to {columns - 1} and y to {rows - 1}.")
        if not there[y, x]:
            raise Malformed(f"There is no unit to take at ({x}, {y}).")
        mask[y, x] = True
    return mask
