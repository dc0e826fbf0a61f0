"""Units taken out of a lot by a person: scrapped by decision, or pulled as samples."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.lots.models import Lot
from mes.lots.verbs.picture import Picture, at_work, done, picture
from mes.units.positions import Mask, Place, Positions, where_named
from mes.units.states import THERE, Disposition


def scrap(session: Session, lot_id: int, substrate: str, where: Sequence[Place] | None, act: Act) -> Lot:
    """Throw units of one substrate away: at positions (x, y), or all that are left on it. ``act.why`` is required.

    Raises `NotFound` (no such substrate in the lot), `Malformed` (no reason, a position outside or without a unit),
    `Refused` (the substrate is on equipment, or a run picks from it).
    """
    return _take(session, lot_id, substrate, where, Disposition.SCRAPPED, "scrap", act)


def pull_sample(session: Session, lot_id: int, substrate: str, where: Sequence[Place], act: Act) -> Lot:
    """Take units at positions (x, y) out for analysis. Raises as `scrap` does."""
    return _take(session, lot_id, substrate, where, Disposition.SAMPLED, "pull_sample", act)


def _take(
    session: Session,
    lot_id: int,
    name: str,
    where: Sequence[Place] | None,
    becomes: Disposition,
    verb: str,
    act: Act,
) -> Lot:
    if not act.why.strip():
        raise Malformed("Say why these units are taken out.")
    seen = picture(session, lot_id, [name])
    found = [*_nothing_left(seen), *at_work(session, seen)]
    if found:
        raise Refused(f"Units of {name} cannot be taken now.", *found)
    (at,) = seen.positions.values()
    at.mark(_mask(at, where), becomes)
    return done(session, seen, verb, act, {"are": becomes.name.lower()})


def _nothing_left(seen: Picture) -> Iterator[Reason]:
    for member in seen.chosen:
        if not seen.at(member).are(*THERE).any():
            yield Reason("nothing_left", f"No unit is left on substrate {seen.name(member)}.")


def _mask(at: Positions, where: Sequence[Place] | None) -> Mask:
    there = at.are(*THERE)
    if where is None:
        return there
    mask = where_named(at, where)
    for x, y in where:
        if not there[y, x]:
            raise Malformed(f"There is no unit to take at ({x}, {y}).")
    return mask
