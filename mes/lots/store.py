"""Store: put a lot that will not go on for now into the die bank, with what is left counted."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Reason, Refused
from mes.history import Act, Change, record
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress


def store(session: Session, lot_id: int, act: Act) -> Lot:
    """Take a waiting lot off the line. Its units stay in process where they are, outside WIP and cycle time.

    Raises `Refused` while one of its substrates is on equipment, `WrongState` where the lot is not on the line.
    """
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    busy = select(LotSubstrate.substrate_id).where(
        LotSubstrate.lot_id == lot_id,
        LotSubstrate.progress.in_([Progress.ORDERED, Progress.IN_DOUBT, Progress.LOADING]),
    )
    if session.scalars(busy).first() is not None:
        reason = Reason("substrate_busy", f"A run of lot {lot.name} is open; wait until it ends.")
        raise Refused(f"Lot {lot.name} cannot be stored now.", reason)
    before = lot.state
    lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.STORE)
    lot.ended_at = act.at
    after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units}
    record(session, "store", act, [Change(lot, before={"state": before}, after=after)])
    return lot
