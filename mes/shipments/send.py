"""Send: lots leave together, with the document that says what they hold; later the receiver says what arrived."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.definitions.models import Product, Site
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, record
from mes.lots import ledger, progress
from mes.lots.holders import let_go
from mes.lots.holds.hold import against_leaving
from mes.lots.maps.map_file import exported
from mes.lots.models import Lot, LotSubstrate
from mes.lots.mounting import dismount
from mes.lots.regrouping.regroup import busy, lock_substrates, on_shared_wafers
from mes.lots.states import TRANSITIONS as OF_LOTS
from mes.lots.states import LotState, LotVerb, Progress
from mes.people.models import Customer
from mes.shipments.document import (
    MOST_LOTS,
    MOST_SUBSTRATES,
    Certificate,
    Content,
    Document,
    SentLot,
    SentSubstrate,
    sealed,
)
from mes.shipments.models import SHIPMENT_NUMBERS, Shipment, ShipmentLot
from mes.shipments.states import TRANSITIONS, Direction, ShipmentState, ShipmentVerb
from mes.units.formats.e142_write import write_e142
from mes.units.models import Substrate
from mes.units.positions import Positions, opened
from mes.units.states import USABLE, Disposition


@dataclass(frozen=True)
class Sending:
    """What is asked for: lots of one customer, to whom, and what travels with them."""

    lot_ids: Sequence[int]
    receiver: str
    reference: str = ""
    certificates: tuple[Certificate, ...] = ()


@dataclass
class _Leaving:
    """A locked lot with what goes along."""

    lot: Lot
    members: Sequence[LotSubstrate]
    go: Sequence[LotSubstrate]
    substrates: Mapping[int, Substrate]
    positions: Mapping[int, Positions]

    @property
    def units(self) -> int:
        """Good ones that leave."""
        return sum(int(at.are(*USABLE).sum()) for at in self.positions.values())


def send(session: Session, wanted: Sending, act: Act) -> Shipment:
    """Let whole lots leave: completed ones, and such from the die bank. Their good units are shipped.

    Raises `Malformed` (no lot, one twice, lots of several customers, nobody to send to), and `Refused` with every
    reason: a lot is not there to be shipped, is held, has masked or suspect units, is picked from by equipment.
    """
    _check(wanted)
    lots = lock(session, (Lot, wanted.lot_ids)).all(Lot)
    if len({lot.customer_id for lot in lots}) > 1:
        raise Malformed("The lots belong to several customers; a shipment has one owner.")
    leaving = _leaving(session, lots)
    found = [reason for one in leaving for reason in _against(one)]
    maps = {i: at for one in leaving for i, at in one.positions.items()}
    found += [*against_leaving(session, lots, maps), *_at_work(session, leaving)]
    found += on_shared_wafers(session, {i: row for one in leaving for i, row in one.substrates.items()})
    if found:
        raise Refused("The shipment cannot leave so.", *found)
    document = _document(session, leaving, wanted, act)
    shipment = Shipment(
        customer_id=lots[0].customer_id, name=document.shipment, direction=Direction.SENT,
        state=ShipmentState.IN_TRANSIT, partner=wanted.receiver, reference=wanted.reference,
        document=document.as_sent, sha256=document.sha256, differences=[], sent_at=act.at,
    )  # fmt: skip
    session.add(shipment)
    session.flush()
    changes = [change for one in leaving for change in _leave(session, shipment, one, act)]
    told = {
        "state": shipment.state,
        "to": wanted.receiver,
        "lots": [lot.name for lot in lots],
        "sha256": shipment.sha256,
    }
    record(session, "ship", act, [Change(shipment, after=told), *changes])
    return shipment


def confirm(session: Session, shipment_id: int, differences: Sequence[str], act: Act) -> Shipment:
    """Note that a shipment arrived, and what the receiver found otherwise than the document says.

    Raises `WrongState` where that is known already.
    """
    shipment = lock(session, (Shipment, [shipment_id])).one(Shipment, shipment_id)
    before = shipment.state
    shipment.state = TRANSITIONS.after(f"Shipment {shipment.name}", ShipmentState(shipment.state), ShipmentVerb.CONFIRM)
    shipment.arrived_at, shipment.differences = act.at, [*differences]
    of = select(ShipmentLot.lot_id).where(ShipmentLot.shipment_id == shipment.id)
    lots = lock(session, (Lot, session.scalars(of).all())).all(Lot)
    changes = []
    for lot in lots:
        told = {"state": lot.state}
        lot.state = OF_LOTS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.ARRIVE)
        changes.append(Change(lot, told, {"state": lot.state, "shipment": shipment.name}))
    after = {"state": shipment.state, "differences": shipment.differences}
    record(session, "confirm_shipment", act, [Change(shipment, {"state": before}, after), *changes])
    return shipment


def new_name(session: Session) -> str:
    """The name of the next shipment."""
    return f"SHP-{session.scalar(SHIPMENT_NUMBERS.next_value()):06d}"


def _check(wanted: Sending) -> None:
    if not wanted.lot_ids or len(wanted.lot_ids) > MOST_LOTS:
        raise Malformed(f"A shipment has 1 to {MOST_LOTS} lots.")
    if len({*wanted.lot_ids}) < len(wanted.lot_ids):
        raise Malformed("A lot is named twice; each goes once.")
    if not wanted.receiver.strip() or len(wanted.receiver) > 64:
        raise Malformed("Say to whom it goes, in 1 to 64 characters.")


def _leaving(session: Session, lots: Sequence[Lot]) -> list[_Leaving]:
    members = progress.members_of(session, lots)
    go = {lot.id: [m for m in members[lot.id] if m.progress != Progress.CLOSED] for lot in lots}
    substrates = lock_substrates(session, [m for some in go.values() for m in some])
    positions = opened(session, substrates.values())
    of = {m.substrate_id: m.lot_id for some in go.values() for m in some}
    by_name = {lot.id: [i for i in substrates if of[i] == lot.id] for lot in lots}
    return [
        _Leaving(
            lot, members[lot.id], go[lot.id],
            {i: substrates[i] for i in by_name[lot.id]}, {i: positions[i] for i in by_name[lot.id]},
        )
        for lot in lots
    ]  # fmt: skip


def _against(one: _Leaving) -> Iterator[Reason]:
    """What speaks against a lot by itself."""
    lot = one.lot
    if not OF_LOTS.allows(LotState(lot.state), LotVerb.SHIP):
        what = f"Lot {lot.name} is {lot.state}; what is shipped is completed, or stocked."
        yield Reason("lot_state", what, "line_engineer")
        return
    for i, at in one.positions.items():
        if units := at.count(Disposition.SUSPECT):
            what = f"Substrate {one.substrates[i].name} has {units} suspect units; a process engineer disposes of them."
            yield Reason("suspect", what, "process_engineer")
    if len(one.go) > MOST_SUBSTRATES:
        what = f"Lot {lot.name} has {len(one.go)} substrates; a document names {MOST_SUBSTRATES} of a lot at most."
        yield Reason("too_many_substrates", what, "line_engineer")
    if not one.units:
        yield Reason("nothing_left", f"Lot {lot.name} has no good unit to ship.")


def _at_work(session: Session, leaving: Sequence[_Leaving]) -> Iterator[Reason]:
    """Substrates of lots that could leave, in a run or serving one."""
    free = [one for one in leaving if OF_LOTS.allows(LotState(one.lot.state), LotVerb.SHIP)]
    substrates = {i: substrate for one in free for i, substrate in one.substrates.items()}
    yield from busy(session, [member for one in free for member in one.go], substrates)


def _document(session: Session, leaving: Sequence[_Leaving], wanted: Sending, act: Act) -> Document:
    of_products = select(Product.id, Product.name).where(Product.id.in_({one.lot.product_id for one in leaving}))
    products = {row.id: row.name for row in session.execute(of_products)}
    return sealed(
        Content(
            shipment=new_name(session),
            sender=session.scalars(select(Site.name).order_by(Site.id)).first() or "site",
            receiver=wanted.receiver,
            customer=session.scalars(select(Customer.name).where(Customer.id == leaving[0].lot.customer_id)).one(),
            sent_at=act.at,
            reference=wanted.reference,
            certificates=wanted.certificates,
            lots=tuple(_told(session, one, products[one.lot.product_id]) for one in leaving),
        )
    )


def _told(session: Session, one: _Leaving, product: str) -> SentLot:
    """The lot as the document tells it. Where units came from stays here: the receiver sees what they are."""
    substrates = tuple(
        SentSubstrate(
            substrate=one.substrates[i].name,
            units=int(at.are(*USABLE).sum()),
            map=None if one.substrates[i].assumed_map else write_e142(exported(session, i, origin=False)).decode(),
        )
        for i, at in one.positions.items()
    )
    return SentLot(lot=one.lot.name, product=product, substrates=substrates)


def _leave(session: Session, shipment: Shipment, one: _Leaving, act: Act) -> Iterator[Change]:
    """Let a lot leave: no unit of it is here any more, and none of its substrates is mounted."""
    lot, before, units = one.lot, one.lot.state, one.units
    session.add(
        ShipmentLot(
            customer_id=lot.customer_id, shipment_id=shipment.id, lot_id=lot.id, substrates=len(one.go), units=units
        )
    )
    form_of = {m.substrate_id: m.form for m in one.go}
    for at in one.positions.values():
        at.mark(at.are(*USABLE), Disposition.SHIPPED)
    deltas = [
        delta
        for form in sorted({*form_of.values()})
        for delta in ledger.post(
            session, lot, form, ledger.moves(at for i, at in one.positions.items() if form_of[i] == form)
        )
    ]
    for member in one.go:
        member.progress, one.substrates[member.substrate_id].closed = Progress.CLOSED, True
        dismount(session, [member.substrate_id], act.at)
        one.positions[member.substrate_id].save()
    lot.state = OF_LOTS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.SHIP)
    progress.settle(session, lot, one.members, act.at)
    after = {"state": lot.state, "shipment": shipment.name, "to": shipment.partner, "units": units}
    yield Change(lot, {"state": before}, after, deltas)
    yield from let_go(session, one.substrates.values())
    for substrate in one.substrates.values():
        yield Change(substrate, after={"shipment": shipment.name, "to": shipment.partner})
