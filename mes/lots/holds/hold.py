"""Hold a lot, or units of it, and release a hold. It stops track-in, or those units; what runs goes on to its end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, Event, record, record_all
from mes.lots.ahead import check_ahead
from mes.lots.holds.hold_codes import OWNERS, owner_of
from mes.lots.holds.masks import Units, find_units, keep, masking
from mes.lots.models import FutureHold, Hold, Lot
from mes.lots.states import GONE, LotState
from mes.people.roles import Role
from mes.units.positions import Positions

NOTHING_LEFT = (LotState.CONSUMED, LotState.SCRAPPED, LotState.TERMINATED, *GONE)
"""States of a lot that a person cannot hold: it has no unit any more."""


@dataclass(frozen=True)
class NewHold:
    """What a hold says: its code, why, whose it is, and by when somebody is to look at it again."""

    code: str
    comment: str
    owner_role: str
    review_by: datetime | None = None
    masked: bool = False
    recall_id: int | None = None


def releases(role: str, owner: str) -> bool:
    """Whether somebody of ``role`` may release a hold that belongs to ``owner``: its own, the administrator's any."""
    return role in OWNERS and role in (owner, Role.ADMINISTRATOR)


def hold(
    session: Session, lot_id: int, code: str, comment: str, owner_role: str | None, act: Act,
    review_by: datetime | None = None, units: Sequence[Units] = (),
) -> Hold:  # fmt: skip
    """Hold a lot, or ``units`` of it, until somebody of ``owner_role``, or of the role of the code, releases it.

    ``review_by``: when somebody is to have looked at it again; the hold stands all the same. Raises `Refused` where
    nothing of the lot is left, and what `new_hold` and `find_units` do.
    """
    wanted = new_hold(session, code, comment, owner_role, review_by, act)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    if lot.state in NOTHING_LEFT:
        what = f"Lot {lot.name} is {lot.state}: nothing of it is left to hold."
        where = "its trace (mes trace material) tells in which lots its units are; hold those"
        where = "its history tells in which shipment it left; ask the receiver" if lot.state in GONE else where
        raise Refused(what, Reason("lot_state", f"{what[:-1]}; {where}."))
    found = find_units(session, lot, units) if units else {}
    (placed,), event = place_holds(session, [lot], replace(wanted, masked=bool(found)), act)
    if found:
        event = Event(
            event.verb, [replace(one, after=one.after | keep(session, placed, found)) for one in event.changes]
        )
    record_all(session, act, [event])
    return placed


def new_hold(
    session: Session, code: str, comment: str, owner_role: str | None, review_by: datetime | None, act: Act
) -> NewHold:
    """What a person says of a hold. Raises `Malformed` without a code or comment or where the review is in the past
    or far off, and what `owner_of` does.
    """
    if not code.strip() or not comment.strip():
        raise Malformed("A hold needs a code and a comment that says why.")
    if review_by is not None:
        check_ahead(review_by, act.at)
    return NewHold(code, comment, owner_of(session, code, owner_role), review_by)


def place_hold(session: Session, lot: Lot, code: str, comment: str, owner_role: str, act: Act) -> tuple[Hold, Event]:
    """Hold a lot that is already locked; with what is to be recorded of it."""
    (placed,), event = place_holds(session, [lot], NewHold(code, comment, owner_role), act)
    return placed, event


def place_holds(session: Session, lots: Sequence[Lot], wanted: NewHold, act: Act) -> tuple[list[Hold], Event]:
    """Hold lots that are already locked, each with a hold of its own; with the one event that is to be recorded."""
    of_all = {**vars(wanted), "held_by": act.actor, "held_at": act.at}
    placed = [Hold(customer_id=lot.customer_id, lot_id=lot.id, **of_all) for lot in lots]
    session.add_all(placed)
    session.flush()
    told = {"code": wanted.code, "comment": wanted.comment, "owner": wanted.owner_role}
    if wanted.review_by is not None:
        told["review_by"] = wanted.review_by.isoformat()
    return placed, Event(
        "hold", [Change(lot, after={"hold": h.id, **told}) for lot, h in zip(lots, placed, strict=True)]
    )


def release_hold(session: Session, lot_id: int, hold_id: int, comment: str, role: Role, act: Act) -> Hold:
    """Release one hold of a lot, as somebody of ``role``.

    Raises `NotFound`, `Malformed` (no comment), `Refused` where it is released already, or belongs to another role:
    the administrator's may release any.
    """
    if not comment.strip():
        raise Malformed("Say in a comment what was found and done.")
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    query = select(Hold).where(Hold.id == hold_id, Hold.lot_id == lot_id)
    placed = session.scalars(query, execution_options={"populate_existing": True}).one_or_none()
    if placed is None:
        raise NotFound(f"Lot {lot.name} has no hold {hold_id}; {_standing(session, lot)}.")
    if placed.released_at is not None:
        raise Refused(f"Hold {hold_id} of lot {lot.name} was released by {placed.released_by}.")
    if not releases(role, placed.owner_role):
        raise Refused(f"Hold {hold_id} of lot {lot.name} is not yours to release.", of_another(placed))
    record(session, "release_hold", act, [released(lot, placed, comment, act)])
    return placed


def _standing(session: Session, lot: Lot) -> str:
    query = select(Hold.id).where(Hold.lot_id == lot.id, Hold.released_at.is_(None)).order_by(Hold.id)
    numbers = ", ".join(map(str, session.scalars(query)))
    return f"what holds it: {numbers}" if numbers else "nothing holds it"


def against_leaving(
    session: Session, lots: Iterable[Lot], maps: Mapping[int, Positions], *, gone: bool = False
) -> Iterator[Reason]:
    """Why these lots, with all on these maps, may not leave: every hold of one, and every mask of a unit there.

    ``gone``: also masks of units that are not there any more.
    """
    of, units = {lot.id: lot.name for lot in lots}, masking(session, maps)
    standing = select(Hold).where(Hold.lot_id.in_(of), Hold.released_at.is_(None)).order_by(Hold.lot_id, Hold.id)
    for hold in session.scalars(standing):
        said = f"({hold.code}: {hold.comment})"
        if not hold.masked:
            yield Reason("held", f"Lot {of[hold.lot_id]} is held {said}; release the hold first.", hold.owner_role)
        elif hold.id in units and (gone or units[hold.id]):
            what = f"Hold {hold.id} {said} masks {units[hold.id] or 'what were'} units of lot {of[hold.lot_id]}"
            yield Reason("masked", f"{what}; release it, or split their substrates off.", hold.owner_role)


def of_another(placed: Hold | FutureHold) -> Reason:
    """Why somebody of another role than the hold's does not release it, or withdraw it before it takes effect."""
    what, owner = "Hold" if isinstance(placed, Hold) else "Future hold", placed.owner_role.replace("_", " ")
    return Reason("hold_of_another", f"{what} {placed.id} ({placed.code}) belongs to the {owner}.", placed.owner_role)


def released(lot: Lot, placed: Hold, comment: str, act: Act) -> Change:
    """Release a standing hold of a lot that is locked; gives what is to be recorded.

    Who asked first may come second to the lock: then it is over when it began.
    """
    placed.released_by, placed.released_at, placed.release_comment = act.actor, max(act.at, placed.held_at), comment
    return Change(lot, {"hold": placed.id}, {"hold": placed.id, "code": placed.code, "comment": comment})
