"""Units that a person counted or found: a count checks the map, what was found is put on it with a signature."""

from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.lots.holds.hold import NOTHING_LEFT
from mes.lots.models import Lot
from mes.lots.states import Progress
from mes.lots.verbs.picture import Picture, at_work, done, picture, told_why
from mes.units.models import Substrate
from mes.units.positions import Mask, Place, Positions, where_named
from mes.units.states import THERE, Disposition

NONE = (Disposition.NO_UNIT, Disposition.NOT_FOR_USE)
"""Where a unit may be found."""

BONUS_MEANS = "These units were found where the map had none; they are there and go on as any other."
"""What units that were found sign."""


def recount(session: Session, lot_id: int, substrate: str | None, units: int, act: Act) -> Lot:
    """Note that the units of a lot, or of one substrate, were counted by hand, and are as many as the map has.

    Raises `Malformed` where they are not, `NotFound` (no such substrate), `Refused` where nothing is left of the lot.
    """
    seen = picture(session, lot_id, [] if substrate is None else [substrate])
    if seen.lot.state in NOTHING_LEFT:
        what = f"Lot {seen.lot.name} is {seen.lot.state}: there is nothing to count."
        raise Refused(what, Reason("lot_state", what))
    there = seen.total(*THERE)
    if units != there:
        of = seen.lot.name if substrate is None else substrate
        raise Malformed(
            f"The map of {of} has {there} units, {units} were counted. Count again; then scrap what is not there, or"
            " put on the map what was found (bonus)."
        )
    return done(session, seen, "recount", act, {"counted": units})


def bonus(session: Session, lot_id: int, substrate: str, where: Sequence[Place], act: Act) -> Lot:
    """Put units on the map of a substrate that came here, at positions (x, y) where it has none, or none to be used.

    Raises `NotFound`, `Malformed` (no reason, a position outside) and `Refused` with every reason: there is a unit
    already, or was, be it on another copy of the same wafer; the substrate was made here, is closed, in a run or serves
    one.
    """
    told_why(act)
    seen = picture(session, lot_id, [substrate])
    (member,) = seen.chosen
    at = seen.at(member)
    mask = where_named(at, where)
    elsewhere = _beside(session, seen.substrates[member.substrate_id], at)
    found = [*_against(seen, mask, elsewhere), *at_work(session, seen)]
    if found:
        raise Refused(f"Units cannot be put on {substrate} so.", *found)
    at.mark(mask, Disposition.COMPLETED if member.progress == Progress.FINISHED else Disposition.IN_PROCESS)
    return done(session, seen, "bonus", act, {"found_units": int(mask.sum()), "means": BONUS_MEANS}, came="bonus")


def _beside(session: Session, substrate: Substrate, at: Positions) -> Mask:
    """Where a unit is, or was, by what else is known of the same wafer: its other masked copies, or itself."""
    wafer = substrate.part_of_id or substrate.id
    query = select(Substrate.dispositions).where(or_(Substrate.id == wafer, Substrate.part_of_id == wafer))
    known = at.nowhere()
    for other in session.scalars(query.where(Substrate.id != substrate.id)):
        known |= ~np.isin(np.frombuffer(other, np.uint8), NONE).reshape(at.shape)
    return known


def _against(seen: Picture, mask: Mask, elsewhere: Mask) -> Iterator[Reason]:
    (member,) = seen.chosen
    name, at = seen.name(member), seen.at(member)
    if member.progress == Progress.CLOSED:
        yield Reason("nothing_left", f"No unit is left on substrate {name}; correct what ended it.")
    if member.form > 1:
        what = f"What is on substrate {name} was put there here; correct what went wrong, no unit came from elsewhere."
        yield Reason("made_here", what)
    known = mask & (elsewhere | ~at.are(*NONE))
    if known.any():
        odd = ", ".join(f"({x}, {y})" for y, x in zip(*known.nonzero(), strict=True))
        yield Reason("unit_known", f"The map of {name} has a unit at {odd}, or had one; correct what became of it.")
