"""Bins that people edit: a good unit that is downgraded is rejected in place; a failed one is upgraded by a signature.

An edit is a new version of the map of bins; what was read stays in the versions before. Whose reasons it may have, the
plant's text says.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import BinReason
from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.lots import progress
from mes.lots.models import Lot, LotSubstrate, RunSubstrate
from mes.lots.queries import with_next
from mes.lots.states import LotState, LotVerb, Progress
from mes.lots.verbs.picture import MOST_TOLD, Picture, at_work, done, picture, told_why
from mes.people.models import User
from mes.people.roles import Role
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.bins import BinLayer, bin_layers
from mes.units.positions import Mask, Place, where_named
from mes.units.states import THERE, USABLE, Disposition

DOWNGRADE, UPGRADE = "downgrade", "upgrade"
UPGRADE_MEANS = "These failed units were looked at again and are good; they go on as any other."
"""What an upgrade signs."""


@dataclass(frozen=True)
class Edit:
    """Which positions of which map of a substrate get which bin, and for which of the plant's reasons."""

    substrate: str
    map: str
    where: Sequence[Place]
    bin: int
    reason: str


def downgrade(session: Session, lot_id: int, edit: Edit, act: Act) -> Lot:
    """Give units a bin of failures: what is usable is rejected in place, what has failed has failed otherwise.

    Raises `NotFound` (no such substrate or map), `Malformed` (no reason, a position outside, another bin or reason
    than there are) and `Refused` with everything that is against it: a unit that is not there, was not judged or is
    suspect, a reason of another role, a substrate in a run or serving one.
    """
    return _edit(session, lot_id, edit, DOWNGRADE, act)


def upgrade(session: Session, lot_id: int, edit: Edit, act: Act) -> Lot:
    """Give failed units a good bin, so that they go on; those of a substrate that was worked on since are suspect.

    Raises as `downgrade` does, and `Refused` for a unit that did not fail there, or failed by another map, too.
    """
    return _edit(session, lot_id, edit, UPGRADE, act)


def _edit(session: Session, lot_id: int, edit: Edit, verb: str, act: Act) -> Lot:
    told_why(act)
    seen = picture(session, lot_id, [edit.substrate])
    (member,) = seen.chosen
    at = seen.at(member)
    where = where_named(at, edit.where)
    layers = bin_layers(session, at.substrate.id, at.shape)
    layer = layers.named(edit.map)
    _check_bin(layer, edit, good=verb == UPGRADE)
    against = _against_failed if verb == UPGRADE else _against_present
    found = [*_against_reason(session, edit.reason, verb, act.actor), *_against_lot(seen), *_judged(layer, where, edit)]
    found += [*against(seen, where), *at_work(session, seen)]
    found += _failed_elsewhere(layers.others(layer), where) if verb == UPGRADE else []
    if found:
        raise Refused(f"Bins of {edit.substrate} cannot be edited so.", *found)
    told = {"map": layer.name, "bin": edit.bin, "were": _were(layer, where), "reason": edit.reason}
    again = _apply(session, seen, where, layer, verb, act)
    told["version"] = layer.write(session, at.substrate, where, edit.bin, act)
    told |= {"edited": int(where.sum())} | ({"means": UPGRADE_MEANS} if verb == UPGRADE else {})
    places = [[int(x), int(y)] for y, x in np.argwhere(where)]
    return done(session, seen, verb, act, told | ({"at": places} if len(places) <= MOST_TOLD else {}), lot_verb=again)


def _apply(session: Session, seen: Picture, where: Mask, layer: BinLayer, verb: str, act: Act) -> LotVerb | None:
    """Let dispositions follow; gives what brings the lot back where it had ended with its last good unit."""
    (member,) = seen.chosen
    at = seen.at(member)
    if verb == DOWNGRADE:
        at.mark(where & at.are(*USABLE), Disposition.REJECTED)
        return None
    finished = member.progress == Progress.FINISHED
    becomes = Disposition.COMPLETED if finished else Disposition.IN_PROCESS
    at.mark(where, Disposition.SUSPECT if _worked_since(session, member, layer.judged_at(where)) else becomes)
    progress.come_back(member, at, _following(session, member), act.at)
    return LotVerb.WAIT if seen.lot.state in (LotState.SCRAPPED, LotState.CONSUMED) else None


def _worked_since(session: Session, member: LotSubstrate, at: datetime) -> bool:
    """Whether the substrate was worked on since then: nobody knows of its failed units what was done to them."""
    query = select(RunSubstrate.run_id).where(RunSubstrate.substrate_id == member.substrate_id)
    return session.scalar(query.where(RunSubstrate.ended_at > at).limit(1)) is not None


def _following(session: Session, member: LotSubstrate) -> Operation | None:
    """Where a substrate goes on that was closed: where it stood, if it was not worked on there, else after that."""
    if member.operation_id is None:
        return None
    operation, following = with_next(session, member.operation_id)
    query = select(Run.id).join(RunSubstrate, RunSubstrate.run_id == Run.id)
    query = query.where(RunSubstrate.substrate_id == member.substrate_id, RunSubstrate.visit == member.visit)
    done_there = query.where(Run.operation_id == operation.id, RunSubstrate.ended_at.is_not(None)).limit(1)
    return operation if session.scalar(done_there) is None else following


