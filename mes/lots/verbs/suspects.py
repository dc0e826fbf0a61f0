"""Suspect units: a process engineer says what they are, and signs it. They go on from where their substrate stands."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import Progress
from mes.lots.verbs.picture import Picture, at_work, done, picture, told_why
from mes.units.positions import Mask, Place, where_named
from mes.units.states import Disposition

MEANS = "These suspect units were looked at: what is cleared goes on as any other, what is scrapped is thrown away."
"""What a disposition signs."""

CLEARED, SCRAPPED = "cleared", "scrapped"


def dispose_suspects(
    session: Session, lot_id: int, substrate: str | None, where: Sequence[Place] | None, verdict: str, act: Act
) -> Lot:
    """Clear or scrap suspect units: at positions of one substrate, all on it, or all of the lot.

    Cleared units are in process again, and completed where their substrate has passed the route. Raises `Malformed`
    (no reason, another verdict, positions of no substrate or outside), `NotFound` (no such substrate in the lot) and
    `Refused` with every reason: nothing is suspect there, or a substrate is in a run or serves one.
    """
    told_why(act)
    if verdict not in (CLEARED, SCRAPPED):
        raise Malformed(f"{verdict} is no verdict; a suspect unit is {CLEARED} or {SCRAPPED}.")
    if where is not None and substrate is None:
        raise Malformed("Positions are those of a substrate; name it, too.")
    seen = picture(session, lot_id, [] if substrate is None else [substrate])
    masks = {m.substrate_id: _suspect(seen, m, where) for m in seen.chosen}
    against = _not_suspect(seen, masks, where)
    seen.keep([m for m in seen.chosen if masks[m.substrate_id].any()])
    found = [*against, *at_work(session, seen)]
    if found:
        raise Refused(f"Suspect units of lot {seen.lot.name} cannot be disposed of so.", *found)
    for member in seen.chosen:
        seen.at(member).mark(masks[member.substrate_id], _becomes(member, verdict))
    units = sum(int(mask.sum()) for mask in masks.values())
    return done(session, seen, "dispose_suspects", act, {"suspect_units": units, "are": verdict, "means": MEANS})


def _suspect(seen: Picture, member: LotSubstrate, where: Sequence[Place] | None) -> Mask:
    """The suspect units of one substrate that the verb is about."""
    at = seen.at(member)
    suspect = at.are(Disposition.SUSPECT)
    return suspect if where is None else suspect & where_named(at, where)


def _not_suspect(seen: Picture, masks: dict[int, Mask], where: Sequence[Place] | None) -> list[Reason]:
    if where is not None:
        (member,) = seen.chosen
        mask = masks[member.substrate_id]
        odd = [f"({x}, {y})" for x, y in where if not mask[y, x]]
        what = f"On substrate {seen.name(member)} there is no suspect unit at {', '.join(odd)}."
        return [Reason("nothing_suspect", what)] if odd else []
    if any(mask.any() for mask in masks.values()):
        return []
    what = f"Lot {seen.lot.name} has no suspect unit there; another may have disposed of them."
    return [Reason("nothing_suspect", what)]


def _becomes(member: LotSubstrate, verdict: str) -> Disposition:
    if verdict == SCRAPPED:
        return Disposition.SCRAPPED
    return Disposition.COMPLETED if member.progress == Progress.FINISHED else Disposition.IN_PROCESS
