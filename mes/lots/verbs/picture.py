"""A lot under lock with the substrates that a verb is about, and what every such verb does at its end."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, NotFound, Reason
from mes.history import Act, Change, Delta, Event, record_all
from mes.lots import ledger, progress
from mes.lots.holders import let_go
from mes.lots.holds.future_hold import take_effect
from mes.lots.models import Lot, LotSubstrate
from mes.lots.mounting import dismount
from mes.lots.regrouping.regroup import busy, lock_substrates
from mes.lots.states import ENDED, TRANSITIONS, LotState, LotVerb, Progress
from mes.lots.verbs.models import HandChange
from mes.units.models import Substrate
from mes.units.positions import Mask, Positions, opened, pack
from mes.units.states import THERE, Disposition

MOST_TOLD = 1000
"""Positions of a substrate that history names; where there are more, the change on its map is kept all the same."""


@dataclass
class Picture:
    """A locked lot with all its members, and those of them that the verb is about, with their maps."""

    lot: Lot
    members: Sequence[LotSubstrate]
    chosen: Sequence[LotSubstrate]
    """In the order of their names."""
    substrates: dict[int, Substrate]
    positions: dict[int, Positions]
    before: dict[str, Any]
    """What history is told of the lot as it was."""
    stood: dict[int, str]
    """How each of the chosen stood."""

    def name(self, member: LotSubstrate) -> str:
        """The name of one of the chosen."""
        return self.substrates[member.substrate_id].name

    def at(self, member: LotSubstrate) -> Positions:
        """Its map."""
        return self.positions[member.substrate_id]

    def mark(self, becomes: Disposition, where: Callable[[Positions], Mask]) -> None:
        """Give the positions that a rule picks on each of the chosen a disposition."""
        for at in self.positions.values():
            at.mark(where(at), becomes)

    def total(self, *dispositions: Disposition) -> int:
        """Positions of the chosen that have one of these."""
        return sum(int(at.are(*dispositions).sum()) for at in self.positions.values())

    def keep(self, chosen: Sequence[LotSubstrate]) -> None:
        """Let the verb be about no more than these of the chosen."""
        ids = {member.substrate_id for member in chosen}
        self.chosen = chosen
        self.substrates = {i: one for i, one in self.substrates.items() if i in ids}
        self.positions = {i: one for i, one in self.positions.items() if i in ids}


def picture(session: Session, lot_id: int, names: Sequence[str] = (), *, closed: bool = False) -> Picture:
    """Lock a lot and the substrates of it that are named; without names all that are not closed, or with these.

    Raises `Malformed` where one is named twice, `NotFound` where the lot has no such substrate.
    """
    if len({*names}) < len(names):
        raise Malformed(f"A substrate is named twice: {', '.join(names)}; name each once.")
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    members = progress.members_of(session, [lot])[lot_id]
    of = {m.substrate_id: m for m in members}
    if names:
        chosen = [of[i] for i in _named(session, lot, of, names)]
    else:
        chosen = [m for m in members if closed or m.progress != Progress.CLOSED]
    substrates = lock_substrates(session, chosen)
    return Picture(
        lot=lot, members=members, chosen=[of[i] for i in substrates], substrates=substrates,
        positions=opened(session, substrates.values()),
        before={"state": lot.state, "substrates": lot.substrates, "units": lot.units},
        stood={i: of[i].progress for i in substrates},
    )  # fmt: skip


def _named(session: Session, lot: Lot, of: Collection[int], names: Sequence[str]) -> list[int]:
    query = select(Substrate.name, Substrate.id).where(Substrate.customer_id == lot.customer_id)
    ids = {row.name: row.id for row in session.execute(query.where(Substrate.name.in_(names)))}
    strange = [name for name in names if ids.get(name) not in of]
    if strange:
        raise NotFound(f"The lot has no substrate {', '.join(strange)}.")
    return [ids[name] for name in names]


def at_work(session: Session, seen: Picture) -> Iterator[Reason]:
    """Why some of the chosen may not be touched now: they are in a run, or serve one."""
    there = [m for m in seen.chosen if m.progress != Progress.CLOSED]
    of = {m.substrate_id: seen.substrates[m.substrate_id] for m in there}
    yield from busy(session, there, of, then="wait until its run ends")


def told_why(act: Act) -> None:
    """Raise `Malformed` where nobody says why."""
    if not act.why.strip():
        raise Malformed("Say why; it is kept in history.")


def done(
    session: Session, seen: Picture, verb: str, act: Act, told: dict[str, Any], *, lot_verb: LotVerb | None = None,
    came: str | None = None, reverses: int | None = None, also: Sequence[Event] = (),
) -> Lot:  # fmt: skip
    """Post what the maps say now, settle the lot, record the verb and let future holds take effect.

    ``lot_verb``: what it is for the lot's state, where the substrates alone do not make it. ``came``: the account by
    which units came that were not there. ``also``: what else of it is to be recorded.
    As many statements for twenty-five substrates as for one.
    """
    changed, deltas = _posted(session, seen, came)
    close_empty(session, seen, act)
    _settle(session, seen, lot_verb, act)
    lot, concerned = seen.lot, changed or seen.chosen
    after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units}
    changes = [Change(lot, seen.before, after | told, deltas)]
    changes += [Change(seen.substrates[m.substrate_id], after=_moved(seen.at(m)) | told) for m in concerned]
    changes += let_go(session, seen.substrates.values())
    kept = [_kept(seen, m, verb, reverses, act) for m in changed]
    record_all(session, act, [Event(verb, changes), *also])
    if kept:
        session.execute(insert(HandChange), kept)
    for member in changed:
        seen.at(member).save()
    reached = take_effect(session, [lot], {lot.id: seen.members}, act)
    if reached:
        record_all(session, act, reached)
    return lot


def _posted(session: Session, seen: Picture, came: str | None) -> tuple[list[LotSubstrate], list[Delta]]:
    """Post what changed on the maps; gives whose did."""
    changed = [m for m in seen.chosen if (seen.at(m).before != seen.at(m).now).any()]
    deltas: list[Delta] = []
    for form in sorted({m.form for m in changed}):
        moved = ledger.moves(seen.at(m) for m in changed if m.form == form)
        deltas += ledger.post(session, seen.lot, form, moved if came is None else ledger.balanced(moved, came))
    return changed, deltas


def _settle(session: Session, seen: Picture, lot_verb: LotVerb | None, act: Act) -> None:
    lot = seen.lot
    if lot_verb is not None:
        lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), lot_verb)
        lot.ended_at = lot.ended_at or act.at if lot.state in ENDED else None
    progress.settle(session, lot, seen.members, act.at)


def close_empty(session: Session, seen: Picture, act: Act) -> None:
    """Close what is on no equipment and has no unit left."""
    emptied = [
        m
        for m in seen.chosen
        if m.progress in (Progress.QUEUED, Progress.FINISHED) and not seen.at(m).are(*THERE).any()
    ]
    for member in emptied:
        member.progress, seen.substrates[member.substrate_id].closed = Progress.CLOSED, True
    if emptied:
        dismount(session, [m.substrate_id for m in emptied], act.at)


def _moved(at: Positions) -> dict[str, Any]:
    """What changed on a map: how many more of each, and where, unless that is everywhere."""
    places = [[int(x), int(y)] for y, x in np.argwhere(at.before != at.now)]
    told = {"more": {d.name.lower(): n for d, n in at.moved().items()}} if places else {}
    return told | ({"positions": places} if 0 < len(places) <= MOST_TOLD else {})


def _kept(seen: Picture, member: LotSubstrate, verb: str, reverses: int | None, act: Act) -> dict[str, Any]:
    """What is kept of the change of one substrate, before it is written. The lot's entry is the next of its history."""
    at = seen.at(member)
    where = at.before != at.now
    return {
        "customer_id": seen.lot.customer_id, "lot_id": seen.lot.id, "n": seen.lot.history_n + 1,
        "substrate_id": member.substrate_id, "form": member.form, "verb": verb,
        "lot_state": seen.before["state"], "progress": seen.stood[member.substrate_id], "positions": pack(where),
        "was": at.before[where].astype(np.uint8).tobytes(), "now": at.now[where].tobytes(), "reverses_n": reverses,
        "at": act.at,
    }  # fmt: skip
