"""Acts on all lots that a filter finds, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.http.command import CommandRoute
from mes.http.transaction import Tx
from mes.lots.looks import Row
from mes.lots.many import bulk
from mes.lots.many.shapes import BulkHoldBody, BulkLook, BulkPriorityBody, BulkReleaseBody
from mes.lots.models import Lot
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/bulk", route_class=CommandRoute, tags=["lots"])

Bulk = Annotated[Person, require(Permission.BULK_LOTS)]


@router.post("/hold", response_model=BulkLook)
def hold_all_lots(session: Tx, by: Bulk, body: BulkHoldBody) -> Any:
    """Hold all lots that a filter finds, or list which those are. Lots of which nothing is left are not held.

    One event with a row for each lot; all of them or none. Refused where the filter finds other lots than expected.
    """
    wanted = body.which.filter()
    if body.expected is None:
        return _would(session, bulk.to_hold(wanted))
    act = act_now(session, by.name, body.why)
    words = (body.code, body.why, body.owner, act, body.review_by)
    return _done(session, bulk.hold_all(session, wanted, body.expected, *words))


@router.post("/release-hold", response_model=BulkLook)
def release_holds_of_all_lots(session: Tx, by: Bulk, body: BulkReleaseBody) -> Any:
    """Release every standing hold of a code of all lots that a filter finds, or list which those are.

    Refused where one of the holds belongs to another role, or the filter finds other lots than expected.
    """
    wanted = body.which.filter()
    if body.expected is None:
        return _would(session, bulk.to_release(wanted, body.code))
    act = act_now(session, by.name, body.why)
    return _done(session, bulk.release_all(session, wanted, body.expected, body.code, body.why, by.role, act))


@router.post("/priority", response_model=BulkLook)
def change_priority_of_all_lots(session: Tx, by: Bulk, body: BulkPriorityBody) -> Any:
    """Give all lots on the line that a filter finds a priority, or list which of them have another.

    Refused where the filter finds other lots than expected.
    """
    wanted = body.which.filter()
    if body.expected is None:
        return _would(session, bulk.to_change(wanted, body.priority))
    act = act_now(session, by.name, body.why)
    return _done(session, bulk.change_priority_of_all(session, wanted, body.expected, body.priority, act))


def _would(session: Session, which: bulk.Ids) -> Row:
    found = bulk.concerned(session, which)
    return {"done": False, "count": len(found), "lots": found}


def _done(session: Session, lots: list[Lot]) -> Row:
    found = bulk.concerned(session, bulk.these(lots))
    return {"done": True, "count": len(found), "lots": found}
