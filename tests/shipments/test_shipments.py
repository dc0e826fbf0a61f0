"""Lots leave together and come together: with a document that says what they hold, and a hash that says it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from mes.db import CUSTOMER_ROLE, Scope
from mes.definitions.models import MaterialKind
from mes.errors import Malformed, MesError, NotFound, Refused, WrongState
from mes.lots.holds.hold import hold, release_hold
from mes.lots.models import Lot
from mes.lots.regrouping.split import split
from mes.lots.taking import scrap
from mes.materials.models import Container
from mes.people.models import Customer
from mes.people.roles import Role
from mes.shipments import send as sending
from mes.shipments.document import Certificate, Content, Document, hash_of, sealed
from mes.shipments.looks import document, look, select_shipments
from mes.shipments.models import Shipment
from mes.shipments.receive import Receiving, receive
from mes.shipments.send import Sending, confirm, send
from mes.units.states import Disposition
from tests.shop import BEGIN, Floor, mapped

CODES = [[1, 1, 9, 0], [1, 1, 1, 1], [9, 1, 1, 1]]
"""A wafer with nine good dies."""


@pytest.fixture
def stock(floor: Floor) -> Floor:
    """Two lots in the die bank: D1 with a map of nine good dies and a wafer without one, D2 with another."""
    floor.stock("D1", "die", mapped("W1", CODES), "W2")
    floor.stock("D2", "die", "W3")
    return floor


def sent(floor: Floor, *lots: str, to: str = "test house", **more: Any) -> Shipment:
    shipment: Shipment = floor.do(send, Sending([floor.id_of(Lot, lot) for lot in lots], to, **more))
    return shipment


def written(floor: Floor, shipment: Shipment) -> Document:
    with floor.database.reading() as session:
        return Document.model_validate_json(document(session, shipment.id))


def told(floor: Floor, shipment: Shipment) -> dict[str, Any]:
    with floor.database.reading() as session:
        return look(session, shipment.id)


def test_lots_leave_with_a_document_of_what_they_hold(stock: Floor) -> None:
    shipment = sent(stock, "D2", "D1", reference="waybill 7", certificates=(Certificate(name="CoC", text="fine"),))
    row = told(stock, shipment)
    assert (row["shipment"], row["state"], row["partner"], row["units"]) == (
        "SHP-000001",
        "in_transit",
        "test house",
        33,
    )
    assert [(lot["lot"], lot["state"], lot["units"]) for lot in row["lots"]] == [
        ("D1", "in_transit", 21), ("D2", "in_transit", 12)
    ]  # fmt: skip
    assert stock.ledger("D1") == {"received": 21, "shipped": 21}
    assert (stock.lot("D1").units, stock.lot("D1").substrates, stock.lot("D1").operation_id) == (0, 0, None)
    assert {became for row in stock.are("W1") for became in row} == {
        Disposition.NO_UNIT,
        Disposition.NOT_FOR_USE,
        Disposition.SHIPPED,
    }
    assert stock.problems() == []
    paper = written(stock, shipment)
    assert (paper.customer, paper.receiver, paper.sender, paper.reference) == (
        "alpha",
        "test house",
        "site",
        "waybill 7",
    )
    units = {lot.lot: [(s.substrate, s.units, s.map is None) for s in lot.substrates] for lot in paper.lots}
    assert units == {"D1": [("W1", 9, False), ("W2", 12, True)], "D2": [("W3", 12, True)]}
    assert paper.certificates == (Certificate(name="CoC", text="fine"),)


def test_its_receiver_says_what_arrived(stock: Floor) -> None:
    shipment = sent(stock, "D1", "D2")
    arrived = stock.do(confirm, shipment.id, ["W3 is broken"])
    assert (arrived.state, arrived.differences) == ("arrived", ["W3 is broken"])
    assert {stock.lot("D1").state, stock.lot("D2").state} == {"shipped"}
    with pytest.raises(WrongState, match="Shipment SHP-000001 is arrived; confirm needs it to be in_transit"):
        stock.do(confirm, shipment.id, [])
    assert stock.problems() == []


def suspect(floor: Floor) -> None:
    with floor.database.transaction() as session:
        session.execute(text("update substrate set dispositions = set_byte(dispositions, 0, 3) where name = 'W3'"))


AGAINST: dict[str, tuple[Callable[[Floor], Any], set[str]]] = {
    "held": (lambda f: f.do(hold, f.id_of(Lot, "D2"), "x", "look", "process_engineer"), {"held"}),
    "suspect": (suspect, {"suspect"}),
    "nothing left": (lambda f: f.do(scrap, f.id_of(Lot, "D2"), "W3", None), {"lot_state"}),
    "on the line": (lambda f: f.arrive("D3", "die", "W9"), {"lot_state"}),
    "held twice": (lambda f: [f.do(hold, f.id_of(Lot, "D2"), code, "c", "line_engineer") for code in "xy"], {"held"}),
}


@pytest.mark.parametrize("case", AGAINST)
def test_what_may_not_leave_is_told_with_every_reason_and_nothing_changes(stock: Floor, case: str) -> None:
    arrange, codes = AGAINST[case]
    arrange(stock)
    before = stock.everything()
    with pytest.raises(Refused) as refused:
        sent(stock, "D1", "D3" if case == "on the line" else "D2")
    assert {reason.code for reason in refused.value.reasons} == codes
    assert stock.everything() == before


def test_a_lot_of_more_than_a_document_names_stays(stock: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_SUBSTRATES", 1)
    with pytest.raises(Refused) as refused:
        sent(stock, "D1", "D2")
    assert [reason.code for reason in refused.value.reasons] == ["too_many_substrates"]


def test_who_released_the_hold_lets_it_go(stock: Floor) -> None:
    placed = stock.do(hold, stock.id_of(Lot, "D2"), "x", "look", "process_engineer")
    stock.do(release_hold, stock.id_of(Lot, "D2"), placed.id, "fine", Role.PROCESS_ENGINEER)
    assert sent(stock, "D2").state == "in_transit"


def test_a_source_of_an_open_run_stays(stock: Floor) -> None:
    stock.arrive("P1", "package", "I1")
    stock.begin("CELL-1", "P1", sources=["W3"])
    with pytest.raises(Refused) as refused:
        sent(stock, "D2")
    assert [reason.code for reason in refused.value.reasons] == ["substrate_busy"]


def test_a_shipment_has_one_owner_and_names_each_lot_once(stock: Floor) -> None:
    stock.stock("B1", "die", "V1", customer="beta")
    for lots, told_ in ((("D1", "B1"), "several customers"), (("D1", "D1"), "named twice"), ((), "1 to 100 lots")):
        with pytest.raises(Malformed, match=told_):
            sent(stock, *lots)
    with pytest.raises(Malformed, match="to whom"):
        sent(stock, "D1", to=" ")


def test_what_left_is_neither_held_nor_split_nor_picked_from(stock: Floor) -> None:
    sent(stock, "D1")
    with pytest.raises(Refused, match="nothing of it is left to hold"):
        stock.do(hold, stock.id_of(Lot, "D1"), "x", "look", "line_engineer")
    with pytest.raises(WrongState):
        stock.do(split, stock.id_of(Lot, "D1"), ["W1"], None)


# --- the other side -----------------------------------------------------------------------------------------------


def renamed(paper: Document, prefix: str = "N-", **more: Any) -> Document:
    """The same shipment of another site, whose names are its own."""
    content = paper.model_dump(mode="json", exclude={"sha256"}) | more
    for lot in content["lots"]:
        lot["lot"] = prefix + lot["lot"]
        for one in lot["substrates"]:
            one["map"] = one["map"] and one["map"].replace(one["substrate"], prefix + one["substrate"])
            one["substrate"] = prefix + one["substrate"]
    return sealed(Content.model_validate(content))


@pytest.fixture
def paper(stock: Floor) -> Document:
    """The document of a shipment that comes from elsewhere: D1 and D2 under names of their own."""
    return renamed(written(stock, sent(stock, "D1", "D2")))


def test_a_document_brings_the_lots_that_left(stock: Floor, paper: Document) -> None:
    shipment = stock.do(receive, Receiving(paper, route="die", released=True))
    row = told(stock, shipment)
    assert (row["direction"], row["state"], row["partner"], row["reference"]) == (
        "received",
        "arrived",
        "site",
        "SHP-000001",
    )
    assert [(lot["lot"], lot["state"], lot["units"]) for lot in row["lots"]] == [
        ("N-D1", "queued", 21),
        ("N-D2", "queued", 12),
    ]
    assert row["differences"] == []
    good = [[2 if code == 1 else 0 if code == 0 else 1 for code in line] for line in CODES]
    assert stock.are("N-W1") == good
    assert stock.holds("N-D1") == []
    assert stock.problems() == []
    assert written(stock, shipment) == paper  # as it was sent: its hash is still right
    before = stock.everything()
    with pytest.raises(Refused, match="SHP-000001 was received already; each shipment comes once"):
        stock.do(receive, Receiving(paper, route="die"))
    assert stock.everything() == before


def test_what_came_otherwise_holds_its_lot(stock: Floor, paper: Document) -> None:
    shipment = stock.do(receive, Receiving(paper, route="die", counted={"N-W1": 8, "N-W2": 0, "N-W3": 12}))
    assert told(stock, shipment)["differences"] == [
        "The document says 9 units for N-W1 of lot N-D1, 8 came.", "Substrate N-W2 of lot N-D1 did not come."
    ]  # fmt: skip
    (placed,) = stock.holds("N-D1")
    assert (placed.code, placed.owner_role) == ("discrepancy", "line_engineer")
    assert "N-W2 of lot N-D1 did not come" in placed.comment
    assert (stock.lot("N-D1").substrates, stock.lot("N-D1").units, stock.holds("N-D2")) == (1, 9, [])
    assert "N-W2" not in stock.substrates()
    assert stock.problems() == []


def with_paste(paper: Document, lasts_h: float = 100.0) -> Document:
    """The same shipment with two cartridges of a material."""
    content = paper.model_dump(mode="json", exclude={"sha256"})
    boxes = [{"container": f"P-{n}", "amount": 500} for n in (1, 2)]
    ends = (BEGIN + timedelta(hours=lasts_h)).isoformat()
    content["materials"] = [
        {"lot": "P", "material": "paste", "certificate": "COA-P", "expires_at": ends, "containers": boxes}
    ]
    return sealed(Content.model_validate(content))


def test_material_comes_along_and_stays_its_owners(stock: Floor, paper: Document) -> None:
    with stock.database.transaction() as session:
        session.add(MaterialKind(name="paste", title="Paste", unit="mg", ordinal=1, certificate=True))
    before = stock.everything()
    with pytest.raises(Refused, match="Lot P of paste is not received") as refusal:
        stock.do(receive, Receiving(with_paste(paper, lasts_h=-1.0), route="die"))
    assert [reason.code for reason in refusal.value.reasons] == ["material_expired"]
    assert stock.everything() == before
    foreign = with_paste(paper).model_dump(mode="json", exclude={"sha256"})
    foreign["sent_at"] = foreign["sent_at"].replace("Z", "+00:00")
    came = Document.model_validate_json(json.dumps(foreign | {"sha256": hash_of(foreign)}))
    shipment = stock.do(receive, Receiving(came, route="die", counted={"P-1": 450, "P-2": 0}))
    assert written(stock, shipment).sha256 == hash_of(foreign)
    assert told(stock, shipment)["differences"] == [
        "The document says 500 for container P-1 of material lot P, 450 came.", "Container P-2 of P did not come."
    ]  # fmt: skip
    with stock.database.reading() as session:
        (box,) = session.scalars(select(Container).options(joinedload(Container.material_lot)))
        owner = session.scalars(select(Customer.name).where(Customer.id == box.customer_id)).one()
    of_lot = (box.material_lot.name, box.material_lot.supplier, box.material_lot.certificate)
    assert (box.name, box.received, owner, of_lot) == ("P-1", 450, "alpha", ("P", "site", "COA-P"))
    assert stock.holds("N-D1") == stock.holds("N-D2") == []
    assert stock.problems() == []


def test_a_document_that_contradicts_itself_holds_its_lot(stock: Floor, paper: Document) -> None:
    content = paper.model_dump(mode="json", exclude={"sha256"})
    content["lots"][0]["substrates"][0]["units"] = 7
    stock.do(receive, Receiving(sealed(Content.model_validate(content)), route="die"))
    assert [placed.comment for placed in stock.holds("N-D1")] == [
        "The document says 7 units for N-W1 of lot N-D1, its map 9."
    ]


def test_a_document_that_was_altered_is_none(paper: Document) -> None:
    as_sent = paper.model_dump(mode="json")
    assert Document.model_validate(as_sent) == paper
    content = {name: part for name, part in as_sent.items() if name != "sha256"}
    assert hash_of(content) == paper.sha256
    for name, other in (("reference", "x"), ("sender", "else"), ("certificates", [{"name": "CoC"}])):
        with pytest.raises(ValidationError, match="is not what was sent"):
            Document.model_validate(as_sent | {name: other})


def test_what_came_is_kept_as_its_sender_wrote_it(stock: Floor) -> None:
    substrates = [{"substrate": "Q-1", "units": 12}]  # and nothing of what a document need not have
    content = {
        "format": "interposer-shipment/1", "shipment": "77", "sender": "elsewhere", "receiver": "here",
        "customer": "alpha", "sent_at": "2026-03-02T18:00:00+09:00",
        "lots": [{"lot": "Q", "product": "die", "substrates": substrates}],
    }  # fmt: skip
    came = content | {"sha256": hash_of(content)}
    shipment = stock.do(receive, Receiving(Document.model_validate(came), route="die"))
    with stock.database.reading() as session:
        assert json.loads(document(session, shipment.id)) == came


def test_a_document_says_when_it_was_sent_wherever_it_is_read(paper: Document) -> None:
    content = paper.model_dump(mode="json", exclude={"sha256"}) | {"sent_at": "2026-03-02T09:00:00"}
    with pytest.raises(ValidationError, match="timezone"):
        Document.model_validate(content | {"sha256": hash_of(content)})


BAD: dict[str, tuple[dict[str, Any], type[MesError], str]] = {
    "counted of nothing": ({"counted": {"X": 1}}, Malformed, "no substrate or container X; it has N-W1"),
    "nothing came": ({"counted": {"N-W1": 0, "N-W2": 0, "N-W3": 0}}, Refused, "Nothing of the shipment came"),
    "no such customer": ({"customer": "gamma"}, NotFound, "There is no customer gamma"),
    "no such route": ({"route": "gold"}, NotFound, "There is no released route for route gold"),
    "another layout": ({"route": "package"}, Malformed, "rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_received_changes_nothing(stock: Floor, paper: Document, case: str) -> None:
    wrong, error, said = BAD[case]
    before = stock.everything()
    with pytest.raises(error, match=said):
        stock.do(receive, Receiving(paper, **({"route": "die"} | wrong)))
    assert stock.everything() == before


def test_a_map_that_is_none_is_told_by_its_substrate(stock: Floor, paper: Document) -> None:
    content = paper.model_dump(mode="json", exclude={"sha256"})
    content["lots"][0]["substrates"][0]["map"] = "<!DOCTYPE x [<!ENTITY a 'b'>]><MapData>&a;</MapData>"
    with pytest.raises(Malformed, match="The map of N-W1 in lot N-D1"):
        stock.do(receive, Receiving(sealed(Content.model_validate(content)), route="die"))


def test_a_customer_sees_its_own_shipments_alone(stock: Floor) -> None:
    stock.stock("B1", "die", "V1", customer="beta")
    ours, theirs = sent(stock, "D1"), sent(stock, "B1")
    with stock.database.reading() as session:
        alpha = session.scalars(select(Customer.id).where(Customer.name == "alpha")).one()
    with stock.database.reading(Scope(CUSTOMER_ROLE, alpha)) as session:
        assert [row.shipment for row in session.execute(select_shipments())] == [ours.name]
        assert look(session, ours.id)["units"] == 21
        assert theirs.name not in document(session, ours.id)
