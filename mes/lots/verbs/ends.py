"""A lot ends otherwise than by its route: given up, destroyed before a witness, or returned to its owner."""

from sqlalchemy.orm import Session

from mes.errors import Malformed, Refused
from mes.history import Act
from mes.lots.holds.hold import against_leaving
from mes.lots.models import Lot
from mes.lots.regrouping.regroup import on_shared_wafers
from mes.lots.states import ON_LINE, TRANSITIONS, LotState, LotVerb
from mes.lots.verbs.picture import Picture, at_work, done, picture, told_why
from mes.units.states import THERE, Disposition

TERMINATE_MEANS = "This lot is given up: what is left in it is scrapped, or is lost, as it says."
"""What the end of a lot signs."""

LEFT = {"scrapped": Disposition.SCRAPPED, "lost": Disposition.LOST}
"""What may be said of what is left in a lot that is given up."""


def terminate(session: Session, lot_id: int, left: str, act: Act) -> Lot:
    """Give a lot up wherever it is; what is ``left`` in it is scrapped or lost.

    Raises `Malformed` (no reason, another word for what is left), `WrongState` where nothing is left of it, and
    `Refused` with every substrate that is in a run or serves one: break that off first.
    """
    told_why(act)
    if left not in LEFT:
        raise Malformed(f"{left} is no end; what is left is {' or '.join(LEFT)}.")
    seen = _all(session, lot_id, LotVerb.TERMINATE, "given up")
    seen.mark(LEFT[left], lambda at: at.are(*THERE))
    return done(session, seen, "terminate", act, {"left": left, "means": TERMINATE_MEANS}, lot_verb=LotVerb.TERMINATE)


def destroy(session: Session, lot_id: int, witness: str, act: Act) -> Lot:
    """Destroy all that is left of a lot, before somebody else as the witness; it is scrapped.

    Raises as `terminate` does, and `Malformed` where who does it is the witness.
    """
    told_why(act)
    if witness.strip().casefold() in ("", act.actor.casefold()):
        raise Malformed("Name who saw it: somebody else than who does it.")
    seen = _all(session, lot_id, LotVerb.SCRAP, "destroyed")
    seen.mark(Disposition.SCRAPPED, lambda at: at.are(*THERE))
    return done(session, seen, "destroy", act, {"witness": witness})


def return_to_owner(session: Session, lot_id: int, act: Act) -> Lot:
    """Let all that is left of a lot go back to its owner as it is, also what is suspect.

    Raises as `terminate` does; what is held or masked is not returned.
    """
    told_why(act)
    seen = _all(session, lot_id, LotVerb.RETURN, "returned")
    found = [*against_leaving(session, [seen.lot], seen.positions), *on_shared_wafers(session, seen.substrates)]
    if found:
        raise Refused(f"Lot {seen.lot.name} cannot be returned now.", *found)
    suspect = seen.total(Disposition.SUSPECT)
    seen.mark(Disposition.RETURNED, lambda at: at.are(*THERE))
    return done(session, seen, "return_to_owner", act, {"suspect_units": suspect}, lot_verb=LotVerb.RETURN)


def _all(session: Session, lot_id: int, verb: LotVerb, what: str) -> Picture:
    """The lot with all that is left in it, on no equipment."""
    seen = picture(session, lot_id)
    lot = seen.lot
    found = list(at_work(session, seen))
    if lot.state not in ON_LINE or not found:
        TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), verb)
    if found:
        raise Refused(f"Lot {lot.name} cannot be {what} now.", *found)
    return seen
