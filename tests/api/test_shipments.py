"""Shipments over HTTP: lots leave, their document is read by another, and what it says arrives."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from mes.shipments.document import hash_of
from tests.api.conftest import Api, Caller
from tests.api.test_lots import ok, problem
from tests.shop import Floor, mapped

MANY = 8


@pytest.fixture
def line(floor: Floor, caller: Caller) -> Any:
    """A line engineer beside two lots in the die bank, and one of another customer."""
    floor.stock("D1", "die", mapped("W1", [[1, 1, 9, 0], [1, 1, 1, 1], [9, 1, 1, 1]]))
    floor.stock("D2", "die", "W2")
    floor.stock("B1", "die", "V1", customer="beta")
    return caller("line_engineer")


def elsewhere(document: dict[str, Any]) -> dict[str, Any]:
    """The same of another site, whose names are its own."""
    text = json.dumps({key: value for key, value in document.items() if key != "sha256"})
    for name in ("D1", "D2", "W1", "W2"):
        text = text.replace(name, f"N-{name}")
    content = json.loads(text)
    return {**content, "sha256": hash_of(content)}


def test_what_leaves_arrives_elsewhere(line: Any, floor: Floor, caller: Caller) -> None:
    body = {"lots": ["D1", "D2"], "to": "packaging", "reference": "waybill 7", "why": "all tested"}
    sent = ok(line.post("/shipments", json=body), 201)
    assert (sent["state"], sent["units"], sent["partner"]) == ("in_transit", 21, "packaging")
    assert [row["shipment"] for row in ok(line.get("/shipments"))["items"]] == [sent["shipment"]]
    document = ok(line.get(f"/shipments/{sent['shipment']}/document"))
    assert document["sha256"] == sent["sha256"]
    came = {"document": elsewhere(document), "route": "die", "counted": {"N-W2": 11}, "release": True}
    received = ok(line.post("/shipments/received", json=came), 201)
    assert (received["direction"], received["differences"]) == (
        "received", ["The document says 12 units for N-W2 of lot N-D2, 11 came."]
    )  # fmt: skip
    assert ok(line.get("/lots/N-D2"))["holds"][0]["code"] == "discrepancy"
    again = problem(line.post("/shipments/received", json=came), 409, "refused")
    assert [reason["code"] for reason in again["reasons"]] == ["shipment_known"]
    confirmed = ok(line.post(f"/shipments/{sent['shipment']}/confirm", json={"differences": ["W2 is broken"]}))
    assert (confirmed["state"], confirmed["lots"][0]["state"]) == ("arrived", "shipped")
    problem(line.post(f"/shipments/{sent['shipment']}/confirm", json={}), 409, "wrong_state")
    assert floor.problems() == []


@pytest.mark.parametrize(
    "wrong", [{"sender": "x"}, {"sha256": "0" * 64}, {"format": "other/1"}, {"lots": []}, {"customer": "a\x00b"}]
)
def test_what_is_no_document_is_refused_and_nothing_changes(line: Any, floor: Floor, wrong: dict[str, Any]) -> None:
    sent = ok(line.post("/shipments", json={"lots": ["D1"], "to": "packaging"}), 201)
    document = elsewhere(ok(line.get(f"/shipments/{sent['shipment']}/document")))
    before = floor.everything()
    problem(
        line.post("/shipments/received", json={"document": {**document, **wrong}, "route": "die"}), 422, "malformed"
    )
    after = floor.everything()
    assert {name for name in before if before[name] != after[name]} <= {"command_answer", "api_key"}


def test_of_many_who_send_a_lot_one_does(line: Any, floor: Floor, api: Api) -> None:
    together = Barrier(MANY)

    def send(_: int) -> int:
        with api.as_user("line_engineer") as one:
            together.wait(30)
            return one.post("/shipments", json={"lots": ["D1", "D2"], "to": "packaging"}).status_code

    with ThreadPoolExecutor(MANY) as pool:
        told = sorted(pool.map(send, range(MANY)))
    assert told == [201] + [409] * (MANY - 1)
    assert floor.ledger("D1") == {"received": 9, "shipped": 9}
    assert floor.problems() == []


def test_a_customer_sees_its_own_and_sends_nothing(line: Any, caller: Caller) -> None:
    sent = ok(line.post("/shipments", json={"lots": ["D1"], "to": "packaging"}), 201)["shipment"]
    theirs = ok(line.post("/shipments", json={"lots": ["B1"], "to": "packaging"}), 201)["shipment"]
    alpha = caller("alpha")
    assert [row["shipment"] for row in ok(alpha.get("/shipments"))["items"]] == [sent]
    assert ok(alpha.get(f"/shipments/{sent}"))["units"] == 9
    for path in (f"/shipments/{theirs}", f"/shipments/{theirs}/document"):
        problem(alpha.get(path), 404, "not_found")
    problem(alpha.post("/shipments", json={"lots": ["D2"], "to": "me"}), 403, "not_allowed")
    problem(caller("operator").post(f"/shipments/{sent}/confirm", json={}), 403, "not_allowed")
