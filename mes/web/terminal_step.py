"""What the terminal shows of a lot: what waits, where it may start and why not, and what can be finished."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mes.definitions.clock import plant_now
from mes.definitions.models import EquipmentClass
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.errors import Reason
from mes.lots import start_gate
from mes.lots.hand_work import MOVES
from mes.lots.looks import Row, look
from mes.lots.models import LotSubstrate, RunSubstrate
from mes.lots.states import Progress, Work
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN


@dataclass(frozen=True)
class Place:
    """An equipment that could take the lot: ``open_runs`` of ``places`` are taken."""

    name: str
    title: str
    state: str
    connected: bool
    open_runs: int
    places: int


@dataclass(frozen=True)
class OpenRun:
    """A run that the lot is in. ``units`` it asks of the lot; ``by_hand``: a person may report it."""

    name: str
    equipment: str
    operation: str
    state: str
    units: int
    by_hand: bool


@dataclass(frozen=True)
class Step:
    """What to do now: with no lot, scan one.

    ``operation``: where the lot waits, if it does, with the places there are for it, and the reasons why it does not
    start on the equipment that is chosen.
    """

    lot: Row | None = None
    operation: Operation | None = None
    reasons: Sequence[Reason] = ()
    places: Sequence[Place] = ()
    runs: Sequence[OpenRun] = ()


def step(session: Session, lot: int, equipment: str) -> Step:
    """What to do with a lot now, on the equipment of that name, if any. Raises `NotFound`."""
    operation = session.scalars(_waiting_at(lot)).first()
    reasons: Sequence[Reason] = ()
    if equipment and operation is not None:
        reasons = start_gate.reasons(session, lot, equipment_id(session, equipment), plant_now(session))
    places = () if operation is None else _places(session, operation.class_id)
    return Step(look(session, lot), operation, reasons, places, _open_runs(session, lot))


def _waiting_at(lot: int) -> Select[Operation]:
    """Where the lot's waiting substrates stand."""
    return (
        select(Operation)
        .join(LotSubstrate, LotSubstrate.operation_id == Operation.id)
        .where(LotSubstrate.lot_id == lot, LotSubstrate.progress == Progress.QUEUED)
        .order_by(Operation.number)
    )


def _places(session: Session, class_id: int) -> list[Place]:
    taken = select(func.count(Run.id)).where(Run.equipment_id == Equipment.id, Run.state.in_(OPEN)).scalar_subquery()
    query = (
        select(
            Equipment.name, Equipment.title, Equipment.state, Equipment.connected, taken.label("open_runs"),
            EquipmentClass.places,
        )
        .join(EquipmentClass, EquipmentClass.id == Equipment.class_id)
        .where(Equipment.class_id == class_id)
        .order_by(Equipment.name)
    )  # fmt: skip
    return [Place(**row) for row in session.execute(query).mappings()]


def _open_runs(session: Session, lot: int) -> list[OpenRun]:
    query = (
        select(
            Run.name,
            Equipment.name,
            Operation.title,
            Run.state,
            func.sum(func.bit_count(RunSubstrate.positions)),
            Operation.kind,
        )
        .join(RunSubstrate, RunSubstrate.run_id == Run.id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(Operation, Operation.id == Run.operation_id)
        .where(RunSubstrate.lot_id == lot, RunSubstrate.work == Work.WAITING, Run.state.in_(OPEN))
        .group_by(Run.id, Equipment.name, Operation.id)
        .order_by(Run.id)
    )
    return [
        OpenRun(run, place, title, state, units, kind not in MOVES)
        for run, place, title, state, units, kind in session.execute(query)
    ]
