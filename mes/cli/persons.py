"""What people do in the demonstration, as its text says: once each, when the line has come to that point."""

from datetime import datetime

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from mes.cli.caretaker import care, teach
from mes.cli.keeper import keep
from mes.history import Act, History
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import Progress
from mes.lots.taking import pull_sample
from mes.plant.schema import Demonstration, PullSample
from mes.routes.models import Operation, RouteVersion
from mes.units.models import Substrate
from mes.units.positions import opened
from mes.units.states import Disposition


def act(session: Session, wanted: Demonstration, at: datetime) -> bool:
    """Do what is due and not yet done; whether anything was."""
    samples = [_pull(session, sample, at) for sample in wanted.people]
    kept = [keep(session, material, at) for material in wanted.materials]
    cared = [*(teach(session, one, at) for one in wanted.taught), *(care(session, one, at) for one in wanted.care)]
    return any([*samples, *kept, *cared])


def _pull(session: Session, wanted: PullSample, at: datetime) -> bool:
    lot = _lot(session, wanted.route, wanted.lot)
    if lot is None or _done(session, lot, wanted.who):
        return False
    substrate = _waiting(session, lot, wanted.operation)
    if substrate is None:
        return False
    where = opened(session, [substrate])[substrate.id].are(Disposition.IN_PROCESS, Disposition.COMPLETED)
    places = [(int(x), int(y)) for y, x in np.argwhere(where)[: wanted.units]]
    pull_sample(session, lot.id, substrate.name, places, Act(wanted.who, at, wanted.comment))
    return True


def _lot(session: Session, route: str, number: int) -> Lot | None:
    """The ``number``-th lot of a route, counted from 1."""
    query = select(Lot).join(RouteVersion, RouteVersion.id == Lot.route_version_id).where(RouteVersion.route == route)
    return session.scalars(query.order_by(Lot.id).offset(number - 1).limit(1)).one_or_none()


def _done(session: Session, lot: Lot, who: str) -> bool:
    query = select(History.id).where(
        History.subject_kind == "lot", History.subject_id == lot.id, History.verb == "pull_sample", History.actor == who
    )
    return session.scalars(query.limit(1)).first() is not None


def _waiting(session: Session, lot: Lot, operation: int) -> Substrate | None:
    """A substrate that is not on equipment and has come to the operation or beyond."""
    query = (
        select(Substrate)
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .outerjoin(Operation, Operation.id == LotSubstrate.operation_id)
        .where(LotSubstrate.lot_id == lot.id, ~Substrate.closed)
        .where(
            (LotSubstrate.progress == Progress.FINISHED)
            | ((LotSubstrate.progress == Progress.QUEUED) & (Operation.number >= operation))
        )
        .order_by(Substrate.name)
        .limit(1)
    )
    return session.scalars(query.options(undefer("*"))).one_or_none()
