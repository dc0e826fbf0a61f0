"""Every page in both themes and languages: nothing inaccessible, nothing wider than the screen, a picture of each."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from equipment.interface.messages import AlarmChange, Identity, Record, RecordBatch
from mes.app import PAGES
from mes.db import Database
from mes.definitions.models import Certification
from mes.equipment.certification.certify import certify
from mes.equipment.condition import set_alarm
from mes.equipment.maintenance.maintain import maintain
from mes.equipment.models import Equipment
from mes.history import Act
from mes.jobs import orders, results
from mes.lots.carriers.carry import change_carrier, register_carrier
from mes.lots.carriers.models import Carrier
from mes.lots.experiments.plan import NewExperiment, NewLeg
from mes.lots.experiments.plan import draft as draft_experiment
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.people.models import User
from mes.people.roles import Role
from mes.recipes.approve import submit
from mes.recipes.draft import draft
from mes.recipes.models import RecipeVersion
from mes.shipments.send import Sending, send
from tests.materials.tools import equip, tools
from tests.shop import BEGIN, Floor, build_floor, mapped
from tests.stockroom import deliver, furnish, supply
from tests.upkeep.test_maintenance import GOOD, plan
from tests.web.conftest import PASSWORD, Site, people, serving

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
VIOLATIONS = """axe.run(document, {resultTypes: ["violations"]})
    .then(({violations}) => violations.map(v => [v.id, v.nodes.map(n => n.html)]))"""
PICTURES = Path(os.environ.get("PICTURES", "build/pictures"))
"""Where the pictures are put, to be looked at."""

NO_PAGES = {
    "/", "/health/live", "/health/ready", "/metrics", "/api/v1/openapi.json",
    "/reports", "/reports/{name}.{extension}", "/shipments/{shipment}/document",
    "/substrates/{customer}/{name}/map.{extension}",
    "/substrates/{customer}/{name}/stack", "/substrates/{customer}/{name}/reserved",
}  # fmt: skip
"""Addresses that answer with no page of their own."""


@dataclass(frozen=True)
class Shown:
    """A page of the application: the route, an address of it, and who looks at it."""

    route: str
    address: str
    role: str = "line_engineer"
    name: str = ""

    @property
    def picture(self) -> str:
        """What its pictures are called."""
        return self.name or self.route.strip("/").replace("/", "-").replace("{", "").replace("}", "")


STACKED = "layer=bin:incoming&whole_lot=yes&signatures=yes&x=2&y=0"

SHOWN = (
    Shown("/sign-in", "/sign-in", ""),
    Shown("/terminal", "/terminal", "operator", "terminal-empty"),
    Shown("/terminal", "/terminal?lot=D1&equipment=CELL-1", "operator", "terminal-start"),
    Shown("/terminal", "/terminal?lot=D2&equipment=OVEN-1", "operator", "terminal-refused"),
    Shown("/terminal", "/terminal?lot=D3", "operator", "terminal-finish"),
    Shown("/terminal", "/terminal?lot=D5", "operator", "terminal-automatic"),
    Shown("/terminal", "/terminal?equipment=OVEN-1", "operator", "terminal-equipment"),
    Shown("/board", "/board"),
    Shown("/lots", "/lots"),
    Shown("/lots", "/lots?state=scrapped", name="lots-empty"),
    Shown("/lots", "/lots", "alpha", "lots-customer"),
    Shown("/lots/{customer}/{name}", "/lots/alpha/D2"),
    Shown("/lots/{customer}/{name}", "/lots/alpha/D4", "alpha", "lot-customer"),
    Shown("/shipments", "/shipments", "alpha"),
    Shown("/shipments", "/shipments?state=arrived", name="shipments-empty"),
    Shown("/shipments/{shipment}", "/shipments/SHP-000001", name="shipment"),
    Shown("/recalls", "/recalls?substrate=WD4", name="recalls"),
    Shown("/substrates/{customer}/{name}", "/substrates/alpha/WD4", "yield_engineer", "map"),
    Shown("/substrates/{customer}/{name}", "/substrates/alpha/WD4", "alpha", "map-customer"),
    Shown("/substrates/{customer}/{name}", f"/substrates/alpha/WD4?{STACKED}", "yield_engineer", "map-stacked"),
    Shown("/units/{customer}/{substrate}/{x}/{y}", "/units/alpha/WD4/1/0", "yield_engineer", "unit"),
    Shown("/certificates", "/certificates"),
    Shown("/durables", "/durables"),
    Shown("/durables/{name}", "/durables/C1", name="durable"),
    Shown("/carriers", "/carriers"),
    Shown("/carriers/{carrier}", "/carriers/FOUP-1", name="carrier"),
    Shown("/equipment", "/equipment"),
    Shown("/equipment/{name}", "/equipment/CELL-1"),
    Shown("/equipment/{name}", "/equipment/CELL-2", name="equipment-due"),
    Shown("/containers", "/containers"),
    Shown("/containers", "/containers?state=scrapped", name="containers-empty"),
    Shown("/jobs", "/jobs"),
    Shown("/jobs", "/jobs?state=aborted", name="jobs-empty"),
    Shown("/jobs/{job}", "/jobs/J-0000003", name="job"),
    Shown("/jobs/records", "/jobs/records", name="records"),
    Shown("/jobs/records/{record}", "/jobs/records/1", name="record"),
    Shown("/recipes", "/recipes", "process_engineer"),
    Shown("/recipes/{recipe}", "/recipes/bake@2", "process_engineer", "recipe"),
    Shown("/experiments", "/experiments", "process_engineer"),
    Shown("/me", "/me", "operator"),
    Shown("/permissions", "/permissions", "alpha"),
    Shown("/administration", "/administration", "administrator"),
    Shown("/administration/people/{name}", "/administration/people/alpha", "administrator", "administration-person"),
    Shown("/administration/keys", "/administration/keys", "administrator"),
    Shown("/administration/system", "/administration/system", "administrator"),
    Shown("/find", "/find?q=D"),
    Shown("/help", "/help", "operator"),
    Shown("/find", "/find?q=nothing", name="find-nothing"),
    Shown("/reports/{name}", "/reports/yield", "manager", "yield"),
    Shown("/reports/{name}", "/reports/wip", "manager", "wip"),
    Shown("/reports/{name}", "/reports/cycle_time?period=last_7_days", "manager", "report-empty"),
    Shown("/api/v1/docs", "/api/v1/docs", ""),
)

LOOKS = (("light", "en", 1400), ("dark", "ko", 390))
"""Theme, language and width; together they show every theme and every language, wide and narrow."""


@pytest.fixture(scope="module")
def centre(module_database: Database) -> Iterator[Site]:
    """A shop where lots wait, are held, run and have ended."""
    floor = build_floor(module_database)
    with floor.database.transaction() as session:
        people(session)
        session.execute(update(User).where(User.name == "administrator").values(title="Who runs the whole system here"))
    for name in ("D1", "D2", "D3", "D5"):
        floor.arrive(name, "die", f"W{name}")
    floor.arrive("D4", "die", mapped("WD4", [[1, 1, 9, 1], [1, 1, 1, 1], [0, 1, 1, 0]]))
    floor.pass_through("CELL-1", "D4", "WD4")
    floor.begin("CELL-1", "D3")
    floor.do(hold, floor.id_of(Lot, "D2"), "crack", "A crack at the notch", "line_engineer")
    floor.do(orders.order, floor.wanted("CELL-2", "D5"))
    floor.stock("D6", "die", "WD6")
    floor.do(send, Sending([floor.id_of(Lot, "D6")], "test house", "waybill 4711"))
    wrong_at(floor, "CELL-1")
    furnish(floor)
    supply(floor, flux=[40, 400])
    deliver(floor, "L9", "flux", {"F9": 500}, lasts_h=2000, customer="beta")
    cared_for(floor)
    equip(floor)
    tools(floor)
    floor.do(register_carrier, "FOUP-1", "foup", 25, 100.0)
    floor.do(change_carrier, floor.id_of(Lot, "D2"), floor.id_of(Carrier, "FOUP-1"), None)
    legs = (NewLeg("usual"), NewLeg("hot", parameters={"peak_temperature": 154.0}))
    floor.do(draft_experiment, NewExperiment("E1", "Is it warm enough?", "board/10", legs))
    hotter = floor.do(draft, floor.id_of(RecipeVersion, "bake@1"), "peak_temperature = 152.5 Cel\n")
    floor.do(submit, hotter.id)
    with serving(floor.database) as site:
        yield site


def cared_for(floor: Floor) -> None:
    """A cell was maintained, a value is outside its limits, and two are certified, one of them no longer."""
    plan(floor, every_s=8 * 3600.0, every_runs=2)
    act = Act("line_engineer", BEGIN + timedelta(hours=6))
    floor.do(maintain, floor.id_of(Equipment, "CELL-2"), "weekly", GOOD | {"force": 60.0}, act=act)
    with floor.database.transaction() as session:
        session.add(Certification(name="cells", title="Work at cells", trainer="line_engineer", valid_s=3600.0))
        session.flush()
        for whom, hours in (("operator", 0), ("manager", 20)):
            certify(session, "cells", whom, None, Role.LINE_ENGINEER, Act("lee", BEGIN + timedelta(hours=hours)))


def wrong_at(floor: Floor, equipment: str) -> None:
    """An alarm stands, and a record of it was rejected."""
    cell = floor.id_of(Equipment, equipment)
    floor.do(set_alarm, cell, "LAMP", 300, "Lamp weak")
    told = Record("j", 1, BEGIN, "", AlarmChange("LAMP", 300, "Lamp weak", is_set=True))
    with floor.database.transaction() as session:
        journal = results.meet(session, cell, Identity(equipment, "cell", "j", "b", 1), BEGIN)
        results.receive(session, journal.id, RecordBatch("j", "b", 1, (told,)))
        results.reject(session, results.pending(session)[0], f"{equipment} has no lamp.")


@pytest.fixture(scope="module")
def look(centre: Site, browser: Browser) -> Iterator[Callable[[str, str, str, int], Page]]:
    """A page of whoever looks, in a theme, a language and a width; signed in once for each."""
    opened: dict[tuple[str, str, str, int], Page] = {}

    def at(role: str, theme: str, language: str, width: int) -> Page:
        if (role, theme, language, width) not in opened:
            context = browser.new_context(
                color_scheme="dark" if theme == "dark" else "light",
                locale=language,
                viewport={"width": width, "height": 900},
            )
            if role:
                form: dict[str, str | float | bool] = {"name": role, "password": PASSWORD}
                context.request.post(f"{centre.address}/sign-in", form=form, headers={"origin": centre.address})
            opened[role, theme, language, width] = context.new_page()
        return opened[role, theme, language, width]

    yield at
    for page in opened.values():
        page.context.close()


def test_every_page_is_shown_here() -> None:
    routes = [route for router in PAGES for route in router.routes if isinstance(route, APIRoute)]
    looked_at = {route.path for route in routes if "GET" in (route.methods or ())}
    pages = {path for path in looked_at - NO_PAGES if not path.endswith(("/stream", "/scan"))}
    assert pages == {shown.route for shown in SHOWN}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_head_of_a_page_is_one_line_on_a_small_desktop(
    language: str, centre: Site, look: Callable[[str, str, str, int], Page]
) -> None:
    page = look("administrator", "light", language, 1366)
    page.goto(f"{centre.address}/administration")
    page.screenshot(path=PICTURES / f"head-{language}.png")
    tops = page.locator("header.bar > *").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert max(tops) < 40, tops
    assert page.locator("header .who a").first.evaluate("one => one.scrollWidth <= one.clientWidth"), "help is cut"


def test_the_head_of_a_page_tells_a_long_title_whole(centre: Site, look: Callable[[str, str, str, int], Page]) -> None:
    page = look("manager", "light", "en", 1400)
    page.goto(f"{centre.address}/me")
    title = page.locator("header .who a").last
    title.evaluate("one => one.textContent = 'Manager of the demonstration centre'")
    assert title.evaluate("one => one.scrollWidth <= one.clientWidth")


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS, ids=lambda given: str(given))
@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.picture)
def test_a_page_is_for_everybody(
    shown: Shown, theme: str, language: str, width: int, centre: Site, look: Callable[[str, str, str, int], Page]
) -> None:
    page = look(shown.role, theme, language, width)
    answer = page.goto(centre.address + shown.address)
    assert answer is not None and answer.ok, answer
    assert page.locator("html").get_attribute("lang") == language
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{shown.picture}-{theme}-{language}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "wider than the screen"
    page.evaluate(AXE.read_text())
    assert page.evaluate(VIOLATIONS) == []
