"""Signing in over the API: the cookie of the pages, the same bounds on guessing, and what a key or a person may do."""

import httpx
import pytest
from sqlalchemy import select, update

from mes.http.guard import COOKIE
from mes.people.models import SignInTry, User
from mes.people.permissions import ALLOWED
from mes.people.roles import Role
from mes.people.tries import FREE
from tests.api.conftest import Api, Caller
from tests.api.test_lots import ok, problem
from tests.shop import Floor
from tests.web.conftest import PASSWORD, hashed

HERE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def passwords(floor: Floor, api: Api) -> None:
    """Everybody has the one password."""
    with floor.database.transaction() as session:
        session.execute(update(User).values(password_hash=hashed()))


@pytest.mark.parametrize("name", ["operator", "alpha"])
def test_a_browser_signs_in_asks_and_signs_out(passwords: None, caller: Caller, name: str) -> None:
    browser = caller("")
    signed_in = browser.post("/session", json={"name": name, "password": PASSWORD})
    told = ok(signed_in, 201)
    role = Role.OPERATOR if name == "operator" else Role.CUSTOMER
    assert (told["name"], told["role"]) == (name, role)
    assert set(told["permissions"]) == {permission for permission, roles in ALLOWED.items() if role in roles}
    assert "HttpOnly" in signed_in.headers["set-cookie"]
    assert ok(browser.get("/session")) == told
    ok(browser.get("/lots"))
    token = browser.cookies[COOKIE]
    problem(browser.delete("/session"), 403, "not_allowed")  # as a page of another site would
    assert browser.delete("/session", headers=HERE).status_code == 204
    problem(browser.get("/session", headers={"cookie": f"{COOKIE}={token}"}), 401, "not_signed_in")


def test_whoever_guesses_waits(passwords: None, floor: Floor, caller: Caller) -> None:
    browser, wrong = caller(""), {"name": "operator", "password": "wrong"}
    for _ in range(FREE):
        problem(browser.post("/session", json=wrong), 401, "wrong_name_or_password")
    with floor.database.reading() as session:
        assert session.scalars(select(SignInTry.failures)).all() == [FREE]
    refused: httpx.Response = browser.post("/session", json=wrong | {"password": PASSWORD})
    problem(refused, 429, "too_many_tries")
    assert int(refused.headers["retry-after"]) >= 1


def test_a_key_is_told_what_it_may_do(caller: Caller) -> None:
    told = ok(caller("manager").get("/session"))
    assert (told["name"], "see_reports" in told["permissions"]) == ("manager", True)
    problem(caller("").get("/session"), 401, "not_signed_in")
