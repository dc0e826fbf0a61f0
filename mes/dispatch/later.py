"""When there may be something to start although nothing happens on the line until then."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.definitions.models import EquipmentClass
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import ON_LINE, Progress
from mes.routes.models import Operation
from mes.routes.ways import WAYS


def next_look(session: Session, at: datetime) -> datetime | None:
    """The first plant time after ``at`` when a reservation ends, or what waits for a fuller batch has waited enough.

    None: there is none.
    """
    ends = LotSubstrate.since + func.make_interval(0, 0, 0, 0, 0, 0, EquipmentClass.most_wait_s)
    query = (
        select(func.min(ends))
        .join(Operation, Operation.id == LotSubstrate.operation_id)
        .join(WAYS, WAYS.c.operation_id == Operation.id)
        .join(EquipmentClass, EquipmentClass.id == WAYS.c.class_id)
        .where(EquipmentClass.most_wait_s.is_not(None), LotSubstrate.progress == Progress.QUEUED, ends > at)
    )
    reserved = select(func.min(Lot.reserved_until)).where(Lot.state.in_(ON_LINE), Lot.reserved_until > at)
    return session.scalar(select(func.least(query.scalar_subquery(), reserved.scalar_subquery())))
