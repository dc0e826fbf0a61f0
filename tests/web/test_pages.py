"""The pages in a real browser: sign in, the board that moves, the report with its chart, the customer's list."""

from playwright.sync_api import expect
from sqlalchemy import text

from mes.clock import wall_clock
from mes.definitions.clock import set_plant_clock
from mes.equipment.condition import change_state
from mes.equipment.states import EquipmentState
from mes.history import Act
from tests.reports.line import Line, utc
from tests.web.conftest import Site, Visiting


def test_wrong_password_is_told_and_the_name_stays(site: Site, visit: Visiting) -> None:
    visited = visit(site)
    page = visited.page
    page.goto(site.address)
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("No user has that name and password")
    expect(page.get_by_label("Name")).to_have_value("operator")
    visited.wrong.clear()  # the browser itself remarks on the status 401


def test_signing_in_leads_back_to_the_page_that_was_asked_for(site: Site, visit: Visiting) -> None:
    page = visit(site).page
    page.goto(f"{site.address}/reports/yield?by=day")
    page.get_by_label("Name").fill("manager")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.address}/reports/yield?by=day")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{site.address}/sign-in")


def test_board_shows_what_runs_and_what_waits(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("line_engineer")
    expect(page).to_have_url(f"{site.address}/board")
    oven = page.locator("#equipment-OV-1")
    expect(oven).to_contain_text("Standby")
    expect(oven).to_contain_text("A1")
    expect(oven).to_contain_text("0/2 substrates")
    waits = page.locator("#queues").get_by_role("row").filter(has_text="B1")
    expect(waits).to_contain_text("held")
    expect(waits).to_contain_text("10 h")
    expect(page.locator("#queues").get_by_role("row").filter(has_text="A2")).to_contain_text("recipe not approved")
    expect(page.locator("#plant-clock")).to_contain_text("2026-11-03 05:00:00")


def test_board_moves_when_a_lot_and_an_equipment_change(site: Site, visit: Visiting, line: Line) -> None:
    page = visit(site).sign_in("line_engineer")
    page.evaluate("window.neverReloaded = true")
    expect(page.locator("#equipment-OV-1")).to_contain_text("0/2 substrates")
    with site.database.transaction() as session:
        done = {"id": line.substrates["A1.1"].id}
        session.execute(
            text("update run_substrate set work = 'done' where substrate_id = :id and work = 'waiting'"), done
        )
        change_state(session, line.equipment["OV-2"].id, EquipmentState.UDT, Act("tester", utc("02T20:00"), "belt"))
    expect(page.locator("#equipment-OV-1")).to_contain_text("1/2 substrates")
    expect(page.locator("#equipment-OV-2 .abnormal")).to_contain_text("Down")
    expect(page.locator("#equipment-OV-2")).to_contain_text("belt")
    assert page.evaluate("window.neverReloaded")


def test_queue_time_counts_down_on_the_plant_clock(site: Site, visit: Visiting, line: Line) -> None:
    with site.database.transaction() as session:
        limit = {"a": line.operations[10].id, "b": line.operations[20].id}
        session.execute(
            text(
                "insert into queue_limit (from_operation_id, to_operation_id, most_s, warning_s)"
                " values (:a, :b, 39600, 30000)"
            ),
            limit,
        )
    page = visit(site).sign_in("line_engineer")
    left = page.locator("#queues").get_by_role("row").filter(has_text="B1").locator("time[data-until]")
    expect(left).to_have_text("only 1 h")
    with site.database.transaction() as session:
        set_plant_clock(session, utc("02T21:30"), 0)
    expect(left).to_have_text("over by 30 min")


def test_plant_clock_runs_at_its_speed(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("line_engineer")
    with site.database.transaction() as session:
        set_plant_clock(session, wall_clock(), 3600)
    expect(page.locator("#plant-clock")).to_contain_text("× 3600")
    shown = page.locator("[data-plant-now]")
    before = shown.inner_text()
    expect(shown).not_to_have_text(before)


def test_board_says_when_the_server_is_away_and_comes_back(site: Site, visit: Visiting) -> None:
    visited = visit(site)
    page = visited.sign_in("line_engineer")
    expect(page.locator("#equipment-OV-1")).to_be_visible()
    page.context.set_offline(True)
    site.server.config.app.state.live.close()  # type: ignore[union-attr]  # the application of these tests
    expect(page.locator("#unheard")).to_be_visible()
    visited.wrong.clear()  # the browser itself remarks on the lost network


def test_a_plant_without_equipment_says_what_to_do(bare_site: Site, visit: Visiting) -> None:
    page = visit(bare_site).sign_in("administrator")
    expect(page.get_by_role("heading", name="No equipment yet")).to_be_visible()
    expect(page.get_by_text("mes plant apply DIR")).to_be_visible()
    page.goto(f"{bare_site.address}/reports/yield")
    expect(page.get_by_role("heading", name="Nothing to report")).to_be_visible()


def test_yield_page_shows_chart_and_table(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("manager")
    expect(page).to_have_url(f"{site.address}/reports/yield")
    expect(page.locator(".chart[data-drawn] canvas")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="module/10")
    expect(row).to_contain_text("95.00")
    expect(page.get_by_role("columnheader", name="Operation yield")).to_contain_text("% of in")
    expect(page.get_by_role("columnheader", name="Rolled throughput")).to_contain_text("% of in at first pass of each")
    page.get_by_label("By").select_option("day")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".chart[data-drawn] canvas")).to_be_visible()
    assert page.locator(".chart").get_attribute("data-labels") == '["2026-11-02"]'


def test_chart_draws_what_the_report_says(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("manager")
    page.locator(".chart[data-drawn]").wait_for()
    assert page.locator(".chart").get_attribute("data-yield") == "[0.95, 0.8]"
    drawn = page.evaluate(
        "() => { const c = document.querySelector('.chart canvas');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (d.length / 4); }"
    )
    assert 0.005 < drawn < 0.5


def test_a_customer_sees_its_own_lots_and_no_board(site: Site, visit: Visiting, line: Line) -> None:
    visited = visit(site)
    page = visited.sign_in("alpha")
    expect(page).to_have_url(f"{site.address}/lots")
    expect(page.get_by_role("row").filter(has_text="A1")).to_contain_text("Step 20")
    assert "B1" not in page.content()
    assert "beta" not in page.content().lower()
    expect(page.get_by_role("navigation", name="Pages")).not_to_contain_text("Line board")
    with site.database.transaction() as session:
        session.execute(text("update lot set units = 777 where name in ('A2', 'B1')"))
    expect(page.get_by_role("row").filter(has_text="A2")).to_contain_text("777", timeout=10000)
    page.goto(f"{site.address}/board")
    expect(page.get_by_role("heading", name="Not for your role")).to_be_visible()
    expect(page.get_by_text("Your role, customer, has no access to this page.")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link", name="Lots")).to_be_visible()
    page.goto(f"{site.address}/nowhere")
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link", name="Lots")).to_be_visible()
    visited.wrong.clear()  # the browser itself remarks on the status 403


def test_board_of_a_phone_scrolls_its_tables_not_itself(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("line_engineer")
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/board", "/lots", "/reports/yield"):
        page.goto(site.address + path)
        expect(page.locator(".scroll").first).to_be_visible()
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wide), path
