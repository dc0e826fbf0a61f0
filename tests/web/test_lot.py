"""The page of one lot: what a person of the centre follows there, and what a customer is told."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from mes.errors import Malformed
from mes.history import Act
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.people.models import User
from tests.shop import BEGIN, Floor, code_of_holds, mapped
from tests.web.conftest import PASSWORD, Serve, Visiting, people, serving


def test_a_lot_is_followed_from_the_list(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("D1", "die", mapped("W1", [[1, 1, 1, 1]] * 3), "W2")
    floor.pass_through("CELL-1", "D1", "W1")
    floor.arrive("D2", "die", "W3", customer="beta")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots")
    page.get_by_role("link", name="D1", exact=True).click()
    expect(page.get_by_role("heading", name="Lot D1")).to_be_visible()
    rung = page.get_by_role("row").filter(has_text="die/10")
    expect(rung.first).to_contain_text("CELL-1")
    expect(page.get_by_role("row").filter(has_text="track out").first).to_contain_text("tester")
    expect(page.get_by_role("row").filter(has_text="W2").first).to_contain_text(re.compile(r"W2\s*wafer"))
    own = visit(site).sign_in("alpha")
    own.goto(f"{site.address}/lots/alpha/D1")
    expect(own.get_by_role("heading", name="Lot D1")).to_be_visible()
    assert "CELL-1" not in own.content()
    assert "tester" not in own.content()


def test_another_customers_lot_answers_as_one_that_is_not_there(floor: Floor) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("SECRET", "die", "W3", customer="beta")
    with serving(floor.database) as site, site.client("alpha", accept="application/json") as client:
        told = [client.get(f"/lots/{path}") for path in ("beta/SECRET", "beta/ABSENT", "gamma/SECRET")]
        assert {answer.status_code for answer in told} == {404}
        assert len({answer.text.replace("SECRET", "").replace("ABSENT", "") for answer in told}) == 1


def test_a_line_engineer_changes_how_urgent_a_lot_is(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
        session.execute(update(User).where(User.name == "line_engineer").values(time_zone="Asia/Seoul"))
    floor.arrive("D1", "die", "W1")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots/alpha/D1")
    page.get_by_text("Change priority or due date").click()
    page.get_by_label("Priority").fill("2")
    page.get_by_label("New due date").fill("2099-12-01T09:00")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("dl.facts")).to_contain_text("2099-12-01 09:00")
    lot = floor.lot("D1")
    assert (lot.priority, lot.due_at) == (2, datetime(2099, 12, 1, tzinfo=UTC))
    own = visit(site).sign_in("operator")
    own.goto(f"{site.address}/lots/alpha/D1")
    expect(own.get_by_text("Change priority or due date")).to_have_count(0)


def test_a_lot_is_held_later_and_its_page_says_where(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
        lot = floor.id_of(Lot, "B1") if floor.arrive("B1", "board", "S1") else 0
        hold(session, lot, "height", "low", "line_engineer", floor.act(), BEGIN + timedelta(days=1))
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots/alpha/B1")
    expect(page.get_by_text("To be looked at again by 2026-03-02 00:00")).to_contain_text("overdue")
    page.get_by_text("Hold this lot at a later operation").click()
    form = page.locator("form[action$='/future-hold']")
    form.get_by_label("Code").fill("engineering")
    form.get_by_label("Why").fill("cross-section first")
    form.get_by_role("button").click()
    expect(page.get_by_text("Future hold 1 at board/20")).to_contain_text("cross-section first")
    expect(page.get_by_role("row").filter(has_text="board/20").first).to_contain_text("will be held: engineering")
    page.get_by_text("Withdraw future hold 1").click()
    page.get_by_label("Why it need not be held").fill("seen elsewhere")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("will be held")).to_have_count(0)
    page.goto(f"{site.address}/lots")
    expect(page.get_by_role("row").filter(has_text="B1")).to_contain_text("look again:")


def test_a_process_engineer_signs_for_what_waited_too_long(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    site = serve()
    other = visit(site).sign_in("line_engineer")
    other.goto(f"{site.address}/lots/alpha/B1")
    expect(other.get_by_text("It waits for the signature of a process engineer.")).to_be_visible()
    page = visit(site).sign_in("process_engineer")
    page.goto(f"{site.address}/lots/alpha/B1")
    expect(page.get_by_text("over for").first).to_be_visible()
    page.get_by_text("Let go on what waited too long").click()
    form = page.locator("form[action$='/dispose-queue-time']")
    form.get_by_label("S2").uncheck()
    form.get_by_label("Why").fill("looked at: clean")
    form.get_by_label("Password or PIN").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(page.get_by_text("may wait: signed")).to_have_count(1)
    expect(page.get_by_text("over for")).to_have_count(1)
    page.get_by_text("Rework what waits at board/20").click()
    form = page.locator("form[action$='/rework']")
    form.get_by_label("S2").check()
    form.get_by_label("Why").fill("residue at the edge")
    form.get_by_role("button").click()
    expect(page.get_by_role("row").filter(has_text="reworked 1×")).to_contain_text("S2")


def test_a_process_engineer_signs_what_suspect_units_are(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("B1", "board", "S1", "S2")
    run = floor.begin("OVEN-1", "B1")
    floor.report(run, "S1", energy_kwh=-1.0)
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots/alpha/B1")
    expect(page.get_by_text("Dispose of suspect units")).to_have_count(0)
    floor.end(run)
    page = visit(site).sign_in("process_engineer")
    page.goto(f"{site.address}/lots/alpha/B1")
    page.get_by_text("More", exact=True).click()
    page.get_by_text("Dispose of suspect units").first.click()
    form = page.locator("form[action$='/dispose-suspects']")
    form.get_by_label("Positions").fill("0,0; 1,0")
    form.get_by_label("What they are").select_option("scrapped")
    form.get_by_label("Why").fill("cracked")
    form.get_by_label("Password or PIN").fill(PASSWORD)
    form.get_by_label("Substrate").select_option("S1")
    form.get_by_role("button").click()
    expect(page.get_by_role("row", name="Scrapped 2")).to_be_visible()
    assert floor.are("S1") == [[8, 8], [3, 3]]


def test_a_line_engineer_splits_a_lot_and_merges_it_again(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("D1", "die", "W1", "W2", "W3")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots/alpha/D1")
    page.get_by_text("Split this lot").click()
    page.get_by_role("checkbox", name="W2").check()
    page.get_by_role("button", name="Split off").click()
    expect(page.get_by_role("heading", name="Lot D1.1")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Merged in")).to_contain_text("12")
    assert (floor.lot("D1").substrates, floor.lot("D1.1").substrates) == (2, 1)
    page.goto(f"{site.address}/lots/alpha/D1")
    page.get_by_text("Merge another lot into this one").click()
    page.get_by_label("Lot that goes on in this one").fill("D1.1")
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_text("3 substrates, 36 units")).to_be_visible()
    page.goto(f"{site.address}/lots/alpha/D1.1")
    expect(page.get_by_text("Terminated ·")).to_be_visible()
    expect(page.get_by_text("Hold this lot")).to_have_count(0)


def test_a_lot_of_which_some_substrates_have_gone_on_says_how_many_stand_there(
    floor: Floor, serve: Serve, visit: Visiting
) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("B1", "board", "S1", "S2", "S3")
    begun = floor.begin("OVEN-1", "B1", only=["S1", "S2"])
    for substrate in ("S1", "S2"):
        floor.report(begun, substrate)
    floor.end(begun)
    floor.arrive("B2", "board", "S4")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots")
    expect(page.get_by_role("row").filter(has_text="B1")).to_contain_text("board/10 1 of 3")
    expect(page.get_by_role("row").filter(has_text="B2")).to_contain_text("board/10 1 4")
    page.get_by_role("link", name="B1", exact=True).click()
    expect(page.get_by_text("board/10 (1 of 3 substrates, the others are beyond it)")).to_be_visible()
    with site.client("line_engineer", accept="application/json") as client:
        told = client.get("/api/v1/lots").json()["items"]
    assert [(lot["lot"], lot["at_operation"], lot["substrates"]) for lot in told] == [("B1", 1, 3), ("B2", 1, 1)]


def test_history_stands_as_it_happened_and_says_what_was_recorded_late(floor: Floor, serve: Serve) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("D1", "die", "W1")
    lot = floor.id_of(Lot, "D1")
    for code, hour in (("second", 9), ("first", 5)):
        at = Act("tester", BEGIN + timedelta(hours=hour))
        floor.do(hold, lot, code, "seen", "line_engineer", act=at)
    site = serve()
    with site.client("line_engineer") as client:
        (history,) = re.findall(r">History</h2>.*", client.get("/lots/alpha/D1").text, re.DOTALL)
    rows = re.findall(r'<tr><td class="n">(\d)</td><td>(.*?)</td>', history)
    assert [int(number) for number, _ in rows] == [3, 4, 2, 1]
    assert ["recorded late, at 20" in when for _, when in rows] == [False, True, False, False]


def test_a_hold_is_to_be_released_by_whom_it_belongs_to_and_says_so_to_others(floor: Floor, serve: Serve) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("D1", "die", "W1")
    floor.do(hold, floor.id_of(Lot, "D1"), "height", "low", "process_engineer")
    site = serve()
    shown = {}
    for name in ("line_engineer", "process_engineer", "administrator", "manager", "alpha"):
        with site.client(name) as client:
            page = client.get("/lots/alpha/D1").text
        assert "To be released by: process engineer, or the administrator." in page
        shown[name] = ("/release-hold" in page, "cannot release it" in page)
    assert shown == {
        "line_engineer": (False, True), "process_engineer": (True, False), "administrator": (True, False),
        "manager": (False, False), "alpha": (False, False),
    }  # fmt: skip
    for owner in ("manager", "equipment", "customer"):
        with pytest.raises(Malformed, match="does not belong to"):
            floor.do(hold, floor.id_of(Lot, "D1"), "height", "low", owner)


def test_a_lot_is_held_with_a_code_of_the_plant(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
        code_of_holds(session, "height", "process_engineer", "line_engineer")
    floor.arrive("D1", "die", "W1")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots/alpha/D1")
    page.get_by_text("Hold this lot").click()
    form = page.locator("form[action$='/hold']")
    form.locator("select[name=code]").select_option("height: Height")
    form.get_by_label("Why").fill("Low at the edge")
    form.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_text(re.compile("To be released by: process engineer"))).to_be_visible()


def test_the_lots_of_a_filtered_list_are_held_together(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    for lot in ("D1", "D2"):
        floor.arrive(lot, "die", f"{lot}.1")
    floor.arrive("B1", "board", "S1")
    site = serve()
    page = visit(site).sign_in("line_engineer")
    page.goto(f"{site.address}/lots")
    expect(page.get_by_text("Hold these")).to_have_count(0)
    page.get_by_label("Route").fill("die")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Hold these 2 lots").click()
    page.get_by_label("Code").fill("dust")
    page.get_by_label("Why").fill("Grey all over")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator("#lots").get_by_role("row").filter(has_text="held")).to_have_count(2)
    assert [one.comment for one in floor.holds("D2")] == ["Grey all over"]
    assert floor.holds("B1") == []
