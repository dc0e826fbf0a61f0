"""Hold, release and hurry all lots that a filter finds: in one transaction, as one event with a row for each lot.

What is done is decided on a list that somebody has seen. The act therefore says how many lots it expects, and is
refused where the filter finds others by the time they are under lock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, record, record_all
from mes.lots.create import check_priority
from mes.lots.holds.hold import NOTHING_LEFT, new_hold, of_another, place_holds, released, releases
from mes.lots.looks import LINE_FIRST, LotFilter, Row, ids_of, select_lots
from mes.lots.models import Hold, Lot
from mes.lots.states import ENDED
from mes.people.roles import Role

MOST = 2000
"""Lots of one act."""
MOST_TOLD = 20
"""Holds of others that a refusal names."""

Ids = Select[int]
Found = TypeVar("Found")


def to_hold(wanted: LotFilter) -> Ids:
    """Which lots a hold of all would hold: all but those of which nothing is left."""
    return ids_of(wanted, Lot.state.not_in(NOTHING_LEFT))


def to_release(wanted: LotFilter, code: str) -> Ids:
    """Which lots have a standing hold of that code."""
    return ids_of(wanted, select(Hold.id).where(Hold.lot_id == Lot.id, *_standing(code)).exists())


def to_change(wanted: LotFilter, priority: int) -> Ids:
    """Which lots on the line have another priority. Raises `Malformed` where there is no such priority."""
    check_priority(priority)
    return ids_of(wanted, Lot.state.not_in(ENDED), Lot.priority != priority)


def these(lots: Sequence[Lot]) -> Ids:
    """Those lots, to be looked at."""
    return select(Lot.id).where(Lot.id.in_([lot.id for lot in lots]))


def concerned(session: Session, which: Ids) -> list[Row]:
    """The lots as a list shows them. Raises `Malformed` where there are too many for one act."""
    found = session.execute(select_lots().where(Lot.id.in_(which)).order_by(*LINE_FIRST).limit(MOST + 1)).mappings()
    return _few_enough([dict(row) for row in found])


def hold_all(
    session: Session, wanted: LotFilter, expected: int, code: str, comment: str, owner_role: str | None, act: Act,
    review_by: datetime | None = None,
) -> list[Lot]:  # fmt: skip
    """Hold each of the lots. Raises what `new_hold` and `_seen` do."""
    new = new_hold(session, code, comment, owner_role, review_by, act)
    lots = _seen(session, to_hold(wanted), expected)
    _, event = place_holds(session, lots, new, act)
    record_all(session, act, [event])
    return lots


def release_all(
    session: Session, wanted: LotFilter, expected: int, code: str, comment: str, role: Role, act: Act
) -> list[Lot]:
    """Release every standing hold of that code of each of the lots, as somebody of ``role``.

    Raises `Malformed` (no comment), `Refused` where one of the holds belongs to another role, and what `_seen` does.
    """
    if not comment.strip():
        raise Malformed("Say in a comment what was found and done.")
    lots = {lot.id: lot for lot in _seen(session, to_release(wanted, code), expected)}
    query = select(Hold).where(Hold.lot_id.in_(lots), *_standing(code)).order_by(Hold.id)
    holds = session.scalars(query, execution_options={"populate_existing": True}).all()
    others = [of_another(one) for one in holds if not releases(role, one.owner_role)]
    if others:
        raise Refused(f"{len(others)} of the {len(holds)} holds are not yours to release.", *others[:MOST_TOLD])
    record(session, "release_hold", act, [released(lots[one.lot_id], one, comment, act) for one in holds])
    return list(lots.values())


def change_priority_of_all(session: Session, wanted: LotFilter, expected: int, priority: int, act: Act) -> list[Lot]:
    """Give each of the lots the priority (1 is the most urgent). Raises what `to_change` and `_seen` do."""
    lots = _seen(session, to_change(wanted, priority), expected)
    changes = []
    for lot in lots:
        changes.append(Change(lot, {"priority": lot.priority}, {"priority": priority}))
        lot.priority = priority
    record(session, "change_priority", act, changes)
    return lots


def _standing(code: str) -> tuple[ColumnElement[bool], ...]:
    return Hold.code == code, Hold.released_at.is_(None)


def _seen(session: Session, which: Ids, expected: int) -> list[Lot]:
    """The lots under lock. Raises `Refused` where they are not as many as expected, or others by the time of the lock,
    and `Malformed` where there are too many for one act."""
    if expected < 1:
        raise Malformed("Say how many lots you expect, one or more.")
    found = _few_enough(session.scalars(which.limit(MOST + 1)).all())
    locked = lock(session, (Lot, found)).all(Lot)
    now = session.scalars(which).all()  # others may have acted on them before the lock was had
    if len(now) == expected and set(now) == set(found):
        return locked
    lots = "1 lot" if len(now) == 1 else f"{len(now)} lots" if now else "no lot"
    but = "which are others than a moment ago" if len(now) == expected else f"not {expected}"
    said = f"The filter finds {lots} now, {but}; look at them again."
    raise Refused(said, Reason("others_found", said))


def _few_enough(found: Sequence[Found]) -> list[Found]:
    if len(found) > MOST:
        raise Malformed(f"The filter finds more than {MOST} lots; ask for fewer at once.")
    return list(found)
