"""Receive: the lots of a document arrive, with their maps; what came otherwise than it says holds its lot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import unique
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, Event, record_all
from mes.lots.create import NewLot, create
from mes.lots.holds.hold import place_hold
from mes.lots.holds.hold_codes import DISCREPANCY, OWNER_OF_REPORTED
from mes.lots.maps.reading import MapIn, Reading
from mes.lots.models import Lot, LotSubstrate
from mes.lots.queries import route_making
from mes.materials.receive import Delivery
from mes.materials.receive import receive as receive_material
from mes.people.models import Customer
from mes.shipments.document import Document, SentLot, SentMaterial, SentSubstrate
from mes.shipments.models import Shipment, ShipmentLot
from mes.shipments.send import new_name
from mes.shipments.states import Direction, ShipmentState
from mes.units.arrival import Arrival, arrivals
from mes.units.models import Substrate
from mes.units.positions import opened
from mes.units.states import Disposition


@dataclass(frozen=True)
class Receiving:
    """A document, and what its receiver says of it."""

    document: Document
    customer: str | None = None
    """Whose material it is here; as the document says if None."""
    route: str | None = None
    """Of its lots; the only one that makes the product of each if None."""
    released: bool = False
    counted: Mapping[str, int] = field(default_factory=dict)
    """By substrate, the units that were counted on arrival; by container, the amount. 0: it did not come."""


def receive(session: Session, wanted: Receiving, act: Act) -> Shipment:
    """Create the lots of a shipment from its document, and hold each of which not that came that the document says.

    Material that comes along is its owner's, too. All of it or nothing; a substrate or container that did not come is
    left out. Raises `Malformed` (a count of what is not in it, a map that cannot be read), `Refused` where the document
    was received already or no lot of it came, and what `create`, `route_making` and the receipt of material raise.
    """
    document, customer = wanted.document, wanted.customer or wanted.document.customer
    _refuse_uncounted(wanted)
    known = f"The document of {document.shipment} was received already; each shipment comes once."
    refused = Refused(known, Reason("shipment_known", known))
    _refuse_received(session, document, customer, refused)
    lots = {one.lot: _create(session, one, wanted, customer, act) for one in document.lots if _came(one, wanted)}
    differences = {one.lot: _differences(session, one, lots.get(one.lot), wanted.counted) for one in document.lots}
    of_materials = [what for sent in document.materials for what in _receive_material(session, sent, wanted, act)]
    first = next(iter(lots.values()))
    shipment = Shipment(
        customer_id=first.customer_id, name=new_name(session), direction=Direction.RECEIVED,
        state=ShipmentState.ARRIVED, partner=document.sender, reference=document.shipment,
        document=document.as_sent, sha256=document.sha256,
        differences=[what for some in (*differences.values(), of_materials) for what in some], sent_at=document.sent_at,
        arrived_at=act.at,
    )  # fmt: skip
    session.add(shipment)
    with unique("uq_shipment_document", refused):
        session.flush()
    of = {"customer_id": shipment.customer_id, "shipment_id": shipment.id}
    session.add_all(
        ShipmentLot(lot_id=lot.id, substrates=lot.substrates, units=lot.units, **of) for lot in lots.values()
    )
    materials = [sent.lot for sent in document.materials]
    record_all(session, act, [*_told(shipment, lots, materials), *_holds(session, lots, differences, act)])
    return shipment


def _came(one: SentLot, wanted: Receiving) -> list[SentSubstrate]:
    return [sent for sent in one.substrates if wanted.counted.get(sent.substrate) != 0]


def _refuse_uncounted(wanted: Receiving) -> None:
    names = {sent.substrate for one in wanted.document.lots for sent in one.substrates}
    names |= {box.container for sent in wanted.document.materials for box in sent.containers}
    strange = sorted(wanted.counted.keys() - names)
    if strange:
        known = ", ".join(sorted(names))
        raise Malformed(f"The document names no substrate or container {', '.join(strange)}; it has {known}.")
    if not any(_came(one, wanted) for one in wanted.document.lots):
        what = "Nothing of the shipment came; there is nothing to receive."
        raise Refused(what, Reason("nothing_came", what))


def _refuse_received(session: Session, document: Document, customer: str, refused: Refused) -> None:
    query = select(Shipment.id).join(Customer, Customer.id == Shipment.customer_id).where(Customer.name == customer)
    query = query.where(Shipment.direction == Direction.RECEIVED, Shipment.sha256 == document.sha256)
    if session.scalar(query) is not None:
        raise refused


def _receive_material(session: Session, sent: SentMaterial, wanted: Receiving, act: Act) -> Iterator[str]:
    """Take a lot of material in, as it was counted. Gives what came otherwise than the document says."""
    counted, document = wanted.counted, wanted.document
    for box in sent.containers:
        came = counted.get(box.container, box.amount)
        if came != box.amount:
            said = f"The document says {box.amount} for container {box.container} of material lot {sent.lot}"
            yield f"{said}, {came} came." if came else f"Container {box.container} of {sent.lot} did not come."
    boxes = [(box.container, counted.get(box.container, box.amount)) for box in sent.containers]
    there = tuple(box for box in boxes if box[1])
    if there:
        owner = wanted.customer or document.customer
        of_lot = (document.sender, sent.certificate, sent.expires_at, owner)
        receive_material(session, Delivery(sent.lot, sent.material, there, *of_lot), act)


def _create(session: Session, one: SentLot, wanted: Receiving, customer: str, act: Act) -> Lot:
    arrived = tuple(_arrival(Reading(session), one, sent) for sent in _came(one, wanted))
    route = route_making(session, None if wanted.route else one.product, wanted.route)
    return create(session, NewLot(one.lot, customer, route, arrived), act, released=wanted.released)


def _arrival(reading: Reading, one: SentLot, sent: SentSubstrate) -> Arrival:
    if sent.map is None:
        return Arrival(sent.substrate)
    file = MapIn(f"The map of {sent.substrate} in lot {one.lot}", sent.map.encode())
    found = arrivals(reading.read(file), file.name)
    if [arrival.substrate for arrival in found] != [sent.substrate]:
        raise Malformed(f"The map of {sent.substrate} in lot {one.lot} is not that of {sent.substrate} alone.")
    return found[0]


def _differences(session: Session, one: SentLot, lot: Lot | None, counted: Mapping[str, int]) -> list[str]:
    """What came otherwise than the document says: missing substrates, other counts, maps that do not agree with it."""
    mapped = {} if lot is None else _good(session, lot)
    found = []
    for sent in one.substrates:
        name = sent.substrate
        if counted.get(name) == 0:
            found.append(f"Substrate {name} of lot {one.lot} did not come.")
            continue
        if mapped[name] != sent.units:
            found.append(f"The document says {sent.units} units for {name} of lot {one.lot}, its map {mapped[name]}.")
        if counted.get(name, sent.units) != sent.units:
            found.append(f"The document says {sent.units} units for {name} of lot {one.lot}, {counted[name]} came.")
    return found


def _good(session: Session, lot: Lot) -> dict[str, int]:
    """Units of each substrate as its map has them, by name."""
    query = select(Substrate).join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
    found = session.scalars(query.where(LotSubstrate.lot_id == lot.id)).all()
    return {at.substrate.name: at.count(Disposition.IN_PROCESS) for at in opened(session, found).values()}


def _told(shipment: Shipment, lots: Mapping[str, Lot], materials: list[str]) -> Iterator[Event]:
    told = {"from": shipment.partner, "reference": shipment.reference, "sha256": shipment.sha256}
    after = {"state": shipment.state, **told, "lots": [*lots], "differences": shipment.differences}
    if materials:
        after["materials"] = materials
    come = [Change(lot, after={"shipment": shipment.name, "from": shipment.partner}) for lot in lots.values()]
    yield Event("receive", [Change(shipment, after=after), *come])


def _holds(
    session: Session, lots: Mapping[str, Lot], differences: Mapping[str, list[str]], act: Act
) -> Iterator[Event]:  # fmt: skip
    for name, lot in lots.items():
        if differences[name]:
            comment = " ".join(differences[name])
            yield place_hold(session, lot, DISCREPANCY, comment, OWNER_OF_REPORTED, act)[1]
