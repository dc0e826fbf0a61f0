"""Split: whole substrates of a lot that waits go on in a lot of their own."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from mes.db import lock, unique
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, record
from mes.lots import progress
from mes.lots.holds.future_hold import copy_future_holds
from mes.lots.holds.models import HoldMask
from mes.lots.models import Handover, Hold, Lot, LotSubstrate
from mes.lots.regrouping.regroup import busy, hand_over, lock_substrates
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.units.models import Substrate

RESERVED = ("reserved_for_id", "reserved_until", "reserved_by")


def split(session: Session, lot_id: int, names: Sequence[str], into: str | None, act: Act) -> Lot:
    """Let these substrates go on in a new lot, named ``into`` or after the lot they leave; gives the new one.

    It stands where they stand and inherits route version, priority, due date, reservation, every hold and future hold.
    Raises `Malformed` (none or one twice is named, no fit name), `NotFound` (a substrate was never in the lot),
    `WrongState` where the lot does not wait, and `Refused` with every reason: a substrate is in a run or has left the
    lot, or nothing would stay.
    """
    _check(names, into)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.SPLIT)
    members = progress.members_of(session, [lot])[lot_id]
    chosen, gone = _chosen(session, lot, members, names)
    substrates = lock_substrates(session, chosen)
    stay = [m for m in members if m not in chosen]
    found = [*gone, *busy(session, chosen, substrates), *_all_gone(lot, stay)]
    if found:
        raise Refused(f"Lot {lot.name} cannot be split so.", *found)
    before = {"state": lot.state, "substrates": lot.substrates, "units": lot.units}
    new = begin_like(session, lot, lot.customer_id, into or _name(session, lot), act)
    went = hand_over(session, lot, new, chosen, substrates, act)
    progress.settle(session, lot, stay, act.at)
    progress.settle(session, new, chosen, act.at)
    after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units, "gone": went.names, "into": new.name}
    told = {"from": lot.name, **_told(new), "came": went.names, "holds": _copy_holds(session, lot, new, substrates)}
    told["future_holds"] = copy_future_holds(session, lot, new)
    changes = [Change(lot, before, after, went.given), Change(new, {}, told, went.taken), *went.substrates]
    record(session, "split", act, changes)
    return new


def _check(names: Sequence[str], into: str | None) -> None:
    if not names:
        raise Malformed("Name at least one substrate to split off.")
    if len({*names}) < len(names):
        raise Malformed(f"A substrate is named twice: {', '.join(names)}; each goes once.")
    if into is not None and not (into.strip() and len(into) <= 64):
        raise Malformed("A lot needs a name of 1 to 64 characters.")


def _chosen(
    session: Session, lot: Lot, members: Sequence[LotSubstrate], names: Sequence[str]
) -> tuple[list[LotSubstrate], list[Reason]]:
    """The members that are named, and a reason for each that is in another lot by now."""
    known = select(Substrate.name, Substrate.id).where(Substrate.customer_id == lot.customer_id)
    ids = {row.name: row.id for row in session.execute(known.where(Substrate.name.in_(names)))}
    over = select(Handover.substrate_id, Lot.name).join(Lot, Lot.id == Handover.to_id).where(Handover.from_id == lot.id)
    left = {row.substrate_id: row.name for row in session.execute(over.order_by(Handover.id))}
    here = {m.substrate_id for m in members}
    strange = [name for name in names if ids.get(name) not in here | left.keys()]
    if strange:
        raise NotFound(f"The lot has no substrate {', '.join(strange)}.")
    gone = [
        Reason("substrate_gone", f"Substrate {name} went on in lot {left[ids[name]]}.", "operator")
        for name in names
        if ids[name] not in here
    ]
    return [m for m in members if m.substrate_id in {ids[name] for name in names}], gone


def _all_gone(lot: Lot, stay: Sequence[LotSubstrate]) -> list[Reason]:
    if any(m.progress != Progress.CLOSED for m in stay):
        return []
    return [Reason("nothing_stays", f"No substrate would stay in lot {lot.name}; leave one.", "operator")]


def begin_like(session: Session, lot: Lot, customer_id: int, name: str, act: Act) -> Lot:
    """A lot that begins as the one it comes from stands, of that customer and name; what is in it comes later.

    A reservation is of its owner's lots alone. Raises `Refused` where the customer has a lot of that name.
    """
    reserved = {column: getattr(lot, column) for column in RESERVED} if customer_id == lot.customer_id else {}
    new = Lot(
        customer_id=customer_id, name=name, product_id=lot.product_id, kind=lot.kind,
        route_version_id=lot.route_version_id, state=lot.state, operation_id=lot.operation_id, priority=lot.priority,
        due_at=lot.due_at, form=lot.form, of_product=lot.of_product, substrates=0, units=0, created_at=act.at,
        released_at=lot.released_at, ended_at=lot.ended_at, **reserved,
    )  # fmt: skip
    with unique("uq_lot_customer_id_name", Refused(f"There is already a lot {name}; choose another name.")):
        session.add(new)
        session.flush()
    return new


def _name(session: Session, lot: Lot) -> str:
    """The name of the lot with the first number behind it that is free: L-1.1, L-1.2, …"""
    query = select(Lot.name).where(Lot.customer_id == lot.customer_id)
    known = set(session.scalars(query.where(Lot.name.startswith(f"{lot.name}.", autoescape=True))))
    name = next(name for n in range(1, len(known) + 2) if (name := f"{lot.name}.{n}") not in known)
    if len(name) > 64:
        raise Malformed(f"{name} is longer than 64 characters; name the new lot yourself.")
    return name


def _copy_holds(session: Session, lot: Lot, new: Lot, substrates: Collection[int]) -> list[int]:
    """Whatever holds the lot holds the new one too: a split frees nothing. Gives the numbers of the holds of that.

    A hold that masks units is about these ``substrates`` there and about the others here; one that masks none but
    these goes over.
    """
    ours, others = (
        select(HoldMask.hold_id).where(HoldMask.hold_id == Hold.id, which).exists()
        for which in (HoldMask.substrate_id.in_(substrates), HoldMask.substrate_id.not_in(substrates))
    )
    standing = select(Hold, others).where(Hold.lot_id == lot.id, Hold.released_at.is_(None), ~Hold.masked | ours)
    same = ("customer_id", "code", "comment", "owner_role", "held_by", "held_at", "review_by", "masked", "recall_id")
    holds: dict[int, Hold] = {}
    for hold, stays in session.execute(standing.order_by(Hold.held_at, Hold.id)):
        copied = stays or not hold.masked
        holds[hold.id] = Hold(**{column: getattr(hold, column) for column in same}) if copied else hold
        holds[hold.id].lot_id = new.id
    session.add_all(holds.values())
    session.flush()
    if any(hold.masked for hold in holds.values()):
        number = case({old: hold.id for old, hold in holds.items()}, value=HoldMask.hold_id)
        going = update(HoldMask).where(HoldMask.hold_id.in_(holds), HoldMask.substrate_id.in_(substrates))
        session.execute(going.values(hold_id=number), execution_options={"synchronize_session": False})
    return [hold.id for hold in holds.values()]


def _told(new: Lot) -> dict[str, Any]:
    due = None if new.due_at is None else new.due_at.isoformat()
    told = {"state": new.state, "kind": new.kind, "priority": new.priority, "due_at": due}
    return told | {"substrates": new.substrates, "units": new.units}
