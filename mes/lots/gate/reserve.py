"""Reserve a lot for one equipment until a time: no other of its class starts it before; and lift that."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.equipment.models import Equipment
from mes.errors import Reason, Refused, WrongState
from mes.history import Act, Change, record
from mes.lots.ahead import check_ahead
from mes.lots.models import Lot
from mes.lots.states import ENDED
from mes.routes.models import Operation
from mes.routes.ways import WAYS


def reserve(session: Session, lot_id: int, equipment_id: int, until: datetime, act: Act) -> Lot:
    """Let no other equipment of its class start the lot before ``until``; a reservation that it has gives way.

    It binds dispatch and people alike, and at operations for that class alone. Raises `Malformed` (a time that has
    passed), `WrongState` where the lot has ended, `Refused` where it does not come to such equipment any more, or is
    reserved so already.
    """
    check_ahead(until, act.at)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    if lot.state in ENDED:
        raise WrongState(f"Lot {lot.name} is {lot.state}; it waits for nothing any more.")
    equipment = session.get_one(Equipment, equipment_id)
    if (lot.reserved_for_id, lot.reserved_until) == (equipment_id, until):
        what = f"Lot {lot.name} is reserved so already; another may have done it."
        raise Refused(what, Reason("nothing_changes", what))
    if not _comes_to(session, lot, equipment):
        what = f"Lot {lot.name} does not come to equipment such as {equipment.name} any more; name another."
        raise Refused(what, Reason("wrong_class", what))
    before = _told(session, lot)
    lot.reserved_for_id, lot.reserved_until, lot.reserved_by = equipment_id, until, act.actor
    record(session, "reserve", act, [Change(lot, before, _told(session, lot))])
    return lot


def lift_reservation(session: Session, lot_id: int, act: Act) -> Lot:
    """Let all equipment of the class start the lot again. Raises `Refused` where it is not reserved."""
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    if lot.reserved_for_id is None:
        what = f"Lot {lot.name} is not reserved; another may have lifted it."
        raise Refused(what, Reason("nothing_changes", what))
    before = _told(session, lot)
    lot.reserved_for_id = lot.reserved_until = lot.reserved_by = None
    record(session, "lift_reservation", act, [Change(lot, before, _told(session, lot))])
    return lot


def _comes_to(session: Session, lot: Lot, equipment: Equipment) -> bool:
    here = select(Operation.number).where(Operation.id == lot.operation_id).scalar_subquery()
    query = select(Operation.id).join(WAYS, WAYS.c.operation_id == Operation.id)
    query = query.where(Operation.route_version_id == lot.route_version_id, WAYS.c.class_id == equipment.class_id)
    if lot.operation_id is not None:
        query = query.where(Operation.number >= here)
    return session.scalar(query.limit(1)) is not None


def _told(session: Session, lot: Lot) -> dict[str, str | None]:
    if lot.reserved_for_id is None or lot.reserved_until is None:
        return {"reserved_for": None, "until": None}
    equipment = session.get_one(Equipment, lot.reserved_for_id).name
    return {"reserved_for": equipment, "until": lot.reserved_until.isoformat()}
