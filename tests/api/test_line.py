"""What the line does next and what its equipment did, over HTTP: dispatch, jobs, records that were refused."""

from datetime import timedelta

import pytest

from equipment.interface.messages import AlarmChange, Identity, Record, RecordBatch
from mes.equipment.models import Equipment
from mes.jobs import orders, results
from mes.runs.models import Run
from tests.api.conftest import Caller
from tests.api.test_lots import ok, problem
from tests.shop import BEGIN, Floor


@pytest.fixture
def job(floor: Floor) -> str:
    """A job of CELL-1 that is to be sent."""
    floor.arrive("D1", "die", "W1")
    run: Run = floor.do(orders.order, floor.wanted("CELL-1", "D1"))
    return run.name


@pytest.fixture
def records(floor: Floor) -> list[int]:
    """Two records of CELL-1 that wait."""
    told = [AlarmChange(code, 700, "odd", is_set=True) for code in ("DOOR", "LAMP")]
    came = tuple(Record("j", n, BEGIN + timedelta(minutes=n), "", body) for n, body in enumerate(told, 1))
    with floor.database.transaction() as session:
        cell = floor.id_of(Equipment, "CELL-1")
        journal = results.meet(session, cell, Identity("CELL-1", "cell", "j", "b", 2), BEGIN)
        results.receive(session, journal.id, RecordBatch("j", "b", 2, came))
        return [waiting.record_id for waiting in results.pending(session)]


def test_dispatch_ranks_what_may_start_and_says_why_not_the_others(floor: Floor, caller: Caller) -> None:
    for name in ("D1", "D2"):
        floor.arrive(name, "die", f"W of {name}")
    with floor.database.transaction() as session:
        session.get_one(Equipment, floor.id_of(Equipment, "CELL-1")).connected = True
    operator = caller("operator")
    ok(operator.post("/lots/D2/hold", json={"code": "odd", "why": "noise"}))
    told = ok(operator.get("/dispatch", params={"equipment": "CELL-1"}))
    assert [(row["lot"], row["customer"], row["substrates"]) for row in told["ranked"]] == [("D1", "alpha", 1)]
    assert [(row["lot"], [r["code"] for r in row["reasons"]]) for row in told["excluded"]] == [("D2", ["held"])]
    problem(operator.get("/dispatch", params={"equipment": "CELL-9"}), 404, "not_found")
    problem(operator.get("/dispatch"), 422, "malformed")
    problem(caller("alpha").get("/dispatch", params={"equipment": "CELL-1"}), 403, "not_allowed")


def test_a_job_is_shown_with_what_came_of_its_substrates(caller: Caller, job: str) -> None:
    line = caller("line_engineer")
    (row,) = ok(line.get("/jobs", params={"equipment": "CELL-1", "order": "to_send"}))["items"]
    assert (row["job"], row["operation"], row["recipe"], row["state"]) == (job, "die/10", "bond@1", "ordered")
    assert ok(line.get("/jobs", params={"state": "ended"}))["items"] == []
    look = ok(line.get(f"/jobs/{job}"))
    assert [(s["substrate"], s["lot"], s["work"]) for s in look["substrates"]] == [("W1", "D1", "waiting")]
    assert (look["records"], look["equipment"]) == ({}, "CELL-1")
    problem(line.get("/jobs/J-9"), 404, "not_found")
    problem(line.get("/jobs", params={"equipment": "CELL-9"}), 404, "not_found")


def test_a_record_is_set_aside_and_tried_again(caller: Caller, records: list[int]) -> None:
    line, (first, second) = caller("line_engineer"), records
    newest = ok(line.get("/jobs/records", params={"limit": 1}))
    assert [row["record"] for row in newest["items"]] == [second]
    older = ok(line.get("/jobs/records", params={"limit": 1, "after": newest["next"]}))
    assert ([row["record"] for row in older["items"]], older["next"]) == ([first], None)
    problem(line.post(f"/jobs/records/{first}/retry", json={}), 409, "refused")
    aside = ok(line.post(f"/jobs/records/{first}/set-aside", json={"why": "fails since the update"}))
    assert (aside["state"], aside["problem"]) == ("rejected", "Set aside by line_engineer: fails since the update")
    rejected = {"state": "rejected", "equipment": "CELL-1"}
    assert [row["record"] for row in ok(line.get("/jobs/records", params=rejected))["items"]] == [first]
    assert ok(line.post(f"/jobs/records/{first}/retry", json={}))["state"] == "received"
    assert ok(line.get(f"/jobs/records/{first}"))["state"] == "received"
    for number in (999, 2**63 - 1):
        problem(line.post(f"/jobs/records/{number}/set-aside", json={"why": "gone"}), 404, "not_found")
    problem(caller("operator").post(f"/jobs/records/{second}/set-aside", json={"why": "odd"}), 403, "not_allowed")


def test_what_a_new_lot_needs_is_told(caller: Caller) -> None:
    line = caller("line_engineer")
    products = {row["product"]: row for row in ok(line.get("/products"))["items"]}
    assert (products["die"]["layout"], products["die"]["rows"], products["die"]["columns"]) == ("dies", 3, 4)
    assert [row["route"] for row in ok(line.get("/routes", params={"product": "package"}))["items"]] == ["package"]
    route = ok(line.get("/routes/package"))
    assert [(one["operation"], one["kind"], one["recipe"]) for one in route["operations"]] == [
        ("package/10", "assemble", "bond@1"), ("package/20", "transfer", "bond@1"), ("package/30", "test", "bond@1"),
    ]  # fmt: skip
    problem(line.get("/routes/nothing"), 404, "not_found")
    problem(caller("alpha").get("/routes"), 403, "not_allowed")
