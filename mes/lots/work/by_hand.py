"""The condition of equipment that people work: nothing reports it, so it is what its runs say."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import BY_HAND, EquipmentClass
from mes.equipment.condition import change_state
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.history import Act
from mes.runs.models import Run
from mes.runs.states import OPEN


def is_worked_by_hand(session: Session, equipment: Equipment) -> bool:
    """Whether people work it, and it reports nothing."""
    return not equipment.connected and session.get_one(EquipmentClass, equipment.class_id).kind == BY_HAND


def work(session: Session, equipment: Equipment, run: Run, act: Act) -> None:
    """A run began on it: it is productive."""
    change_state(session, equipment.id, EquipmentState.PRD, replace(act, why=run.name))


def rest(session: Session, equipment: Equipment, run: Run, act: Act) -> None:
    """A run is over: where it was the last open one, the equipment stands by. Taken down meanwhile, it stays so."""
    if equipment.state != EquipmentState.PRD or not is_worked_by_hand(session, equipment):
        return
    others = select(Run.id).where(Run.equipment_id == equipment.id, Run.state.in_(OPEN), Run.id != run.id)
    if session.scalar(others.limit(1)) is None:
        change_state(session, equipment.id, EquipmentState.SBY, replace(act, why=run.name))
