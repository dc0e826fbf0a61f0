"""The terminal of an operator: what waits for a person, what the line does by itself, and work by hand to its end."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select, text

from mes.equipment.condition import change_state
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.history import History
from mes.jobs import orders
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.lots.work import run_course
from mes.lots.work.track_in import track_in
from mes.runs.states import RunState
from tests.lots.racers import finish_by_hand
from tests.shop import Floor
from tests.web.conftest import Serve, Visiting, people

BY_HAND = """
update equipment_class set kind = 'by_hand' where name = 'oven';
update equipment set connected = class_id <> (select id from equipment_class where name = 'oven');
update equipment set title = 'Inspection bench' where name = 'OVEN-1'
"""


@pytest.fixture
def shop(floor: Floor) -> Floor:
    """The oven is worked by hand, and boards B1 and B2 wait for it; the cells are connected, and D1 waits for one."""
    with floor.database.transaction() as session:
        people(session)
        for statement in BY_HAND.split(";"):
            session.execute(text(statement))
    for name in ("B1", "B2"):
        floor.arrive(name, "board", f"S{name}")
    floor.arrive("D1", "die", "WD1")
    return floor


def section(page: Page, title: str) -> Locator:
    return page.locator("section.step").filter(has=page.get_by_role("heading", name=title))


def test_first_screen_leads_a_person_through_a_lot_by_hand(shop: Floor, serve: Serve, visit: Visiting) -> None:
    shop.do(hold, shop.id_of(Lot, "B2"), "crack", "A crack", "line_engineer")
    site = serve()
    page = visit(site).sign_in("operator")
    waiting = section(page, "Waits for a person")
    expect(waiting.get_by_role("listitem")).to_have_count(2)
    expect(waiting).not_to_contain_text("D1")
    expect(waiting.get_by_role("listitem").filter(has_text="B2")).to_contain_text("held crack")
    expect(waiting.get_by_role("listitem").filter(has_text="B1")).to_contain_text("1 substrate · Inspection bench")
    waiting.get_by_role("link", name="B1").click()
    page.get_by_role("link", name="OVEN-1").click()
    page.get_by_role("button", name="Start on OVEN-1").click()
    expect(page.get_by_role("heading", name=re.compile("Finish J-.* on OVEN-1"))).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Running · board")
    page.get_by_role("link", name="Begin anew").click()
    begun = section(page, "To be finished by a person")
    expect(begun).to_contain_text("J-")
    begun.get_by_role("link", name="B1").click()
    expect(page.get_by_role("link", name="SB1")).to_have_attribute("href", "/substrates/alpha/SB1")
    page.get_by_label("Good units, counted").fill("4")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("status")).to_contain_text("Finished")


def test_what_was_started_by_mistake_is_broken_off_and_waits_again(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    page = visit(site).sign_in("operator")
    page.goto(f"{site.address}/terminal?lot=B1&equipment=OVEN-1")
    page.get_by_role("button", name="Start on OVEN-1").click()
    page.get_by_text("Break it off").click()
    page.get_by_label("Why").fill("the wrong bench")
    page.get_by_role("button", name=re.compile("Break off J-")).click()
    expect(page.get_by_role("status")).to_contain_text("Broken off: J-")
    expect(page.get_by_role("main")).to_contain_text("Queued · board")
    expect(page.get_by_role("link", name="OVEN-1")).to_be_visible()


def test_a_run_by_hand_begins_when_it_is_tracked_in(shop: Floor) -> None:
    run = shop.do(track_in, shop.wanted("OVEN-1", "B1"))
    assert (run.state, run.started_at) == (RunState.RUNNING, run.ordered_at)
    with shop.database.reading() as session:
        verbs = session.scalars(select(History.verb).where(History.subject == "B1").order_by(History.n)).all()
    assert verbs[-2:] == ["track_in", "start"]


def state_of(shop: Floor) -> str:
    with shop.database.reading() as session:
        return session.scalars(select(Equipment.state).where(Equipment.name == "OVEN-1")).one()


def test_equipment_that_people_work_is_productive_while_a_run_is_open_on_it(shop: Floor) -> None:
    run = shop.do(track_in, shop.wanted("OVEN-1", "B1"))
    assert state_of(shop) == "PRD"
    shop.do(finish_by_hand, run.id, shop.id_of(Lot, "B1"))
    assert state_of(shop) == "SBY"
    again = shop.do(track_in, shop.wanted("OVEN-1", "B2"))
    shop.do(change_state, shop.id_of(Equipment, "OVEN-1"), EquipmentState.UDT)
    shop.do(run_course.abort, again.id, "it smokes")
    assert state_of(shop) == "UDT"
    assert shop.problems() == []


def test_equipment_is_told_by_name_and_what_it_does_by_itself(shop: Floor, serve: Serve, visit: Visiting) -> None:
    site = serve()
    page = visit(site).sign_in("operator")
    bench = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Inspection bench"))
    expect(bench).to_contain_text("OVEN-1 · Standby SBY · 0 of 1 places taken · worked by hand")
    expect(page.get_by_role("link", name="CELL-1")).to_be_hidden()
    page.get_by_text("2 equipment are in automatic operation").click()
    page.get_by_role("link", name="CELL-1").click()
    expect(page.get_by_role("main")).to_contain_text("in automatic operation: it starts its lots itself")
    expect(page.get_by_role("main")).to_contain_text("There is nothing to start here.")
    expect(page.get_by_role("main")).not_to_contain_text("Waits for a person")
    page.goto(f"{site.address}/terminal?equipment=OVEN-1")
    page.get_by_role("link", name="B1").click()
    expect(page.get_by_role("button", name="Start on OVEN-1")).to_be_visible()


def test_equipment_whose_places_are_taken_offers_no_lot_to_start(shop: Floor, serve: Serve) -> None:
    shop.do(track_in, shop.wanted("OVEN-1", "B1"))
    with serve().client("operator") as client:
        taken, others = client.get("/terminal?equipment=OVEN-1").text, client.get("/terminal").text
    assert ("All its places are taken" in taken, "To be finished by a person" in taken) == (True, True)
    assert ("Waits for a person" in taken, ">B2<" in taken, ">B2<" in others) == (False, False, True)


def test_a_miscount_is_told_in_a_sentence_alone(shop: Floor, serve: Serve) -> None:
    run = shop.do(track_in, shop.wanted("OVEN-1", "B1"))
    counted = {"lot": "B1", "customer": "alpha", "run": run.name, "good": "3"}
    site = serve()
    with site.client("operator") as client:
        answer = client.post("/terminal/track-out", data=counted, headers=site.own)
    assert (answer.status_code, "3 good units were counted, the maps say 4" in answer.text) == (422, True)
    assert "malformed" not in answer.text


def test_run_that_equipment_reports_asks_nobody_to_finish_it(shop: Floor, serve: Serve, visit: Visiting) -> None:
    shop.do(orders.order, shop.wanted("CELL-1", "D1"))
    site = serve()
    page = visit(site).sign_in("operator")
    expect(page.get_by_role("main")).not_to_contain_text("D1")
    page.goto(f"{site.address}/terminal?lot=D1")
    expect(page.get_by_role("heading", name=re.compile("^J-.* on CELL-1$"))).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("There is nothing to do here.")
    expect(page.get_by_role("button", name="Finish")).to_be_hidden()
    page.get_by_text("Report it by hand").click()
    page.get_by_label("Good units, counted").fill("12")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("status")).to_contain_text("Finished")


def test_equipment_that_is_not_there_is_told(shop: Floor, serve: Serve) -> None:
    with serve().client("operator") as client:
        assert client.get("/terminal?equipment=MOON-1").status_code == 404
