"""The page of a report: a period with one click, files of what is shown, on a phone and on paper."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from mes.definitions.clock import set_plant_clock
from mes.reports.catalog import REPORTS
from mes.reports.formats import FORMATS
from mes.reports.run import run
from mes.web.reports import yield_points
from tests.reports.line import Line, utc
from tests.web.conftest import Site, Visiting


@pytest.fixture
def week_after(site: Site) -> Site:
    """The line on the tenth of November in Seoul, the week after all its work."""
    with site.database.transaction() as session:
        set_plant_clock(session, utc("09T20:00"), 0)
    return site


def test_yield_of_last_week_is_one_click_and_its_workbook_another(week_after: Site, visit: Visiting) -> None:
    page = visit(week_after).sign_in("manager")
    page.get_by_role("link", name="Last week").click()
    expect(page).to_have_url(f"{week_after.address}/reports/yield?period=last_week")
    expect(page.get_by_text("2026-11-02 00:00 – 2026-11-09 00:00")).to_be_visible()
    expect(page.get_by_role("link", name="Last week")).to_have_attribute("aria-current", "true")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Excel").click()
    assert downloaded.value.suggested_filename == "yield.xlsx"
    head, *rows = (
        load_workbook(io.BytesIO(Path(downloaded.value.path()).read_bytes())).worksheets[0].iter_rows(values_only=True)
    )
    shown = page.locator(".scroll tbody tr").all_inner_texts()
    assert len(rows) == len(shown) == 2
    yields = [f"{100 * row[head.index('Operation yield [% of in]')]:.2f}" for row in rows]
    assert all(figure in line.split("\t") for figure, line in zip(yields, shown, strict=True))


def test_empty_week_says_where_data_are_offers_them_and_is_still_exported(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("manager")  # a Tuesday in Seoul: the work was on Monday, and begins this week
    page.goto(f"{site.address}/reports/yield?by=lot&period=last_week")
    empty = page.locator("section.empty")
    expect(empty).to_contain_text("data begin on 2026-11-02, and the last are of 2026-11-02")
    offered = ["Last 7 days", "This month", "From the beginning"]
    expect(empty.get_by_role("link")).to_have_text(offered)
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Excel").click()
    cells = load_workbook(io.BytesIO(Path(downloaded.value.path()).read_bytes())).worksheets[0]
    assert (cells.max_row, cells["A1"].value) == (1, "Route")
    for name, address in zip(offered, ("by=lot&period=last_7_days", "by=lot&period=this_month", "by=lot"), strict=True):
        page.goto(f"{site.address}/reports/yield?by=lot&period=last_week")
        empty.get_by_role("link", name=name).click()
        expect(page).to_have_url(f"{site.address}/reports/yield?{address}")
        expect(page.locator(".scroll tbody tr")).to_have_count(4)


@pytest.mark.parametrize("report", sorted(set(REPORTS) - {"wip"}))
def test_every_empty_report_tells_of_the_data_there_are(week_after: Site, report: str) -> None:
    with week_after.client("manager") as client:
        told = client.get(f"/reports/{report}?period=today").text
        assert "data begin on 2026-11-02" in told
        assert f'href="/reports/{report}.csv?period=today"' in told
        assert "data begin" not in client.get(f"/reports/{report}?period=today&kind=dummy").text


def test_address_of_reports_leads_to_the_first_of_them(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("manager")
    page.goto(f"{site.address}/reports")
    expect(page).to_have_url(f"{site.address}/reports/yield")
    expect(page.locator("nav.tabs a")).to_have_count(len(REPORTS))


def test_period_keeps_what_else_was_asked_for_and_replaces_days(week_after: Site, visit: Visiting) -> None:
    page = visit(week_after).sign_in("manager")
    page.goto(f"{week_after.address}/reports/yield?from=2026-11-05&to=&by=lot&kind=all&route=module")
    page.get_by_role("link", name="Last 7 days").click()
    expect(page).to_have_url(f"{week_after.address}/reports/yield?by=lot&kind=all&route=module&period=last_7_days")
    expect(page.get_by_label("From")).to_have_value("2026-11-04")
    expect(page.get_by_label("By")).to_have_value("lot")
    page.get_by_label("From").fill("2026-11-02")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row").filter(has_text="beta/B2")).to_have_count(2)


@pytest.mark.parametrize("report", REPORTS)
def test_files_hold_exactly_what_is_shown(week_after: Site, report: str) -> None:
    asked = "" if report == "wip" else "?period=last_7_days&kind=all"
    with week_after.client("manager") as client:
        assert client.get(f"/reports/{report}{asked}").status_code == 200
        told = json.loads(client.get(f"/reports/{report}.json{asked}").content)["rows"]
        for format in FORMATS.values():  # noqa: A001
            file = client.get(f"/reports/{report}.{format.name}{asked}")
            assert file.headers["content-type"] == format.media_type
            assert file.headers["content-disposition"] == f'attachment; filename="{report}.{format.name}"'
        cells = load_workbook(io.BytesIO(client.get(f"/reports/{report}.xlsx{asked}").content)).worksheets[0]
        assert cells.max_row == 1 + len(told)
        assert client.get(f"/reports/{report}.doc").status_code == 404


def test_files_of_one_route_say_so(week_after: Site) -> None:
    with week_after.client("manager") as client:
        told = client.get("/reports/yield.json?route=module").json()
        assert (told["parameters"]["route"], len(told["rows"])) == ("module", 2)
        assert client.get("/reports/yield.json?route=none").json()["rows"] == []


def test_on_paper_there_is_the_table_and_no_navigation(week_after: Site, visit: Visiting) -> None:
    page = visit(week_after).sign_in("manager")
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in ("header.bar", "nav.tabs", "nav.periods", ".files", "button.main"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".scroll tbody tr").first).to_be_visible()
    looks = page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('thead')).display,"
        " getComputedStyle(document.querySelector('.scroll')).overflowX]"
    )
    assert looks == ["rgb(255, 255, 255)", "table-header-group", "visible"]


def test_labels_of_the_chart_do_not_lie_upon_one_another(site: Site, visit: Visiting, line: Line) -> None:
    with site.database.transaction() as session:
        line.session = session
        for day in range(1, 29):
            line.substrate(f"A1.d{day}", None, "finished")
            line.work(line.run(100 + day, 10, "OV-1"), f"A1.d{day}", (9, 1), f"{day:02d}T03:00")
    page = visit(site).sign_in("manager")
    page.goto(f"{site.address}/reports/yield?by=day")
    for width, every in ((1400, "1"), (390, "2")):
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        chart = page.locator(".chart[data-drawn]")
        expect(chart).to_have_attribute("data-every", every)
        room = "box => (box.clientWidth - 70) * box.dataset.every / JSON.parse(box.dataset.labels).length"
        assert chart.evaluate(room) >= 14, width


def test_table_of_a_phone_is_moved_by_keyboard(site: Site, visit: Visiting) -> None:
    visited = visit(site)
    visited.page.set_viewport_size({"width": 390, "height": 800})
    page = visited.sign_in("manager")
    table = page.get_by_role("region", name="Yield")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()  # nothing moves below it any more
    table.focus()
    page.keyboard.press("ArrowRight")
    expect(table).not_to_have_js_property("scrollLeft", 0)


def test_points_of_the_chart_follow_the_route_however_rows_are_sorted(site: Site) -> None:
    with site.database.reading() as session:
        found = run(session, "yield", {"by": "equipment"})
        backwards = replace(found, rows=found.rows[::-1])
    assert [point.label for point in yield_points(backwards)] == ["module/10", "module/20"]
