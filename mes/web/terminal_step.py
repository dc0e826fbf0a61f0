"""What the terminal shows of a lot: what waits, where it may start and why not, and what can be finished."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from equipment.interface.messages import PASS_BIN
from mes.definitions.clock import plant_now
from mes.definitions.models import BY_HAND, EquipmentClass
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.errors import Reason
from mes.jobs.models import SentOrder
from mes.lots.gate import start_gate
from mes.lots.looks import Row, look
from mes.lots.models import LotSubstrate, RunSubstrate
from mes.lots.states import Progress, Work
from mes.lots.work.hand_work import MOVES
from mes.routes.models import Operation
from mes.routes.ways import WAYS
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate


@dataclass(frozen=True)
class Place:
    """An equipment on which lots are worked: ``open_runs`` of ``places`` are taken."""

    id: int
    class_id: int
    name: str
    title: str
    state: str
    connected: bool
    by_hand: bool
    open_runs: int
    places: int

    @property
    def automatic(self) -> bool:
        """Dispatch starts lots on it, and it reports them itself."""
        return self.connected and not self.by_hand

    @property
    def full(self) -> bool:
        """Nothing starts on it before a run ends."""
        return self.open_runs >= self.places


@dataclass(frozen=True)
class OpenRun:
    """A run that the lot is in. ``units`` it asks of the lot, by name of the substrate.

    ``by_hand``: a person may report it; ``sent``: its equipment was told, and will.
    """

    name: str
    equipment: str
    operation: str
    state: str
    units: Mapping[str, int]
    bins: Mapping[str, str]
    """The codes for units that failed, with what each is called."""
    by_hand: bool
    sent: bool


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


def step(session: Session, lot: int, equipment: str, by: str) -> Step:
    """What to do with a lot now, on the equipment of that name, if any, for somebody. Raises `NotFound`."""
    operation = session.scalars(_waiting_at(lot)).first()
    reasons: Sequence[Reason] = ()
    if equipment and operation is not None:
        reasons = start_gate.reasons(session, lot, equipment_id(session, equipment), plant_now(session), by)
    serves = select(WAYS.c.class_id).where(WAYS.c.operation_id == operation.id) if operation is not None else None
    there = () if serves is None else places(session, Equipment.class_id.in_(serves))
    return Step(look(session, lot), operation, reasons, there, _open_runs(session, lot))


def _waiting_at(lot: int) -> Select[Operation]:
    """Where the lot's waiting substrates stand."""
    return (
        select(Operation)
        .join(LotSubstrate, LotSubstrate.operation_id == Operation.id)
        .where(LotSubstrate.lot_id == lot, LotSubstrate.progress == Progress.QUEUED)
        .order_by(Operation.number)
    )


def places(session: Session, *only: ColumnElement[bool]) -> list[Place]:
    """All equipment, or some of it, by name."""
    taken = select(func.count(Run.id)).where(Run.equipment_id == Equipment.id, Run.state.in_(OPEN)).scalar_subquery()
    query = (
        select(
            Equipment.id, Equipment.class_id, Equipment.name, Equipment.title, Equipment.state, Equipment.connected,
            (EquipmentClass.kind == BY_HAND).label("by_hand"), taken.label("open_runs"), EquipmentClass.places,
        )
        .join(EquipmentClass, EquipmentClass.id == Equipment.class_id)
        .where(*only)
        .order_by(Equipment.name)
    )  # fmt: skip
    return [Place(**row) for row in session.execute(query).mappings()]


def _open_runs(session: Session, lot: int) -> list[OpenRun]:
    query = (
        select(Run, Equipment.name, Operation, Substrate.name, func.bit_count(RunSubstrate.positions), SentOrder.run_id)
        .join(RunSubstrate, RunSubstrate.run_id == Run.id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(Substrate, Substrate.id == RunSubstrate.substrate_id)
        .outerjoin(SentOrder, SentOrder.run_id == Run.id)
        .where(RunSubstrate.lot_id == lot, RunSubstrate.work == Work.WAITING, Run.state.in_(OPEN))
        .order_by(Run.id, Substrate.name)
    )
    units: dict[int, dict[str, int]] = defaultdict(dict)
    found: dict[int, OpenRun] = {}
    for run, equipment, operation, substrate, asked, sent in session.execute(query):
        units[run.id][substrate] = asked
        codes = {code: bin_["name"] for code, bin_ in operation.bins.items() if int(code) != PASS_BIN}
        by_hand = operation.kind not in MOVES
        found[run.id] = OpenRun(
            run.name, equipment, operation.title, run.state, units[run.id], codes, by_hand, sent is not None
        )
    return list(found.values())
