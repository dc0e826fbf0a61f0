"""When there may be something to start although nothing happens on the line until then."""

from datetime import datetime

from sqlalchemy import DateTime, bindparam, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import EquipmentClass
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import ON_LINE, Progress
from mes.routes.models import Operation
from mes.routes.ways import WAYS

_AT = bindparam("at", type_=DateTime(timezone=True))
_ENDS = LotSubstrate.since + func.make_interval(0, 0, 0, 0, 0, 0, EquipmentClass.most_wait_s)
_WAITED = (
    select(func.min(_ENDS))
    .join(Operation, Operation.id == LotSubstrate.operation_id)
    .join(WAYS, WAYS.c.operation_id == Operation.id)
    .join(EquipmentClass, EquipmentClass.id == WAYS.c.class_id)
    .where(EquipmentClass.most_wait_s.is_not(None), LotSubstrate.progress == Progress.QUEUED, _ENDS > _AT)
)
_RESERVED = select(func.min(Lot.reserved_until)).where(Lot.state.in_(ON_LINE), Lot.reserved_until > _AT)
_NEXT = select(func.least(_WAITED.scalar_subquery(), _RESERVED.scalar_subquery()))


def next_look(session: Session, at: datetime) -> datetime | None:
    """The first plant time after ``at`` when a reservation ends, or what waits for a fuller batch has waited enough.

    None: there is none.
    """
    return session.scalar(_NEXT, {"at": at})
