"""When there may be something to start although nothing happens on the line until then."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.definitions.models import EquipmentClass
from mes.lots.models import LotSubstrate
from mes.lots.states import Progress
from mes.routes.models import Operation


def next_look(session: Session, at: datetime) -> datetime | None:
    """The first plant time after ``at`` when what waits for a fuller batch has waited long enough; None: never."""
    ends = LotSubstrate.since + func.make_interval(0, 0, 0, 0, 0, 0, EquipmentClass.most_wait_s)
    query = (
        select(func.min(ends))
        .join(Operation, Operation.id == LotSubstrate.operation_id)
        .join(EquipmentClass, EquipmentClass.id == Operation.class_id)
        .where(EquipmentClass.most_wait_s.is_not(None), LotSubstrate.progress == Progress.QUEUED, ends > at)
    )
    return session.scalar(query)
