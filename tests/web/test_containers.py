"""The page of containers: an operator mounts what a lot waits for, and sees on the equipment what is left."""

from playwright.sync_api import expect

from mes.db import Database
from mes.definitions.clock import set_plant_clock
from mes.materials.preparing import thaw
from tests.shop import Floor
from tests.stockroom import THAW_H, container, deliver, furnish, now, put_on, step
from tests.web.conftest import Serve, Visiting, people, serving


def stop_the_clock(database: Database, floor: Floor) -> None:
    with database.transaction() as session:
        set_plant_clock(session, now(floor), 0)


def test_an_operator_mounts_what_a_lot_waits_for(
    floor: Floor, database: Database, serve: Serve, visit: Visiting
) -> None:
    with database.transaction() as session:
        people(session)
    furnish(floor)
    deliver(floor, "L1", "tape", {"T1": 1000})
    deliver(floor, "L2", "flux", {"F1": 400}, lasts_h=1000)
    put_on(floor, "T1")
    step(floor, thaw, "F1")
    floor.hours += round(THAW_H)
    stop_the_clock(database, floor)
    site = serve()
    page = visit(site).sign_in("operator")
    page.goto(f"{site.address}/equipment")
    page.get_by_role("navigation", name="Equipment").get_by_role("link", name="Material").click()
    row = page.get_by_role("row").filter(has_text="F1")
    expect(row).to_contain_text("thawing")
    expect(row.get_by_text("Scrap")).to_have_count(0)
    row.get_by_text("Mount", exact=True).click()
    row.get_by_label("Equipment").select_option("CELL-1")
    row.get_by_role("button", name="Mount it").click()
    expect(page.get_by_role("row").filter(has_text="F1").get_by_role("link", name="CELL-1")).to_be_visible()
    assert container(floor, "F1").state == "mounted"
    page.get_by_role("row").filter(has_text="F1").get_by_role("link", name="CELL-1").click()
    expect(page.get_by_role("row").filter(has_text="F1")).to_contain_text("400 mg")


def test_a_line_engineer_lets_one_go_first_and_throws_one_away(floor: Floor, database: Database) -> None:
    with database.transaction() as session:
        people(session)
    furnish(floor)
    deliver(floor, "L1", "tape", {"T1": 10, "T2": 10}, lasts_h=500)
    deliver(floor, "L2", "tape", {"T3": 10}, lasts_h=600)
    stop_the_clock(database, floor)
    with serving(database) as site, site.client("operator") as operator, site.client("line_engineer") as engineer:
        first = {"equipment": "CELL-1", "out_of_order": "true", "why": "the others lie below"}
        told = operator.post("/containers/T3/mount", data=first, headers={"origin": site.address})
        assert (told.status_code, "expires earlier" in told.text) == (409, True)
        assert operator.post("/containers/T1/open", headers={"origin": site.address}).status_code == 303
        assert engineer.post("/containers/T3/mount", data=first, headers={"origin": site.address}).status_code == 303
        assert operator.post("/containers/T3/return", headers={"origin": site.address}).status_code == 303
        gone = {"why": "dropped"}
        assert operator.post("/containers/T2/scrap", data=gone, headers={"origin": site.address}).status_code == 403
        assert engineer.post("/containers/T2/scrap", data=gone, headers={"origin": site.address}).status_code == 303
    assert [container(floor, name).state for name in ("T1", "T2", "T3")] == ["opened", "scrapped", "opened"]
