"""What the terminal shows before a lot is scanned: what waits for a person, and which equipment there is."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Select, Text, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import BY_HAND, EquipmentClass
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.jobs.models import SentOrder
from mes.lots.models import Hold, Lot, LotSubstrate, RunSubstrate
from mes.lots.states import ON_LINE, Progress, Work
from mes.lots.work.hand_work import MOVES
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.routes.ways import WAYS
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.web.terminal_step import Place, places


@dataclass(frozen=True)
class Task:
    """A lot for a person: one that waits to be started, or one that was started by hand, in ``run``."""

    lot: str
    customer: str
    operation: str
    class_id: int
    substrates: int
    held: Sequence[str] = ()
    """The codes of the holds of the whole lot."""
    run: str = ""
    equipment: str = ""


@dataclass(frozen=True)
class First:
    """What there is to do, and where; of one equipment, if one is chosen."""

    chosen: Place | None
    begun: Sequence[Task]
    waiting: Sequence[Task]
    stations: Sequence[Place]
    """Where people start lots: worked by hand, or not connected."""
    automatic: Sequence[Place]


def first(session: Session, equipment: str) -> First:
    """What waits for a person, on the equipment of that name, if any. Raises `NotFound`."""
    there = places(session)
    chosen = None
    if equipment:
        of = equipment_id(session, equipment)
        chosen = next(place for place in there if place.id == of)
    begun = [Task(**row) for row in session.execute(_begun()).mappings()]
    waiting = [Task(**row) for row in session.execute(_waiting()).mappings()]
    return First(
        chosen,
        [task for task in begun if chosen is None or task.equipment == chosen.name],
        [task for task in waiting if chosen is None or task.class_id == chosen.class_id],
        sorted((place for place in there if not place.automatic), key=lambda place: not place.by_hand),
        [place for place in there if place.automatic],
    )


_STANDING = select(Hold.code).where(Hold.lot_id == Lot.id, Hold.released_at.is_(None), ~Hold.masked)
_HOLDS = func.array(_STANDING.distinct().order_by(Hold.code).correlate(Lot).scalar_subquery(), type_=ARRAY(Text))


def _waiting() -> Select[*tuple[object, ...]]:
    """Lots that wait at an operation that people work, most urgent first."""
    return (
        select(
            Lot.name.label("lot"), Customer.name.label("customer"), Operation.title.label("operation"),
            WAYS.c.class_id, func.count().label("substrates"), _HOLDS.label("held"),
        )
        .select_from(LotSubstrate)
        .join(Lot, Lot.id == LotSubstrate.lot_id)
        .join(Customer, Customer.id == Lot.customer_id)
        .join(Operation, Operation.id == LotSubstrate.operation_id)
        .join(WAYS, WAYS.c.operation_id == Operation.id)
        .join(EquipmentClass, EquipmentClass.id == WAYS.c.class_id)
        .where(LotSubstrate.progress == Progress.QUEUED, Lot.state.in_(ON_LINE), EquipmentClass.kind == BY_HAND)
        .group_by(Lot.id, Customer.id, Operation.id, WAYS.c.class_id)
        .order_by(Lot.priority, func.min(LotSubstrate.since), Lot.name)
    )  # fmt: skip


def _begun() -> Select[*tuple[object, ...]]:
    """Lots in runs of which no equipment was told, oldest first: a person says how they ended."""
    told = select(SentOrder.run_id).where(SentOrder.run_id == Run.id).exists()
    return (
        select(
            Lot.name.label("lot"), Customer.name.label("customer"), Operation.title.label("operation"),
            Operation.class_id, func.count().label("substrates"), Run.name.label("run"),
            Equipment.name.label("equipment"),
        )
        .select_from(RunSubstrate)
        .join(Run, Run.id == RunSubstrate.run_id)
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .join(Customer, Customer.id == Lot.customer_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .where(RunSubstrate.work == Work.WAITING, Run.state.in_(OPEN), ~told, Operation.kind.not_in(MOVES))
        .group_by(Run.id, Lot.id, Customer.id, Operation.id, Equipment.id)
        .order_by(Run.id, Lot.name)
    )  # fmt: skip
