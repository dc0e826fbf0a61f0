"""Correct: what a person did to units by mistake is taken back by a signed reversal; what was recorded stays."""

from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from mes.errors import NotFound, Reason, Refused
from mes.history import Act
from mes.lots import progress
from mes.lots.models import Lot, LotSubstrate, RunSubstrate
from mes.lots.queries import operations
from mes.lots.states import LotState, LotVerb, Progress
from mes.lots.verbs.models import HandChange
from mes.lots.verbs.picture import Picture, at_work, done, picture, told_why
from mes.routes.models import Operation
from mes.units.models import Substrate
from mes.units.positions import unpack
from mes.units.states import Disposition

CORRECT_MEANS = "What this entry of the lot's history says of its units was a mistake, and is taken back."
"""What a correction signs."""

REVERSED = ("scrap", "pull_sample", "bonus", "dispose_suspects", "destroy")
"""Verbs that may be taken back. A lot that was given up is reopened."""

INSTEAD = {
    "terminate": "reopen the lot",
    "downgrade": "upgrade the units",
    "upgrade": "downgrade the units",
}
"""What takes back what others did."""

AGAIN = {
    LotState.CREATED: LotVerb.RESTORE,
    LotState.STOCKED: LotVerb.RESTOCK,
    LotState.COMPLETED: LotVerb.COMPLETE,
}
"""What brings a lot back that ended by the mistake, by the state that it had; from all others it queues again."""


def correct(session: Session, lot_id: int, record: int, act: Act) -> Lot:
    """Take back what an entry of the lot's history did to units: they are again what they were before.

    On a substrate that was worked on since they are suspect. Raises `NotFound` where the entry did nothing to units,
    `Malformed` without a reason, `Refused` with every reason: it was taken back already, is none that may be, units
    have become something else since, a substrate is elsewhere, in a run or serves one.
    """
    told_why(act)
    rows = _changes(session, lot_id, record)
    names = session.scalars(select(Substrate.name).where(Substrate.id.in_([row.substrate_id for row in rows]))).all()
    gone = _gone(session, lot_id, rows)
    if gone:
        raise Refused("It cannot be taken back here.", *gone)
    seen = picture(session, lot_id, names)
    of = {row.substrate_id: row for row in rows}
    found = [*_against(session, seen, of, record), *at_work(session, seen)]
    if found:
        raise Refused(f"Entry {record} of lot {seen.lot.name} cannot be taken back.", *found)
    take_back(session, seen, of)
    _let_in(session, seen, act)
    ended = seen.lot.state in (LotState.SCRAPPED, LotState.CONSUMED)
    came = "bonus" if rows[0].verb == "bonus" else None
    again = _again(seen.lot, LotState(rows[0].lot_state)) if ended and came is None else None
    told = {"record": record, "took_back": rows[0].verb, "means": CORRECT_MEANS}
    return done(session, seen, "correct", act, told, lot_verb=again, came=came, reverses=record)


def _again(lot: Lot, stood: LotState) -> LotVerb:
    """What brings a lot back that stood so; one that was released since is not created any more."""
    released = stood == LotState.CREATED and lot.released_at is not None
    return LotVerb.WAIT if released else AGAIN.get(stood, LotVerb.WAIT)


def _let_in(session: Session, seen: Picture, act: Act) -> None:
    """What comes back of before the release waits at the first operation, as the others did that were let in."""
    behind = [m for m in seen.chosen if m.progress == Progress.QUEUED and m.operation_id is None]
    if behind and seen.lot.released_at is not None:
        first = operations(session, seen.lot.route_version_id)[0]
        for member in behind:
            progress.stand_at(member, first, act.at)


def _changes(session: Session, lot_id: int, record: int) -> Sequence[HandChange]:
    query = select(HandChange).where(HandChange.lot_id == lot_id, HandChange.n == record).order_by(HandChange.id)
    rows = session.scalars(query.options(undefer("*"))).all()
    if not rows:
        raise NotFound(f"Entry {record} of the lot's history did nothing to units by hand.")
    return rows


def _gone(session: Session, lot_id: int, rows: Sequence[HandChange]) -> list[Reason]:
    """Substrates that are in another lot by now."""
    here = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == lot_id)
    query = select(Substrate.name).where(
        Substrate.id.in_([row.substrate_id for row in rows]), Substrate.id.not_in(here)
    )
    return [
        Reason("substrate_gone", f"Substrate {name} went on in another lot; merge it back first.")
        for name in session.scalars(query.order_by(Substrate.name))
    ]


def _against(session: Session, seen: Picture, of: dict[int, HandChange], record: int) -> Iterator[Reason]:
    verb = next(iter(of.values())).verb
    if verb not in REVERSED:
        then = INSTEAD.get(verb, "it stays")
        yield Reason("not_reversed", f"Entry {record} ({verb.replace('_', ' ')}) is none that is taken back: {then}.")
    again = select(HandChange.n).where(HandChange.lot_id == seen.lot.id, HandChange.reverses_n == record)
    by = session.scalars(again).first()
    if by is not None:
        yield Reason("taken_back", f"Entry {record} was taken back already, by entry {by}.")
        return
    for member in seen.chosen:
        row, at = of[member.substrate_id], seen.at(member)
        now = at.now[unpack(row.positions, at.shape)]
        other = int((now != np.frombuffer(row.now, np.uint8)).sum())
        if other:
            what = f"{other} units on substrate {seen.name(member)} have become something else since."
            yield Reason("changed_since", what)
    routes = select(Operation.route_version_id).where(Operation.id.in_([m.operation_id for m in seen.chosen]))
    if set(session.scalars(routes)) - {seen.lot.route_version_id}:
        yield Reason("route_changed", f"Lot {seen.lot.name} takes another version of its route since.")


def take_back(session: Session, seen: Picture, of: dict[int, HandChange]) -> None:
    """Give the positions back what they were, and open again what was closed by it."""
    worked = _worked_since(session, of) if of else set()
    for member in [m for m in seen.chosen if m.substrate_id in of]:
        row, at = of[member.substrate_id], seen.at(member)
        if member.progress == Progress.CLOSED and row.progress != Progress.CLOSED:
            member.progress, at.substrate.closed = row.progress, False
        where = unpack(row.positions, at.shape)
        was = np.frombuffer(row.was, np.uint8).copy()
        usable = np.isin(was, [Disposition.IN_PROCESS, Disposition.COMPLETED])
        finished = member.progress == Progress.FINISHED
        was[usable] = Disposition.COMPLETED if finished else Disposition.IN_PROCESS
        if member.substrate_id in worked:
            was[usable] = Disposition.SUSPECT
        at.now[where] = was


def _worked_since(session: Session, of: dict[int, HandChange]) -> set[int]:
    """Substrates that were worked on since: nobody knows of their units what was done to them."""
    query = select(RunSubstrate.substrate_id, RunSubstrate.ended_at)
    query = query.where(RunSubstrate.substrate_id.in_(of), RunSubstrate.ended_at.is_not(None))
    return {i for i, ended_at in session.execute(query) if ended_at is not None and ended_at > of[i].at}
