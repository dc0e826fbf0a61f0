"""What people do with carriers: register and clean them, move them, put a lot into another one, take it out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mes.db import lock, unique
from mes.errors import Busy, Malformed, Reason, Refused
from mes.history import Act, Change, record
from mes.lots import progress
from mes.lots.carriers.models import KINDS, MOST_SLOTS, Carrier, CarrierSlot
from mes.lots.carriers.queries import IN_USE, look
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import Progress
from mes.units.models import Substrate

WHO = "operator"
"""Who carries lots."""
LEAST_CLEAN_H, MOST_CLEAN_H = 0.01, 100_000


def register_carrier(session: Session, name: str, kind: str, slots: int, clean_every_h: float | None, act: Act) -> int:
    """Take a carrier in, clean; gives its id. Raises `Malformed` (any of these) and `Refused`: there is one."""
    if not (name.strip() and len(name) <= 64):
        raise Malformed("A carrier has a name of 1 to 64 characters.")
    if kind not in KINDS or not 1 <= slots <= MOST_SLOTS:
        raise Malformed(f"A carrier is one of {', '.join(KINDS)}, with 1 to {MOST_SLOTS} slots.")
    if clean_every_h is not None and not LEAST_CLEAN_H <= clean_every_h <= MOST_CLEAN_H:
        raise Malformed(f"A carrier is cleaned every {LEAST_CLEAN_H} to {MOST_CLEAN_H:,} hours.")
    every = None if clean_every_h is None else timedelta(hours=clean_every_h)
    carrier = Carrier(
        name=name, kind=kind, slots=slots, clean_every_s=None if every is None else every.total_seconds(),
        clean_until=None if every is None else act.at + every,
    )  # fmt: skip
    with unique("uq_carrier_name", Refused(f"There is already a carrier {name}.")):
        session.add(carrier)
        session.flush()
    record(session, "register_carrier", act, [Change(carrier, after={"kind": kind, "slots": slots})])
    return carrier.id


def clean_carrier(session: Session, carrier_id: int, act: Act) -> None:
    """A carrier was cleaned. Raises `Refused` while anything stands in it."""
    carrier = lock(session, (Carrier, [carrier_id])).one(Carrier, carrier_id)
    inside = look(session, carrier_id, act.at)["contents"]
    if inside:
        said = f"{inside[0]['substrate']} of lot {inside[0]['lot']} stands in it; change the carrier of the lot first."
        raise Refused(f"Carrier {carrier.name} is not cleaned.", Reason("carrier_loaded", said, WHO))
    if carrier.clean_every_s is not None:
        carrier.clean_until = act.at + timedelta(seconds=carrier.clean_every_s)
    record(session, "clean_carrier", act, [Change(carrier, after={"clean_until": _said(carrier.clean_until)})])


def move_carrier(session: Session, carrier_id: int, location: str, act: Act) -> None:
    """Say where a carrier stands."""
    carrier = lock(session, (Carrier, [carrier_id])).one(Carrier, carrier_id)
    before = {"location": carrier.location}
    carrier.location = location
    record(session, "move_carrier", act, [Change(carrier, before, {"location": location})])


def change_carrier(
    session: Session, lot_id: int, carrier_id: int, slots: Mapping[str, int] | None, act: Act
) -> None:  # fmt: skip
    """Put every substrate of a lot that waits into a carrier: into the slots that are named, or the first free ones.

    Raises `Malformed` (slots for other substrates, beyond the carrier, or one twice) and `Refused` with every reason:
    a substrate is on equipment, the carrier is not clean, full, or a slot is taken.
    """
    lot, carriers = _lock(session, lot_id, carrier_id)
    carrier = next(one for one in carriers if one.id == carrier_id)
    members, names = _members(session, lot)
    if slots is not None:
        _check(carrier, slots, set(names.values()))
    taken = _taken(session, carrier_id, names)
    free = [slot for slot in range(1, carrier.slots + 1) if slot not in taken]
    placed = slots if slots is not None else dict(zip(sorted(names.values()), free, strict=False))
    found = [
        *_busy(members, names), *_unclean(carrier, act.at), *_full(carrier, len(names), placed),
        *(Reason("slot_taken", f"Slot {slot} of {carrier.name} holds {taken[slot]}; choose another.", WHO)
          for slot in sorted(placed.values()) if slot in taken),
    ]  # fmt: skip
    if found:
        raise Refused(f"Lot {lot.name} is not put into {carrier.name}.", *found)
    before = _empty(session, names)
    _sweep(session, carrier_id, placed.values())
    ids = {name: substrate for substrate, name in names.items()}
    session.add_all(
        CarrierSlot(customer_id=lot.customer_id, carrier_id=carrier_id, slot=slot, substrate_id=ids[name])
        for name, slot in placed.items()
    )
    told = {"carrier": carrier.name, "slots": dict(placed)}
    others = [Change(one, after={"gone": lot.name}) for one in carriers if one.id != carrier_id]
    came = Change(carrier, after={"lot": lot.name, "slots": dict(placed)})
    record(session, "change_carrier", act, [Change(lot, {"carriers": before}, told), came, *others])


def leave_carrier(session: Session, lot_id: int, carrier_id: int, act: Act) -> None:
    """Take every substrate of a lot out of its carriers. Raises `Refused` where none stands in the named one."""
    lot, carriers = _lock(session, lot_id)
    if carrier_id not in {one.id for one in carriers}:
        named, where = session.get_one(Carrier, carrier_id).name, ", ".join(one.name for one in carriers)
        said = f"No substrate of lot {lot.name} stands in {named}; it stands in {where or 'no carrier'}."
        raise Refused(f"Lot {lot.name} stays as it is.", Reason("no_carrier", said, WHO))
    _, names = _members(session, lot)
    before = _empty(session, names)
    gone = [Change(one, after={"gone": lot.name}) for one in carriers]
    told = {"carriers": [], "substrates": sorted(names.values())}
    record(session, "leave_carrier", act, [Change(lot, {"carriers": before}, told), *gone])


def _lock(session: Session, lot_id: int, *wanted: int) -> tuple[Lot, list[Carrier]]:
    """Lock a lot with the carriers that it stands in, and those wanted. Raises `Busy` where it changes just now."""
    here = select(CarrierSlot.carrier_id).join(LotSubstrate, IN_USE).where(LotSubstrate.lot_id == lot_id).distinct()
    seen = set(session.scalars(here))
    locked = lock(session, (Lot, [lot_id]), (Carrier, sorted(seen | set(wanted))))
    lot = locked.one(Lot, lot_id)
    if set(session.scalars(here)) != seen:
        raise Busy(f"Lot {lot.name} goes into another carrier at this moment; try again.")
    return lot, locked.all(Carrier)


def _members(session: Session, lot: Lot) -> tuple[list[LotSubstrate], dict[int, str]]:
    """The substrates of a lot that are not used up, and their names."""
    members = [m for m in progress.members_of(session, [lot])[lot.id] if m.progress != Progress.CLOSED]
    query = select(Substrate.id, Substrate.name).where(Substrate.id.in_([m.substrate_id for m in members]))
    return members, {row.id: row.name for row in session.execute(query)}


def _check(carrier: Carrier, slots: Mapping[str, int], names: set[str]) -> None:
    if slots.keys() != names:
        said = ", ".join(sorted(names)) or "none"
        raise Malformed(f"Name a slot for each substrate of the lot, and for no other: it has {said}.")
    if len({*slots.values()}) < len(slots):
        raise Malformed("A slot is named twice; it holds one substrate.")
    beyond = sorted(slot for slot in slots.values() if not 1 <= slot <= carrier.slots)
    if beyond:
        raise Malformed(f"{carrier.name} has no slot {beyond[0]}; its slots are 1 to {carrier.slots}.")


def _sweep(session: Session, carrier_id: int, slots: Iterable[int]) -> None:
    """Forget what is used up and stood in slots of a carrier that are taken now."""
    session.execute(delete(CarrierSlot).where(CarrierSlot.carrier_id == carrier_id, CarrierSlot.slot.in_(slots)))


def _taken(session: Session, carrier_id: int, own: Mapping[int, str]) -> dict[int, str]:
    """By slot of a carrier, what stands there of other lots and is not used up."""
    query = select(CarrierSlot.slot, Substrate.name).join(Substrate, Substrate.id == CarrierSlot.substrate_id)
    query = query.join(LotSubstrate, IN_USE)
    query = query.where(CarrierSlot.carrier_id == carrier_id, CarrierSlot.substrate_id.not_in(own))
    return {row.slot: row.name for row in session.execute(query)}


def _empty(session: Session, own: Mapping[int, str]) -> list[str]:
    """Take substrates out of their slots; gives the carriers in which they stood."""
    stood = select(Carrier.name).join(CarrierSlot, CarrierSlot.carrier_id == Carrier.id).distinct()
    before = list(session.scalars(stood.where(CarrierSlot.substrate_id.in_(own)).order_by(Carrier.name)))
    session.execute(delete(CarrierSlot).where(CarrierSlot.substrate_id.in_(own)))
    return before


def _busy(members: Sequence[LotSubstrate], names: Mapping[int, str]) -> Iterator[Reason]:
    for member in members:
        if member.progress not in (Progress.QUEUED, Progress.FINISHED):
            said = f"Substrate {names[member.substrate_id]} is {member.progress}; wait until its run ends."
            yield Reason("substrate_busy", said, WHO)


def _unclean(carrier: Carrier, at: datetime) -> Iterator[Reason]:
    if carrier.clean_until is not None and carrier.clean_until <= at:
        said = f"Carrier {carrier.name} was to be cleaned by {carrier.clean_until:%Y-%m-%d %H:%M} UTC; clean it first."
        yield Reason("carrier_unclean", said, WHO)


def _full(carrier: Carrier, substrates: int, placed: Mapping[str, int]) -> Iterator[Reason]:
    lacking = substrates - len(placed)
    if lacking:
        said = f"Carrier {carrier.name} has {len(placed)} slots free, {lacking} too few; take another."
        yield Reason("carrier_full", said, WHO)


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
