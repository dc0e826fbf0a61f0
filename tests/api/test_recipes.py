"""A recipe over HTTP from draft to retirement, signed with a password that is kept nowhere and cannot be guessed."""

import pytest
from sqlalchemy import select, update

from mes.http.models import CommandAnswer
from mes.people.models import SignInTry, User
from mes.people.passwords import hash_password
from mes.people.tries import FREE
from tests.api.conftest import Caller
from tests.api.test_lots import ok, problem
from tests.shop import Floor
from tests.web.conftest import PASSWORD, hashed

HOTTER = "peak_temperature = 152.5 Cel\n"
DRAFT = {"like": "bake@1", "body": HOTTER}


@pytest.fixture
def engineer(floor: Floor, caller: Caller) -> None:
    """Everybody has the one password."""
    with floor.database.transaction() as session:
        session.execute(update(User).values(password_hash=hashed()))


def test_a_version_runs_from_its_draft_to_its_retirement(engineer: None, caller: Caller) -> None:
    process = caller("process_engineer")
    made = ok(process.post("/recipes", json=DRAFT | {"why": "for the new paste"}), 201)
    assert (made["recipe"], made["class"], made["state"]) == ("bake@2", "oven", "draft")
    assert made["parameters"] == [
        {"name": "peak_temperature", "unit": "Cel", "target": 152.5, "low": 145.0, "high": 155.0}
    ]
    problem(process.post("/recipes/bake@2/approve", json={"password": PASSWORD}), 409, "wrong_state")
    assert ok(process.post("/recipes/bake@2/submit", json={}))["state"] == "in_review"
    signed = ok(process.post("/recipes/bake@2/approve", json={"password": PASSWORD}))
    assert (signed["state"], signed["approved_by"]) == ("approved", "process_engineer")
    assert ok(process.post("/recipes/bake@2/retire", json={"why": "cracks"}))["state"] == "obsolete"
    rows = ok(process.get("/recipes", params={"of_class": "oven"}))["items"]
    assert [(row["recipe"], row["state"]) for row in rows] == [("bake@1", "approved"), ("bake@2", "obsolete")]
    assert [row["recipe"] for row in ok(process.get("/recipes", params={"state": "obsolete"}))["items"]] == ["bake@2"]
    problem(process.get("/recipes/bake@9"), 404, "not_found")


def test_a_body_outside_its_limits_is_refused_with_every_reason(caller: Caller) -> None:
    bad = DRAFT | {"body": "hot\nforce = 3 N"}
    told = problem(caller("process_engineer").post("/recipes", json=bad), 422, "body_refused")
    assert len(told["reasons"]) == 3


def test_a_process_engineer_signs_and_nobody_else(engineer: None, floor: Floor, caller: Caller) -> None:
    administrator = caller("administrator")
    ok(administrator.post("/recipes", json=DRAFT), 201)
    ok(administrator.post("/recipes/bake@2/submit", json={}))
    before = floor.everything()["recipe_version"]
    problem(administrator.post("/recipes/bake@2/approve", json={"password": PASSWORD}), 403, "not_allowed")
    wrong = {"signer": "process_engineer", "password": "wrong"}
    problem(administrator.post("/recipes/bake@2/approve", json=wrong), 403, "not_signed")
    assert floor.everything()["recipe_version"] == before
    right = {"signer": "process_engineer", "password": PASSWORD}
    assert ok(administrator.post("/recipes/bake@2/approve", json=right))["approved_by"] == "process_engineer"
    problem(caller("line_engineer").post("/recipes/bake@2/approve", json=right), 403, "not_allowed")


def test_a_pin_signs_on_pages_alone(engineer: None, floor: Floor, caller: Caller) -> None:
    with floor.database.transaction() as session:
        session.execute(update(User).values(pin_hash=hash_password("804216")))
    process = caller("process_engineer")
    ok(process.post("/recipes", json=DRAFT), 201)
    ok(process.post("/recipes/bake@2/submit", json={}))
    problem(process.post("/recipes/bake@2/approve", json={"password": "804216"}), 403, "not_signed")
    ok(process.post("/recipes/bake@2/approve", json={"password": PASSWORD}))


def test_whoever_guesses_at_signatures_waits(engineer: None, floor: Floor, caller: Caller) -> None:
    process = caller("process_engineer")
    ok(process.post("/recipes", json=DRAFT), 201)
    ok(process.post("/recipes/bake@2/submit", json={}))
    for _ in range(FREE):
        problem(process.post("/recipes/bake@2/approve", json={"password": "wrong"}), 403, "not_signed")
    with floor.database.reading() as session:
        assert session.scalars(select(SignInTry.failures)).all() == [FREE]
    refused = process.post("/recipes/bake@2/approve", json={"password": PASSWORD})
    problem(refused, 429, "too_many_tries")
    assert int(refused.headers["retry-after"]) >= 1


def test_nothing_is_kept_of_a_password_by_which_it_could_be_guessed(
    engineer: None, floor: Floor, caller: Caller
) -> None:
    process = caller("process_engineer")
    ok(process.post("/recipes", json=DRAFT), 201)
    ok(process.post("/recipes/bake@2/submit", json={}))
    sign = {"password": PASSWORD, "why": "tried on ten wafers"}
    ok(process.post("/recipes/bake@2/approve", json=sign, headers={"Idempotency-Key": "one"}))
    again = process.post(
        "/recipes/bake@2/approve", json=sign | {"password": "other"}, headers={"Idempotency-Key": "one"}
    )
    assert again.headers["idempotency-replayed"] == "true"  # so that the hash of the body does not depend on it
    with floor.database.reading() as session:
        (kept,) = session.scalars(select(CommandAnswer))
        assert PASSWORD.encode() not in (kept.body or b"")
