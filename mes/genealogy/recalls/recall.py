"""Recall: every unit that a cause touched is held, wherever it is by now; what has left is told with who has it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from mes.db import Locked, lock
from mes.errors import Busy, Malformed, Reason, Refused
from mes.genealogy.recalls.causes import Cause, touched
from mes.genealogy.recalls.reach import Reach, by_substrate, reach
from mes.genealogy.recalls.whereabouts import Concerned, lots_with, whereabouts
from mes.history import Act, Change, Event, record_all
from mes.lots.holds.hold import NewHold, new_hold, place_holds
from mes.lots.holds.masks import keep
from mes.lots.holds.models import RECALL_NUMBERS, Recall
from mes.lots.models import Hold, Lot
from mes.units.models import Substrate
from mes.units.positions import opened

MOST = 2000
"""Lots that one recall holds."""
LOOKS = 5
"""How often it follows units that move on before they are locked."""


@dataclass(frozen=True)
class Concern:
    """What a cause concerns: how many units it touched, the lots that have them, and moves that placed them nowhere."""

    touched: int
    ended: dict[str, int]
    lots: list[Concerned]


def concern(session: Session, cause: Cause) -> Concern:
    """What a cause concerns now. Raises what `touched` does."""
    return _told(session, reach(session, touched(session, cause)), cause)


def _told(session: Session, found: Reach, cause: Cause) -> Concern:
    return Concern(found.touched, found.ended, whereabouts(session, found.places, cause))


def recall(
    session: Session, cause: Cause, expected: int, code: str, comment: str, owner_role: str | None, act: Act,
    review_by: datetime | None = None,
) -> tuple[Recall | None, Concern]:  # fmt: skip
    """Hold every unit that the cause touched and that no recall of the same cause holds: masked, or its whole lot.

    A lot is held as a whole where all that is there was touched. What runs goes on, and what it takes of masked units
    is suspect where it goes. ``expected``: units that the cause touched, as somebody has seen. Gives the recall, None
    where nothing was left to hold, and what it concerns now. Raises what `new_hold` and `touched` do, `Refused` where
    the cause has touched nothing or another number, and `Busy` where units moved on meanwhile.
    """
    wanted = new_hold(session, code, comment, owner_role, review_by, act)
    found, locked = _under_lock(session, cause, expected)
    to_hold = [lot for lot in whereabouts(session, found.places, cause) if lot.open]
    if len(to_hold) > MOST:
        raise Malformed(f"The cause concerns more than {MOST} lots; recall them by shorter periods.")
    if not to_hold:
        return None, _told(session, found, cause)
    done = Recall(
        name=f"RCL-{session.scalar(RECALL_NUMBERS.next_value()):06d}", cause=cause.given(), code=code, comment=comment,
        touched=found.touched, recalled_by=act.actor, recalled_at=act.at,
    )  # fmt: skip
    session.add(done)
    session.flush()
    holds, event = _hold(session, to_hold, locked, replace(wanted, recall_id=done.id), act)
    after = {"cause": done.cause, "touched": done.touched, "holds": [hold.id for hold in holds]}
    record_all(session, act, [Event("recall", [Change(done, after=after)]), event])
    return done, _told(session, found, cause)


def _under_lock(session: Session, cause: Cause, expected: int) -> tuple[Reach, Locked]:
    """Where the units are, with the lots and substrates that have them locked.

    They may move on until these locks are had, and are followed then. What is locked late is out of the one order: who
    waits crosswise is told to try again.
    """
    locked = Locked({})
    for _ in range(LOOKS):
        found = reach(session, touched(session, cause))
        _check(found, expected)
        substrates = by_substrate(found.places).keys()
        more = substrates - {one.id for one in locked.all(Substrate)}
        lots = lots_with(session, substrates) - {one.id for one in locked.all(Lot)}
        if not more and not lots:
            return found, locked
        locked |= lock(session, (Lot, [*lots]), (Substrate, [*more]))
    raise Busy("Units moved on as often as they were looked up; recall them again.")


def _check(found: Reach, expected: int) -> None:
    if found.touched == expected > 0:
        return
    units = "1 unit" if found.touched == 1 else f"{found.touched or 'no'} units"
    said = f"The cause has touched {units}{f', not {expected}; look at it again' if found.touched else ''}."
    raise Refused(said, Reason("others_found" if found.touched else "nothing_touched", said))


def _hold(
    session: Session, lots: Sequence[Concerned], locked: Locked, wanted: NewHold, act: Act
) -> tuple[list[Hold], Event]:
    """Hold lots of which all that is there was touched, and of others the touched units alone."""
    maps, changes, placed = opened(session, locked.all(Substrate)), [], []
    for masked in (False, True):
        some = [one for one in lots if masked == (one.there < one.of)]
        rows = [locked.one(Lot, one.lot_id) for one in some]
        holds, event = place_holds(session, rows, replace(wanted, masked=masked), act)
        for one, hold, change in zip(some, holds, event.changes, strict=True):
            found = {i: (maps[i], mask) for i, mask in sorted(one.open.items())}
            changes.append(replace(change, after=change.after | (keep(session, hold, found) if masked else {})))
        placed += holds
    return placed, Event("hold", changes)
