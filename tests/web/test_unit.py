"""The page of one unit: down to every die, up to the package, and nothing of another owner for a customer."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from mes.db import Database
from mes.people.models import Customer
from tests.checks.shop import run_shop
from tests.shop import SHA256
from tests.web.conftest import Serve, Site, Visiting, people

OF_BETA = (
    "update substrate set dispositions = decode(repeat('0a', 12), 'hex'), name = 'X1' where name = 'W1'",
    "update lot set name = 'X' where name = 'D1'",
)
"""All of beta's that stands near the packages of alpha."""


@pytest.fixture
def shop(database: Database, tmp_path: Path, serve: Serve) -> Site:
    """Boat P.01 holds packages from interposer I1, each with a die of W1 (beta) and one of W2 (alpha)."""
    run_shop(database, tmp_path / "world.sqlite")
    with database.transaction() as session:
        people(session)
    return serve()


def told(site: Site, name: str, path: str) -> str:
    """The page as somebody gets it, without the time at which it was made."""
    with site.client(name) as client:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return re.sub(r'data-now-ms="\d+"|Request \w{32}', "", answer.text)


def test_a_package_is_followed_to_its_dies_and_back(shop: Site, visit: Visiting) -> None:
    page = visit(shop).sign_in("yield_engineer")
    page.goto(f"{shop.address}/units/alpha/P.01/1/0")
    expect(page.locator(".facts")).to_contain_text("rejected not to be picked")
    expect(page.get_by_role("row").filter(has_text="bin:package/30")).to_contain_text("bin 2 OPEN Fail")
    rows = page.locator("#contents tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(re.compile(r"moved from wafer I1\s+x 1, y 0"))
    foreign = rows.nth(1)
    expect(foreign).to_contain_text(re.compile(r"placed wafer W1\s+x 1, y 0"))
    work = ["CELL-1", "0", "package/10 J-0000003", f"bond@1 {SHA256[:12]}"]
    for at, cell in enumerate(["D1 die", "1", "1", "2026-03-01", *work], 1):
        expect(foreign.locator("th, td").nth(at)).to_contain_text(cell)
    tested = page.locator("#runs tbody tr").last
    for cell in ("package/30", "CELL-1", "bond@1", "tester"):
        expect(tested).to_contain_text(cell)
    foreign.get_by_role("link", name="W1").click()
    expect(page.locator(".facts")).to_contain_text(re.compile(r"Now at\s*boat P.01\s+x 1, y 0"))
    expect(page.locator("#ways tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Show on the map").click()
    expect(page.locator("#told")).to_contain_text("x 1, y 0 · consumed, gone")
    page.get_by_role("link", name="Open unit x 1, y 0").click()
    expect(page.get_by_role("heading", name="Unit x 1, y 0 of W1")).to_be_visible()


def test_a_customer_sees_own_units_and_of_others_the_site_alone(shop: Site) -> None:
    page = told(shop, "alpha", "/units/alpha/P.01/1/0")
    assert page.count("a unit of another owner") == 1
    for word in ("OPEN Fail", "W2", "I1", "package"):
        assert word in page
    for word in ("W1", "D1", "beta", "CELL", "J-0000", "bond", SHA256[:8], "tester"):
        assert word not in page
    with shop.database.transaction() as session:
        for statement in OF_BETA:
            session.execute(text(statement))
    assert told(shop, "alpha", "/units/alpha/P.01/1/0") == page


def test_the_owner_of_a_die_does_not_see_where_it_went(shop: Site) -> None:
    page = told(shop, "beta", "/units/beta/W1/1/0")
    assert "on a unit of another owner" in page
    assert not re.search(r"I1|P\.0|alpha|CELL|J-0", page)
    with shop.database.transaction() as session:
        session.execute(text("update substrate set name = name || '-x' where name <> 'W1'"))
    assert told(shop, "beta", "/units/beta/W1/1/0") == page


def test_a_customer_is_told_the_products_of_own_units(shop: Site) -> None:
    page = told(shop, "alpha", "/units/alpha/W2/2/0")
    assert len(re.findall(r'id="ways".*', page, re.DOTALL)[0].split("<small>package</small>")) == 3


def test_what_happened_to_units_is_said(shop: Site) -> None:
    def facts(path: str) -> str:
        return " ".join(re.sub(r"<[^>]+>", " ", told(shop, "yield_engineer", path)).split())

    assert "consumed gone" in facts("/units/alpha/W2/0/0")
    assert "put back" in facts("/units/alpha/W2/0/0")
    assert "lost gone" in facts("/units/beta/W1/2/0")
    assert "Now at not known" in facts("/units/beta/W1/2/0")
    assert "in process" in facts("/units/alpha/W2/3/2") or "completed" in facts("/units/alpha/W2/3/2")
    assert "it is one piece" in facts("/units/alpha/W2/3/2")
    assert "Now at not known" in facts("/units/beta/W1/3/0")  # placed, and then the module was lost
    assert re.search(r"Now at boat P.02 x 0, y 0 map completed", facts("/units/beta/W1/0/1"))
    assert "Now at sampled" in facts("/units/alpha/W2/0/1")
    assert "sampled gone" in facts("/units/alpha/W2/0/1")
    assert "No unit here" in facts("/units/alpha/P.02/1/0")


def test_another_customers_unit_answers_as_one_that_is_not_there(shop: Site) -> None:
    with shop.database.transaction() as session:
        session.add(Customer(name="gamma", title="Gamma"))
    with shop.client("alpha", accept="application/json") as alpha:
        answers = [alpha.get(f"/units/{path}") for path in ("beta/W1/0/0", "beta/W9/0/0", "gamma/W1/0/0", "x/W1/0/0")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({re.sub(r"W\d", "", answer.text) for answer in answers}) == 1
        outside = alpha.get("/units/alpha/W2/4/0")
        assert (outside.status_code, "x goes to 3 and y to 2" in outside.text) == (404, True)
        assert alpha.get("/units/alpha/W2/-1/0").status_code == 422
