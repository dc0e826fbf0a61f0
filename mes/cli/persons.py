"""What people do in the demonstration, as its text says: when the line has come to that point.

What needs no signature they do at once. What they sign is told to the caller, who has them sign it over HTTP.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, undefer

from mes.cli.caretaker import care, keep_holders, teach
from mes.cli.keeper import keep, next_ready
from mes.cli.reviews import review
from mes.cli.signatures import Signature, of_experiment, of_queue_times, of_verdicts
from mes.dispatch.later import next_look as dispatch_looks
from mes.errors import Refused
from mes.history import Act, History
from mes.lots.experiments.models import Experiment
from mes.lots.experiments.plan import NewExperiment, NewLeg, draft
from mes.lots.experiments.states import ExperimentState
from mes.lots.holds.hold import release_hold
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.states import ON_LINE, LotState, Progress
from mes.lots.taking import pull_sample
from mes.people.models import User
from mes.people.roles import Role
from mes.plant.schema_demonstration import Demonstration, HoldRelease, PlannedExperiment, PullSample, Ship
from mes.routes.models import Operation, QueueLimit, RouteVersion
from mes.shipments.send import Sending, send
from mes.units.models import Substrate
from mes.units.positions import opened
from mes.units.states import Disposition


class Looked(NamedTuple):
    """What came of a look at the line."""

    done: bool
    """Anything was."""
    to_sign: Sequence[Signature] = ()


def act(session: Session, wanted: Demonstration, at: datetime) -> Looked:
    """Do what is due and not yet done, and say what is to be signed."""
    done = [_pull(session, sample, at) for sample in wanted.people]
    done += [keep(session, material, at) for material in wanted.materials]
    done += [teach(session, one, at) for one in wanted.taught]
    done += [care(session, one, at) for one in wanted.care]
    done += [keep_holders(session, wanted.holders, at)] if wanted.holders else []
    plans = _plans(session, wanted.experiments)
    done += [_draft(session, one, at) for one in wanted.experiments if one.name not in plans]
    stands = _stands(session, wanted)
    on_line = {one.route for one in stands if one.state != LotState.COMPLETED}
    waits = {(one.route, one.operation) for one in stands}
    in_time = {one.route for one in stands if one.in_time}
    completed = {one.route for one in stands if one.state == LotState.COMPLETED}
    done += [_release(session, release, at) for release in wanted.releases if release.route in on_line]
    done += [review(session, one, at) for one in wanted.reviews if (one.route, one.operation) in waits]
    done += [_ship(session, ship, at) for ship in wanted.ships if ship.route in completed]
    signed = [one for some in wanted.signatures if some.route in in_time for one in of_queue_times(session, some, at)]
    signed += [one for some in wanted.verdicts if some.route in on_line for one in of_verdicts(session, some, at)]
    drafts = [one for one in wanted.experiments if plans.get(one.name) == ExperimentState.DRAFT]
    return Looked(any(done), [*signed, *(of_experiment(one, at) for one in drafts)])


class _Stands(NamedTuple):
    """Where lots of a route stand that somebody watches."""

    route: str
    state: str
    operation: int | None
    """Where some of them wait."""
    in_time: bool
    """They must go on from there within a time."""


def _stands(session: Session, wanted: Demonstration) -> set[_Stands]:
    """Asked once for all who watch: most of the time there is nothing for them to do."""
    watching = (wanted.releases, wanted.reviews, wanted.signatures, wanted.verdicts, wanted.ships)
    watched = {one.route for some in watching for one in some}
    if not watched:
        return set()
    queued = (LotSubstrate.lot_id == Lot.id) & (LotSubstrate.progress == Progress.QUEUED)
    query = (
        select(RouteVersion.route, Lot.state, Operation.number, func.bool_or(QueueLimit.id.is_not(None)))
        .join(Lot, Lot.route_version_id == RouteVersion.id)
        .outerjoin(LotSubstrate, queued)
        .outerjoin(Operation, Operation.id == LotSubstrate.operation_id)
        .outerjoin(QueueLimit, QueueLimit.to_operation_id == Operation.id)
        .where(RouteVersion.route.in_(watched), Lot.state.in_((*ON_LINE, LotState.COMPLETED)))
        .group_by(RouteVersion.route, Lot.state, Operation.number)
    )
    return {_Stands(*row) for row in session.execute(query)}


def next_look(session: Session, wanted: Demonstration, at: datetime) -> datetime | None:
    """The first plant time after ``at`` when dispatch or people have something to look at by the clock alone."""
    times = [dispatch_looks(session, at), next_ready(session, at) if wanted.materials else None]
    for release in wanted.releases:
        held_at = session.scalar(_held(release).with_only_columns(func.min(Hold.held_at)))
        times.append(None if held_at is None else held_at + timedelta(hours=release.after_h))
    return min((time for time in times if time is not None and time > at), default=None)


def _held(wanted: HoldRelease) -> Select[Hold]:
    """The standing holds that somebody is to find out about."""
    query = select(Hold).join(Lot, Lot.id == Hold.lot_id).join(RouteVersion, RouteVersion.id == Lot.route_version_id)
    return query.where(RouteVersion.route == wanted.route, Hold.code == wanted.code, Hold.released_at.is_(None))


def _release(session: Session, wanted: HoldRelease, at: datetime) -> bool:
    due = session.scalars(_held(wanted).where(Hold.held_at <= at - timedelta(hours=wanted.after_h))).all()
    for hold in due:
        role = Role(session.scalars(select(User.role).where(User.name == wanted.who)).one())
        release_hold(session, hold.lot_id, hold.id, wanted.comment, role, Act(wanted.who, at, wanted.comment))
    return bool(due)


def _plans(session: Session, wanted: Sequence[PlannedExperiment]) -> dict[str, str]:
    """The state of each experiment that is drafted, by name."""
    if not wanted:
        return {}
    query = select(Experiment.name, Experiment.state).where(Experiment.name.in_([one.name for one in wanted]))
    return {row.name: row.state for row in session.execute(query)}


def _draft(session: Session, wanted: PlannedExperiment, at: datetime) -> bool:
    legs = tuple(NewLeg(one.name, parameters=one.parameters) for one in wanted.legs)
    asked = NewExperiment(wanted.name, wanted.title, f"{wanted.route}/{wanted.operation}", legs)
    draft(session, asked, Act(wanted.who, at, wanted.comment))
    return True


def _ship(session: Session, wanted: Ship, at: datetime) -> bool:
    """Send what is completed; what may not leave yet waits for the next look."""
    query = select(Lot.id).join(RouteVersion, RouteVersion.id == Lot.route_version_id)
    query = query.where(RouteVersion.route == wanted.route, Lot.state == LotState.COMPLETED).order_by(Lot.id)
    sent = []
    for lot in session.scalars(query).all():
        try:
            sent.append(send(session, Sending([lot], wanted.to), Act(wanted.who, at, wanted.comment)))
        except Refused:
            continue
    return bool(sent)


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
