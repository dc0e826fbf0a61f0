"""Whether equipment can work in time on what must follow an operation within a time.

The reckoning is rough: all that runs or waits at operations of that class and is not held, by the hours that routes say
a run takes (`process_h`), shared among the places that are able. Where routes do not say, work counts for nothing, and
only where all equipment of the class is down anything is held back.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy import and_, bindparam, case, func, select
from sqlalchemy.orm import Session, aliased

from mes.definitions.models import EquipmentClass
from mes.equipment.models import Alarm, Equipment
from mes.equipment.states import ABLE
from mes.errors import Reason
from mes.lots.gate.start_gate_facts import BLOCKING_SEVERITY
from mes.lots.holds.models import HELD
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import ON_LINE, Progress
from mes.routes.limits import LIMITS
from mes.routes.models import Operation
from mes.routes.ways import WAYS
from mes.runs.models import Run
from mes.runs.states import OPEN

HOUR_S = 3600.0


@dataclass(frozen=True)
class _Load:
    """What stands before the equipment of a class."""

    name: str
    places: int
    """Jobs that its able equipment runs at once."""
    work_s: float

    @property
    def wait_s(self) -> float:
        """How long the last of it waits, where the places share it."""
        return self.work_s / self.places


_HERE, _TO = aliased(Operation), aliased(Operation)
_FOLLOWING = (
    select(_HERE.id, _HERE.process_s, _TO.name, WAYS.c.class_id, LIMITS.c.most_s)
    .join(_HERE, _HERE.id == LIMITS.c.from_operation_id)
    .join(_TO, _TO.id == LIMITS.c.to_operation_id)
    .join(WAYS, WAYS.c.operation_id == _TO.id)
    .where(_HERE.id.in_(bindparam("operations", expanding=True)))
    .order_by(_TO.number, WAYS.c.ordinal)
)
"""What must follow the operations within a time, and by which classes of equipment it is done."""


def too_late(session: Session, operation_ids: Collection[int], at: datetime) -> dict[int, list[Reason]]:
    """By operation: why what is started there at plant time ``at`` would come too late to one that must follow in time.

    As many queries for many operations as for one.
    """
    following = session.execute(_FOLLOWING, {"operations": list(operation_ids)}).all()
    if not following:
        return {}
    loads = _loads(session, {row.class_id for row in following}, at)
    against: dict[tuple[int, str], list[str | None]] = {}
    for operation_id, process_s, name, class_id, most_s in following:
        why = _against(loads[class_id], f"{name} must follow within {most_s / HOUR_S:g} h", most_s, process_s or 0.0)
        against.setdefault((operation_id, name), []).append(why)
    found: dict[int, list[Reason]] = {}
    for (operation_id, _), (first, *others) in against.items():
        if first is not None and None not in others:  # where another class serves in time, it does
            found.setdefault(operation_id, []).append(Reason("queue_time_ahead", first, "line_engineer"))
    return found


def _against(load: _Load, must: str, most_s: float, process_s: float) -> str | None:
    """Why equipment of a class does not take in time what must follow; None where it does."""
    if not load.places:
        return f"{must}, and no {load.name} is able to take work; bring one to standby first."
    if load.wait_s > most_s + process_s:
        return f"{must}, and each {load.name} has {load.wait_s / HOUR_S:.1f} h of work before it; start this later."
    return None


_STOPPED = select(Alarm.id).where(
    Alarm.equipment_id == Equipment.id, Alarm.cleared_at.is_(None), Alarm.severity >= BLOCKING_SEVERITY
)
_ABLE = and_(Equipment.class_id == EquipmentClass.id, Equipment.state.in_(ABLE), ~_STOPPED.exists())
_OF_CLASSES = EquipmentClass.id.in_(bindparam("classes", expanding=True))
_MACHINES = (
    select(EquipmentClass, func.count(Equipment.id))
    .outerjoin(Equipment, _ABLE)
    .where(_OF_CLASSES)
    .group_by(EquipmentClass.id)
)
"""How many of each class are able to work."""


def _loads(session: Session, class_ids: Collection[int], at: datetime) -> dict[int, _Load]:
    classes = {"classes": list(class_ids)}
    work_s = dict.fromkeys(class_ids, 0.0)
    for class_id, left_s in (*_waiting_s(session, classes), *_running_s(session, classes, at)):
        work_s[class_id] += left_s
    return {c.id: _Load(c.title, count * c.places, work_s[c.id]) for c, count in session.execute(_MACHINES, classes)}


_WAITING = (
    select(Operation.id, Operation.process_s, EquipmentClass, func.count())
    .join(EquipmentClass, EquipmentClass.id == Operation.class_id)
    .join(LotSubstrate, LotSubstrate.operation_id == Operation.id)
    .join(Lot, Lot.id == LotSubstrate.lot_id)
    .where(_OF_CLASSES, Operation.process_s.is_not(None))
    .where(LotSubstrate.progress == Progress.QUEUED, Lot.state.in_(ON_LINE), ~HELD)
    .group_by(Operation.id, EquipmentClass.id, case((EquipmentClass.batch, 0), else_=Lot.id))
)
_RUNNING = (
    select(Operation.class_id, Operation.process_s, Run.started_at)
    .join(Run, Run.operation_id == Operation.id)
    .where(Operation.class_id.in_(bindparam("classes", expanding=True)))
    .where(Operation.process_s.is_not(None), Run.state.in_(OPEN))
)


def _waiting_s(session: Session, classes: Mapping[str, list[int]]) -> Iterator[tuple[int, float]]:
    """By class: the work on each lot that waits and is not held, or of lots that go into batches together."""
    for _, process_s, its_class, substrates in session.execute(_WAITING, classes):
        yield its_class.id, (process_s or 0.0) * ceil(substrates / its_class.most_substrates)


def _running_s(session: Session, classes: Mapping[str, list[int]], at: datetime) -> Iterator[tuple[int, float]]:
    """By class: what is left of each open run."""
    for class_id, process_s, started_at in session.execute(_RUNNING, classes):
        yield (
            class_id,
            max(0.0, (process_s or 0.0) - (0.0 if started_at is None else (at - started_at).total_seconds())),
        )