def _check_bin(layer: BinLayer, edit: Edit, *, good: bool) -> None:
    if not edit.reason.strip():
        raise Malformed("Give the reason by which the plant knows such edits.")
    codes = [code for code, passes in layer.codes.items() if passes is good]
    if edit.bin not in codes:
        what = "good bins" if good else "bins of failures"
        raise Malformed(f"{edit.bin} is none of the {what} of {layer.name}: {', '.join(map(str, codes)) or 'none'}.")


def _against_reason(session: Session, reason: str, verb: str, actor: str) -> Iterator[Reason]:
    """Why that person may not give that reason. A plant without reasons lets all give any whose role may edit."""
    codes = {one.name: one for one in session.scalars(select(BinReason).order_by(BinReason.ordinal, BinReason.id))}
    if not codes:
        return
    fit = [name for name, one in codes.items() if one.allows == verb]
    if reason not in fit:
        raise Malformed(f"{reason} is no reason to {verb}; choose one of {', '.join(fit) or 'none: there is none'}.")
    role = session.scalar(select(User.role).where(User.name == actor)) or Role.ADMINISTRATOR
    roles = codes[reason].roles
    if role != Role.ADMINISTRATOR and role not in roles:
        who = " or ".join(one.replace("_", " ") for one in roles)
        what = f"A {role.replace('_', ' ')} does not give {reason} as a reason; a {who} does."
        yield Reason("reason_of_others", what, roles[0])


def _against_lot(seen: Picture) -> Iterator[Reason]:
    if seen.lot.state in (LotState.IN_TRANSIT, LotState.SHIPPED, LotState.RETURNED, LotState.TERMINATED):
        what = f"Lot {seen.lot.name} is {seen.lot.state.replace('_', ' ')}: its bins stay as they are."
        yield Reason("lot_state", what)
    (member,) = seen.chosen
    if member.progress == Progress.CLOSED and member.since is None:
        what = f"Substrate {seen.name(member)} was closed before the release; correct what ended it."
        yield Reason("nothing_left", what)


def _judged(layer: BinLayer, where: Mask, edit: Edit) -> Iterator[Reason]:
    unread = where & layer.unread
    if unread.any():
        yield Reason("not_judged", f"{layer.name} says nothing of {_places(unread)}.")
    same = where & (layer.values == edit.bin)
    if same.any():
        yield Reason("nothing_changes", f"Bin {edit.bin} is what {layer.name} says of {_places(same)} already.")


def _against_present(seen: Picture, where: Mask) -> Iterator[Reason]:
    """Why some positions hold no unit that can be rejected."""
    (member,) = seen.chosen
    at, name = seen.at(member), seen.name(member)
    yield from _suspect(seen, where)
    gone = where & ~at.are(*THERE, Disposition.REJECTED)
    if gone.any():
        yield Reason("unit_gone", f"There is no unit any more, or was none, at {_places(gone)} of {name}.")


def _against_failed(seen: Picture, where: Mask) -> Iterator[Reason]:
    """Why some positions hold no failed unit that could be good."""
    (member,) = seen.chosen
    at, name = seen.at(member), seen.name(member)
    yield from _suspect(seen, where)
    never = where & at.are(Disposition.NOT_FOR_USE)
    if never.any():
        what = f"What is at {_places(never)} of {name} was never meant to be used; put it on the map as found (bonus)."
        yield Reason("never_meant", what)
    other = where & ~at.are(Disposition.REJECTED, Disposition.SUSPECT, Disposition.NOT_FOR_USE)
    if other.any():
        yield Reason("not_rejected", f"No unit is rejected in place at {_places(other)} of {name}.")


def _suspect(seen: Picture, where: Mask) -> Iterator[Reason]:
    (member,) = seen.chosen
    suspect = where & seen.at(member).are(Disposition.SUSPECT)
    if suspect.any():
        what = f"The units at {_places(suspect)} of {seen.name(member)} are suspect; dispose of them."
        yield Reason("suspect", what, Role.PROCESS_ENGINEER)


def _failed_elsewhere(others: Sequence[BinLayer], where: Mask) -> list[Reason]:
    return [
        Reason("failed_elsewhere", f"{layer.name} says that the units at {_places(failed)} failed; edit that, too.")
        for layer in others
        if (failed := where & layer.failed).any()
    ]


def _places(where: Mask) -> str:
    named = [f"({x}, {y})" for y, x in np.argwhere(where).tolist()]
    more = f" and {len(named) - 10} more" if len(named) > 10 else ""
    return ", ".join(named[:10]) + more


def _were(layer: BinLayer, where: Mask) -> dict[str, Any]:
    """By bin, how many of the positions had it."""
    counted = Counter(layer.values[where].tolist())
    return {str(code): n for code, n in sorted(counted.items())}
