"""What each role comes for, from the sign-in to the end of the task, as a person does it."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, text

from mes.history import History
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.people.models import SignIn
from tests.shop import Floor
from tests.web.conftest import PASSWORD, Serve, Visiting, people, serving


@pytest.fixture
def shop(floor: Floor) -> Floor:
    """Lots D1, D2 and D3 wait for a cell."""
    with floor.database.transaction() as session:
        people(session)
    for name in ("D1", "D2", "D3"):
        floor.arrive(name, "die", f"W{name}")
    return floor


def scan(page: Page, code: str) -> None:
    """What a scanner does: it types where the focus is, and ends with Enter."""
    expect(page.get_by_label("Scan a lot or an equipment")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def happened(shop: Floor, verb: str) -> int:
    """How often."""
    with shop.database.reading() as session:
        return session.scalars(select(func.count(History.event_id.distinct())).where(History.verb == verb)).one()


def test_an_operator_starts_and_finishes_a_lot_by_scanner_and_keyboard_alone(
    shop: Floor, serve: Serve, visit: Visiting
) -> None:
    site = serve()
    page = visit(site).page
    page.goto(site.address)
    expect(page.get_by_label("Name")).to_be_focused()
    scan_in = ("operator", "Tab", PASSWORD, "Enter")
    for step in scan_in:
        page.keyboard.press(step) if step in {"Tab", "Enter"} else page.keyboard.type(step)
    expect(page).to_have_url(re.compile("/terminal$"))
    scan(page, "D1")
    expect(page.get_by_role("heading", name="Lot D1")).to_be_visible()
    scan(page, "cell-1")
    start = page.get_by_role("button", name="Start on CELL-1")
    expect(start).to_be_visible()
    reach(page, "Start on CELL-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Started")
    expect(page.get_by_role("heading", name=re.compile("Finish .* on CELL-1"))).to_be_visible()
    reach(page, "Good units, counted")
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Finished")
    page.reload()
    page.go_back()
    page.reload()
    assert happened(shop, "end") == 1


def reach(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()") == name:
            return
    raise AssertionError(f"{name} cannot be reached with the keyboard")


def test_a_wrong_count_is_refused_and_nothing_typed_is_lost(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    visited = visit(site)
    page = visited.sign_in("operator")
    scan(page, "D1")
    scan(page, "CELL-1")
    page.get_by_role("button", name="Start on CELL-1").click()
    page.get_by_label("Good units, counted").fill("11")
    page.get_by_label("Failed units").fill("WD1 9 9 2")
    page.get_by_role("button", name="Finish").click()
    told = page.get_by_role("dialog")
    expect(told).to_contain_text("none: it does not judge")
    told.get_by_role("button", name="Close").click()
    expect(page.get_by_label("Failed units")).to_have_value("WD1 9 9 2")
    page.get_by_label("Failed units").fill("")
    page.get_by_role("button", name="Finish").click()
    expect(told).to_contain_text("11 good units were counted, the maps say 12")
    visited.wrong.clear()  # the browser itself remarks on the status 422


def test_two_at_one_lot_the_second_is_told_kindly(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    second = visit(site)
    pages = [visit(site).sign_in("operator"), second.sign_in("line_engineer")]
    for page in pages:
        page.goto(f"{site.address}/terminal?lot=D1&equipment=CELL-1")
    for page in pages:
        page.get_by_role("button", name="Start on CELL-1").click()
    expect(pages[0].get_by_role("status")).to_contain_text("Started")
    expect(pages[1].get_by_role("dialog")).to_contain_text("No substrate of lot D1 waits")
    second.wrong.clear()
    assert happened(shop, "track_in") == 1


def test_what_one_person_does_arrives_at_another(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    board, page = visit(site).sign_in("line_engineer"), visit(site).sign_in("line_engineer")
    expect(board.locator("#queues").get_by_role("row").filter(has_text="D2")).not_to_contain_text("held")
    page.goto(f"{site.address}/find?q=d2")
    page.get_by_text("Hold this lot").click()
    page.get_by_label("Code").fill("crack")
    page.get_by_role("textbox", name="Why").fill("A crack at the notch")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_text("A crack at the notch").first).to_be_visible()
    expect(board.locator("#queues").get_by_role("row").filter(has_text="D2")).to_contain_text("held")
    page.get_by_text(re.compile("Release hold")).click()
    page.get_by_label("What was found and done").fill("Only a scratch")
    page.get_by_role("button", name="Release the hold").click()
    expect(page.get_by_text("Only a scratch").first).to_be_visible()
    expect(board.locator("#queues").get_by_role("row").filter(has_text="D2")).not_to_contain_text("held")


def test_a_sign_in_that_expires_loses_no_typed_text(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    visited = visit(site)
    page = visited.sign_in("line_engineer")
    page.goto(f"{site.address}/lots/alpha/D3")
    page.get_by_text("Hold this lot").click()
    page.get_by_label("Code").fill("crack")
    page.get_by_role("textbox", name="Why").fill("Typed before the sign-in expired")
    with shop.database.transaction() as session:
        session.execute(text(f"delete from {SignIn.__tablename__}"))
    page.get_by_role("button", name="Hold", exact=True).click()
    again = page.get_by_role("dialog")
    again.get_by_label("Name").fill("line_engineer")
    again.get_by_label("Password").fill("a wrong one first")
    again.get_by_role("button", name="Sign in").click()
    expect(again.get_by_role("alert")).to_contain_text("No user has that name and password")
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Typed before the sign-in expired").first).to_be_visible()
    assert happened(shop, "hold") == 1
    visited.wrong.clear()


def test_a_form_that_is_sent_twice_takes_effect_once(shop: Floor) -> None:
    with serving(shop.database) as site, site.client("line_engineer") as client:
        shown = client.get("/lots/alpha/D3").text
        once = re.findall(r'name="once" value="([^"]+)"', shown)[0]
        form = {"once": once, "code": "crack", "why": "sent twice", "owner": "line_engineer"}
        told = [client.post("/lots/alpha/D3/hold", data=form, headers=site.own) for _ in range(2)]
        assert [answer.status_code for answer in told] == [303, 303]
        assert {answer.headers["location"] for answer in told} == {"/lots/alpha/D3"}
        assert happened(shop, "hold") == 1
        other = client.post("/lots/alpha/D3/hold", data=form | {"why": "something else"}, headers=site.own)
        assert other.status_code == 422


def test_a_filter_stands_in_the_address_and_is_kept_under_a_name(shop: Floor, serve: Serve, visit: Visiting) -> None:
    shop.do(hold, shop.id_of(Lot, "D2"), "crack", "A crack", "line_engineer")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots")
    page.get_by_label("Holds").select_option("true")
    page.get_by_label("State").select_option("queued")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("state=queued&held=true"))
    rows = page.locator("#lots tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_text("Save this view").click()
    page.get_by_label("Under the name").fill("held ones")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="held ones")).to_be_visible()
    shop.do(hold, shop.id_of(Lot, "D3"), "crack", "Another crack", "line_engineer")
    expect(rows).to_have_count(2)
    page.goto(f"{site.address}/lots")
    page.get_by_role("link", name="held ones").click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Remove held ones").click()
    expect(page.get_by_role("link", name="held ones")).to_have_count(0)


def test_a_customer_keeps_filters_of_its_own(shop: Floor) -> None:
    with serving(shop.database) as site, site.client("alpha") as alpha, site.client("beta") as beta:
        form = {"name": "mine", "address": "/lots?state=queued"}
        assert alpha.post("/saved", data=form, headers=site.own).status_code == 303
        assert "mine" in alpha.get("/lots").text
        assert "mine" not in beta.get("/lots").text
        assert beta.post("/saved/remove", data=form, headers=site.own).status_code == 303
        assert "mine" in alpha.get("/lots").text
        wrong = alpha.post("/saved", data=form | {"address": "//elsewhere.example/lots"}, headers=site.own)
        assert wrong.status_code == 422


def test_lots_that_do_not_exist_so_are_told_so(shop: Floor) -> None:
    with serving(shop.database) as site, site.client("line_engineer") as client:
        assert "No such lots" in client.get("/lots?state=scrapped&operation=&q=").text
        assert client.get("/lots?state=nonsense").status_code == 422
        assert "D2" in client.get("/lots?q=d2&customer=").text


def test_a_code_that_is_not_known_is_told_at_once(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    page = visit(site).sign_in("operator")
    scan(page, "N0-SUCH-LOT")
    expect(page.get_by_role("alert").filter(has_text="N0-SUCH-LOT")).to_be_visible()
    expect(page.get_by_label("Scan a lot or an equipment")).to_be_focused()


def test_why_a_lot_cannot_start_is_told_with_who_can_clear_it(shop: Floor, serve: Serve, visit: Visiting) -> None:
    shop.do(hold, shop.id_of(Lot, "D1"), "crack", "A crack", "line_engineer")
    site = serve()
    page = visit(site).sign_in("operator")
    scan(page, "D1")
    scan(page, "OVEN-1")
    reasons = page.get_by_role("row")
    expect(reasons.filter(has_text="is held")).to_be_visible()
    expect(reasons.filter(has_text="needs equipment of class cell")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_have_count(0)
