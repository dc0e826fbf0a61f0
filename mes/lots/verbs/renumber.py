"""Renumber: units get new ids, as a laser marks them; by the ids from before they are found all the same."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.lots.models import Lot
from mes.lots.verbs.picture import MOST_TOLD, Picture, done, picture, told_why
from mes.units.device_ids import Claim, claim, known_already, latest
from mes.units.layers import DEVICE_IDS, ids_of, write_texts
from mes.units.positions import Mask, Place, where_named
from mes.units.states import THERE, Disposition

RENUMBERED = f"{DEVICE_IDS}renumbered"
"""The layer that keeps ids that units got here; its newest version tells every unit's."""


def renumber(
    session: Session, lot_id: int, substrate: str, where: Sequence[Place], ids: Sequence[str], act: Act
) -> Lot:  # fmt: skip
    """Give units at positions (x, y) new ids, in the same order; also while the substrate is in a run.

    Raises `NotFound` (no such substrate), `Malformed` (no reason, not an id for each position, one named twice, a
    position outside) and `Refused` with every reason: no unit is there, or an id is known of a unit of its owner.
    """
    told_why(act)
    if len(where) != len(ids) or len({*where}) < len(where) or len({*ids}) < len(ids):
        raise Malformed(f"{len(where)} positions and {len(ids)} ids are named; give each position one id of its own.")
    seen = picture(session, lot_id, [substrate])
    (member,) = seen.chosen
    at = seen.at(member)
    found = list(_gone(seen, where_named(at, where)))
    known = claim(session, [Claim(at.substrate.customer_id, at.substrate.id, ids)])
    found += known_already([told for _, told in known])
    if found:
        raise Refused(f"Units of {substrate} cannot be renumbered so.", *found)
    size, columns = at.now.size, at.shape[1]
    now = latest(ids_of(session, [at.substrate.id]).get(at.substrate.id, [])) or [None] * size
    given = []
    for (x, y), told in zip(where, ids, strict=True):
        given.append([x, y, now[y * columns + x], told])
        now[y * columns + x] = told
    write_texts(session, at.substrate, RENUMBERED, now, at=act.at, source=act.actor, first=False)
    after = {"renumbered": len(ids)} | ({"ids": given} if len(given) <= MOST_TOLD else {})
    return done(session, seen, "renumber", act, after)


def _gone(seen: Picture, where: Mask) -> Iterator[Reason]:
    (member,) = seen.chosen
    gone = where & ~seen.at(member).are(*THERE, Disposition.REJECTED)
    if gone.any():
        odd = ", ".join(f"({x}, {y})" for y, x in zip(*gone.nonzero(), strict=True))
        yield Reason("unit_gone", f"There is no unit any more, or was none, at {odd} of {seen.name(member)}.")
