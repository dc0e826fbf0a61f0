"""Lots over HTTP: what people and programs do with them, and what they are told."""

from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from mes.history import History
from mes.http.models import CommandAnswer
from mes.lots.models import Lot
from mes.people.models import ApiKey
from mes.runs.models import Run
from tests.api.conftest import Api, Caller
from tests.shop import Floor, code_of_holds, mapped

NEW = {"customer": "alpha", "route": "die", "substrates": ["W1", "W2"]}


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer: Any, status: int, code: str) -> Any:
    """The answer, which is a problem of that status and code."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code), told
    return told


def test_lots_on_the_line_are_listed_without_those_that_have_ended(floor: Floor, caller: Caller) -> None:
    floor.stock("D1", "die", "W1")
    floor.arrive("D2", "die", "W2")
    line = caller("line_engineer")
    for asked, names in (({"on_line": True}, ["D2"]), ({"on_line": False}, ["D1"]), ({}, ["D2", "D1"])):
        assert [lot["lot"] for lot in ok(line.get("/lots", params=asked))["items"]] == names


def test_a_lot_goes_from_creation_through_its_first_operation(floor: Floor, caller: Caller) -> None:
    line, operator = caller("line_engineer"), caller("operator")
    made = ok(line.post("/lots", json=NEW | {"id": "D1", "release": True}), 201)
    assert (made["lot"], made["state"], made["substrates"], made["units"]) == ("D1", "queued", 2, 24)
    check = ok(operator.get("/lots/D1/start-check", params={"equipment": "CELL-1"}))
    assert check == {"lot": "D1", "equipment": "CELL-1", "may_start": True, "reasons": []}
    begun = ok(operator.post("/lots/D1/track-in", json={"equipment": "CELL-1"}))
    assert (begun["state"], begun["lots"][0]["state"]) == ("ordered", "ordered")
    assert ok(operator.post("/lots/D1/track-out", json={"good": 24}))["state"] == "ended"
    assert floor.work(floor.id_of(Run, begun["run"]), "W1").energy_kwh is None  # nobody measured it
    verbs = [entry["verb"] for entry in ok(operator.get("/lots/D1/history"))]
    assert verbs[:3] == ["create", "release", "track_in"]
    assert "track_out" in verbs
    assert floor.problems() == []


def test_every_reason_of_a_refusal_is_told_with_who_can_clear_it(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    line = caller("line_engineer")
    ok(line.post("/lots/D1/hold", json={"code": "height", "why": "bump height", "owner": "process_engineer"}))
    told = problem(line.post("/lots/D1/track-in", json={"equipment": "OVEN-1"}), 409, "start_refused")
    assert {reason["code"]: reason["who"] for reason in told["reasons"]}.items() >= {"held": "process_engineer"}.items()
    assert len(told["reasons"]) > 1
    assert all(reason["message"] for reason in told["reasons"])


def test_a_hold_is_released_by_its_owner(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    held = ok(caller("operator").post("/lots/D1/hold", json={"code": "odd", "why": "noise", "owner": "yield_engineer"}))
    release = {"hold": held["holds"][0]["hold"], "why": "looked at"}
    told = problem(caller("line_engineer").post("/lots/D1/release-hold", json=release), 409, "refused")
    assert [(r["code"], r["who"]) for r in told["reasons"]] == [("hold_of_another", "yield_engineer")]
    assert ok(caller("yield_engineer").post("/lots/D1/release-hold", json=release))["holds"] == []


def test_lists_come_in_pages_in_one_order(floor: Floor, caller: Caller) -> None:
    for n in range(7):
        floor.arrive(f"D{n}", "die", f"W{n}")
    line, found, after = caller("line_engineer"), list[str](), None
    for _ in range(4):
        page = ok(line.get("/lots", params={"limit": 2} | ({"after": after} if after else {})))
        found += [lot["lot"] for lot in page["items"]]
        after = page["next"]
    assert found == [f"D{n}" for n in range(7)]
    assert after is None
    assert [lot["lot"] for lot in ok(line.get("/lots", params={"q": "d3"}))["items"]] == ["D3"]
    for cursor in ("x", "W10=", "bnVsbA==", "WzEsMiwzLDRd"):
        problem(line.get("/lots", params={"after": cursor}), 422, "malformed")


def test_a_command_with_a_key_takes_effect_once(floor: Floor, caller: Caller) -> None:
    line, key = caller("line_engineer"), {"Idempotency-Key": "one"}
    first = line.post("/lots", json=NEW | {"release": True}, headers=key)
    again = line.post("/lots", json=NEW | {"release": True}, headers=key)
    assert ok(first, 201) == ok(again, 201)
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    with floor.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Lot)) == 1
    problem(line.post("/lots", json=NEW, headers=key), 422, "key_of_another")
    other = ok(caller("administrator").post("/lots", json=NEW | {"substrates": ["W3"]}, headers=key), 201)
    assert other["lot"] != first.json()["lot"]


def test_a_hold_takes_a_code_of_the_plant_and_the_owner_it_names(floor: Floor, caller: Caller) -> None:
    with floor.database.transaction() as session:
        code_of_holds(session, "height", "process_engineer", "line_engineer")
    floor.arrive("D1", "die", "W1")
    line = caller("line_engineer")
    wrong = problem(line.post("/lots/D1/hold", json={"code": "odd", "why": "noise"}), 422, "malformed")
    assert wrong["detail"] == "The code odd is none of the plant; choose one of height."
    held = ok(line.post("/lots/D1/hold", json={"code": "height", "why": "low"}))
    assert held["holds"][0]["owner"] == "process_engineer"
    told = {one["code"]: one for one in ok(line.get("/hold-codes"))}
    assert [code for code, one in told.items() if one["may_choose"]] == ["height"]
    assert told["height"]["meaning"] == "Height"


def test_a_refused_command_is_judged_again(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    line, key = caller("line_engineer"), {"Idempotency-Key": "one"}
    held = ok(line.post("/lots/D1/hold", json={"code": "odd", "why": "noise"}))
    start = {"equipment": "CELL-1"}
    problem(line.post("/lots/D1/track-in", json=start, headers=key), 409, "start_refused")
    ok(line.post("/lots/D1/release-hold", json={"hold": held["holds"][0]["hold"], "why": "well"}))
    assert ok(line.post("/lots/D1/track-in", json=start, headers=key))["state"] == "ordered"


def test_answers_are_forgotten_after_a_week(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    line, hold = caller("line_engineer"), {"code": "odd", "why": "noise"}
    ok(line.post("/lots/D1/hold", json=hold, headers={"Idempotency-Key": "one"}))
    with floor.database.transaction() as session:
        session.execute(update(CommandAnswer).values(claimed_at=func.now() - func.make_interval(0, 0, 0, 8)))
    ok(line.post("/lots/D1/hold", json=hold, headers={"Idempotency-Key": "one"}))
    assert len(floor.holds("D1")) == 2


def test_another_customers_lot_answers_as_one_that_is_not_there(floor: Floor, caller: Caller) -> None:
    floor.arrive("SECRET", "die", "W1", customer="beta")
    alpha = caller("alpha")
    assert ok(alpha.get("/lots")) == {"items": [], "next": None}
    assert [lot["lot"] for lot in ok(caller("beta").get("/lots"))["items"]] == ["SECRET"]
    for path in ("/lots/{}", "/lots/{}/history", "/lots/{}?customer=beta", "/lots?q={}", "/lots?customer=beta"):
        there, absent = alpha.get(path.format("SECRET")), alpha.get(path.format("ABSENT"))
        assert (there.status_code, there.text.replace("SECRET", "")) == (
            absent.status_code,
            absent.text.replace("ABSENT", ""),
        )
    ok(caller("beta").get("/lots/SECRET"))


EDITS = [
    ("/lots", NEW | {"id": "N1"}, {"routes": "die"}),
    ("/lots", NEW | {"id": "N1"}, {"priority": 10}),
    ("/lots", NEW | {"id": "N1"}, {"substrates": ["W9", "W9"]}),
    ("/lots", NEW | {"id": "N1"}, {"kind": "toy"}),
    ("/lots", NEW | {"id": "N1"}, {"due_at": "2026-03-01T00:00:00"}),
    ("/lots", NEW | {"id": "N1"}, {"id": "x" * 65}),
    ("/lots", NEW | {"id": "N1"}, {"id": "a\u0000b"}),
    ("/lots/D1/hold", {"code": "odd", "why": "noise"}, {"why": ""}),
    ("/lots/D1/hold", {"code": "odd", "why": "noise"}, {"owner": "nobody"}),
    ("/lots/D1/scrap", {"substrate": "W0", "at": [{"x": 0, "y": 0}], "why": "cracked"}, {"at": [{"x": 4, "y": 0}]}),
    ("/lots/D1/scrap", {"substrate": "W0", "at": [{"x": 0, "y": 0}], "why": "cracked"}, {"at": []}),
    ("/lots/D1/track-in", {"equipment": "CELL-1"}, {"equipment": "CELL-1", "substrates": "W0"}),
]


@pytest.mark.parametrize(("path", "right", "edit"), EDITS)
def test_bad_input_is_one_edit_from_what_is_right_and_changes_nothing(
    floor: Floor, caller: Caller, path: str, right: dict[str, Any], edit: dict[str, Any]
) -> None:
    floor.arrive("D1", "die", mapped("W0", [[1, 1, 1, 1]] * 3))
    administrator, before = caller("administrator"), floor.everything()
    told = problem(administrator.post(path, json=right | edit), 422, "malformed")
    assert told["detail"]
    assert floor.everything() == before
    assert administrator.post(path, json=right).status_code in (200, 201)


def test_who_may_not_is_told_and_nothing_happens(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    before = floor.everything()
    problem(caller("").get("/lots"), 401, "not_signed_in")
    problem(caller("manager").post("/lots/D1/track-in", json={"equipment": "CELL-1"}), 403, "not_allowed")
    problem(caller("alpha").post("/lots/D1/hold", json={"code": "odd", "why": "noise"}), 403, "not_allowed")
    assert floor.everything() == before


def test_a_key_ends_when_it_expires_or_is_revoked(floor: Floor, caller: Caller) -> None:
    ok(caller("manager").get("/lots"))
    with floor.database.transaction() as session:
        session.execute(update(ApiKey).where(ApiKey.name == "manager").values(expires_at=func.now()))
        session.execute(delete(ApiKey).where(ApiKey.name == "operator"))
    for name in ("manager", "operator"):
        problem(caller(name).get("/lots"), 401, "not_signed_in")


def test_who_acted_stands_in_history(floor: Floor, caller: Caller) -> None:
    ok(caller("line_engineer").post("/lots", json=NEW | {"id": "D1", "why": "for the sample"}), 201)
    with floor.database.reading() as session:
        (created,) = session.scalars(select(History).where(History.subject == "D1"))
    assert (created.actor, '"why":"for the sample"' in created.body) == ("line_engineer", True)


def test_a_customer_is_not_told_what_is_the_centres(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    ok(caller("operator").post("/lots/D1/track-in", json={"equipment": "CELL-1"}))
    ok(caller("operator").post("/lots/D1/hold", json={"code": "odd", "why": "noise"}))
    own = caller("alpha")
    for path in ("/lots/D1", "/lots/D1/history"):
        told = own.get(path).text
        assert "CELL-1" not in told
        assert '"operator"' not in told
    assert "CELL-1" in caller("operator").get("/lots/D1").text
    assert [one["verb"] for one in ok(own.get("/lots/D1/history"))] == ["create", "release", "track_in", "hold"]


def test_a_page_takes_no_keys_of_commands(api: Api, caller: Caller) -> None:
    signing_out = {"accept": "application/json", "Idempotency-Key": "one"}
    answer = caller("operator").post(f"{api.address}/sign-out", headers=signing_out)
    assert answer.status_code == 303


def test_all_that_a_filter_finds_is_listed_then_held_and_released(floor: Floor, caller: Caller) -> None:
    for lot in ("D1", "D2"):
        floor.arrive(lot, "die", f"{lot}.1")
    line = caller("line_engineer")
    asked = {"which": {"route": "die", "held": False}, "code": "dust", "why": "grey"}
    would = ok(line.post("/bulk/hold", json=asked))
    assert (would["done"], would["count"]) == (False, 2)
    assert [(one["lot"], one["held"]) for one in would["lots"]] == [("D1", False), ("D2", False)]
    problem(line.post("/bulk/hold", json=asked | {"expected": 3}), 409, "refused")
    done = ok(line.post("/bulk/hold", json=asked | {"expected": 2}))
    assert [done["done"], *(one["held"] for one in done["lots"])] == [True, True, True]
    problem(line.post("/bulk/hold", json=asked | {"expected": 2}), 409, "refused")
    released = {"which": {"held": True}, "code": "dust", "why": "blown off", "expected": 2}
    assert [one["held"] for one in ok(line.post("/bulk/release-hold", json=released))["lots"]] == [False, False]
    hurried = ok(line.post("/bulk/priority", json={"which": {"q": "d2"}, "priority": 1, "expected": 1}))
    assert [one["priority"] for one in hurried["lots"]] == [1]
    problem(caller("operator").post("/bulk/hold", json=asked), 403, "not_allowed")
