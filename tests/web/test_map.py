"""The map of a substrate in a real browser: its pixels are what the table counts, and every key and word works."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from mes.db import Database
from mes.definitions.models import Layout
from mes.lots.holds.hold import release_hold
from mes.lots.models import Lot
from mes.lots.work import run_course
from mes.people.roles import Role
from mes.units.arrival import Arrival
from mes.units.formats.e142 import read_e142
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, SubstrateMap
from mes.units.layers import write_layer, write_texts
from mes.units.models import Layer, Substrate
from mes.units.states import Disposition
from tests.checks.shop import run_shop
from tests.shop import BEGIN, Floor, mapped
from tests.web.conftest import Serve, Site, Visit, Visiting, people

CODES = [[0, 1, 1, 0], [1, 9, 1, 5], [1, 1, 9, 1]]
"""0 is nothing, 5 is not defined."""

COUNT_COLOURS = """canvas => {
  const [left, top, wide, high] = canvas.dataset.drawn.split(" ").map(Number);
  const { rows, columns } = JSON.parse(canvas.dataset.map);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const pixels = copy.getImageData(0, 0, canvas.width, canvas.height);
  const counted = {};
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
    const part = Math.min(wide, high) < 8 ? 0.5 : 0.25;
    const [across, down] = [Math.floor(left + (x + part) * wide), Math.floor(top + (y + part) * high)];
    const at = 4 * (down * pixels.width + across);
    const colour = pixels.data[at + 3] ? `rgb(${[...pixels.data.slice(at, at + 3)].join(", ")})` : "none";
    counted[colour] = (counted[colour] ?? 0) + 1;
  }
  return counted;
}"""
"""Positions by the colour of a pixel that is beside the mark."""


@pytest.fixture
def shown(floor: Floor, serve: Serve) -> Site:
    """Wafer W1 of alpha with a map of bins, W2 without, and another W1 of beta."""
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("D1", "die", mapped("W1", CODES), "W2")
    with floor.database.transaction() as session:
        wafer = session.get_one(Substrate, floor.substrate("W1"))
        write_texts(session, wafer, "id:dies", [f"d{n}" for n in range(12)], at=BEGIN, source="a test")
    floor.arrive("D2", "die", mapped("W1", [[1] * 4] * 3), customer="beta")
    return serve()


def opened(visited: Visit, path: str, name: str = "yield_engineer") -> Page:
    """A page with a map that has been drawn."""
    page = visited.sign_in(name)
    page.goto(f"{visited.site.address}{path}")
    expect(page.locator("#map[data-drawn]")).to_be_visible()
    return page


def table(page: Page) -> dict[str, int]:
    """What the table counts, by the colour that it says it has; positions of which nothing is drawn as none."""
    rows = page.locator("#legend tbody tr").evaluate_all(
        "rows => rows.map(r => [r.dataset.code ? r.querySelector('.swatch').style.backgroundColor : 'none',"
        " Number(r.querySelector('.count').textContent.replace(/\\s/g, ''))])"
    )
    assert len({colour for colour, _ in rows}) == len(rows)
    return {colour: count for colour, count in rows if count}


def pixels(page: Page) -> dict[str, int]:
    counted: dict[str, int] = page.locator("#map").evaluate(COUNT_COLOURS)
    return counted


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pixels_are_what_the_table_counts(shown: Site, visit: Visiting, scheme: Any) -> None:
    visited = visit(shown)
    visited.page.emulate_media(color_scheme=scheme)
    page = opened(visited, "/substrates/alpha/W1?layer=bin:incoming")
    assert table(page) == pixels(page)
    assert sorted(pixels(page).values()) == [1, 2, 2, 7]
    unknown = page.locator("#legend tr[data-code='5']")
    expect(unknown).to_contain_text("unknown bin")
    expect(page.get_by_text("Not drawn here, but told of each unit: id:dies.")).to_be_visible()
    expect(page.locator("#legend caption")).to_contain_text("of the 10 units")
    expect(page.locator("#legend tr[data-code='9']")).to_contain_text("20.00")
    page.get_by_role("link", name="What became of them").click()
    expect(page.locator("#map[data-drawn]")).to_be_visible()
    assert table(page) == pixels(page)
    assert sorted(pixels(page).values()) == [2, 3, 7]


def test_the_keyboard_goes_from_position_to_position_and_to_the_unit(shown: Site, visit: Visiting) -> None:
    page = opened(visit(shown), "/substrates/alpha/W1?layer=bin:incoming&x=1&y=0")
    told = page.locator("#told")
    expect(told).to_have_text("x 1, y 0 · bin 1 pass · in process, not yet to be picked")
    page.locator("#map").focus()
    page.keyboard.press("ArrowDown")
    expect(told).to_have_text("x 1, y 1 · bin 9 fail · not for use, not to be picked")
    page.keyboard.press("End")
    expect(told).to_have_text("x 3, y 1 · bin 5 unknown bin · not for use, not to be picked")
    page.keyboard.press("PageUp")
    expect(told).to_have_text("x 3, y 0 · no bin · no unit")
    expect(page.locator("#open")).to_be_hidden()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowRight")
    for key in ("+", "+", "-", "0"):
        page.keyboard.press(key)
    link = page.get_by_role("link", name="What became of them")
    expect(link).to_have_attribute("href", f"{shown.address}/substrates/alpha/W1?x=1&y=0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Unit x 1, y 0 of W1")).to_be_visible()
    page.go_back()
    expect(told).to_contain_text("x 1, y 0")


def test_the_pointer_tells_chooses_and_zooms(shown: Site, visit: Visiting) -> None:
    page = opened(visit(shown), "/substrates/alpha/W1?layer=bin:incoming")
    page.mouse.move(*middle(page, 2, 2))
    expect(page.locator("#told")).to_contain_text("x 2, y 2 · bin 9 fail")
    page.mouse.click(*middle(page, 2, 1))
    expect(page.locator("#open")).to_have_attribute("href", "/units/alpha/W1/2/1")
    before = width(page)
    page.mouse.wheel(0, -100)
    expect(page.locator("#map.moved")).to_be_visible()
    assert width(page) > before
    at = middle(page, 2, 1)
    page.mouse.down()
    page.mouse.move(at[0] + 40, at[1] + 30)
    page.mouse.up()
    page.mouse.move(*middle(page, 2, 1))
    expect(page.locator("#told")).to_contain_text("x 2, y 1")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#map.moved")).to_have_count(0)
    page.wait_for_selector(f"#map[data-drawn*=' {before} ']")


def test_positions_are_picked_from_the_map_and_get_another_bin(floor: Floor, shown: Site, visit: Visiting) -> None:
    page = opened(visit(shown), "/substrates/alpha/W1?layer=bin:incoming&x=1&y=0")
    page.get_by_role("button", name="Edit the bin of x 1, y 0").click()
    page.locator("#map").press("ArrowRight")
    page.get_by_role("button", name="Edit the bin of x 2, y 0").click()
    page.get_by_text("Give units a bin of failures", exact=True).first.click()
    form = page.locator("form[action$='/downgrade']")
    expect(form.locator("input[name=at]")).to_have_value("1,0 2,0")
    form.locator("input[name=bin]").fill("9")
    form.locator("input[name=reason]").fill("scratch")
    form.locator("textarea[name=why]").fill("seen")
    form.get_by_role("button").click()
    page.wait_for_url("**/lots/alpha/D1")
    assert floor.ledger("D1")["scrapped"] == 2


def test_one_bin_is_shown_alone(shown: Site, visit: Visiting) -> None:
    page = opened(visit(shown), "/substrates/alpha/W1?layer=bin:incoming")
    before = pixels(page)
    drawn = page.locator("#map").get_attribute("data-drawn")
    only = page.locator("#legend tr[data-code='9'] button")
    only.press("Enter")
    expect(only).to_have_attribute("aria-pressed", "true")
    page.locator("#map").evaluate("() => new Promise(requestAnimationFrame)")
    after = pixels(page)
    assert page.locator("#map").get_attribute("data-drawn") == drawn
    kept = set(before) & set(after)
    assert sorted(before[colour] for colour in kept) == [2, 2]  # the bin, and where nothing is
    only.press("Enter")
    page.locator("#map").evaluate("() => new Promise(requestAnimationFrame)")
    assert pixels(page) == before


def test_a_substrate_without_bins_says_what_to_do(shown: Site, visit: Visiting) -> None:
    visited = visit(shown)
    page = opened(visited, "/substrates/alpha/W2", "line_engineer")
    expect(page.get_by_role("heading", name="No map of bins yet")).to_be_visible()
    expect(page.get_by_text("mes map import")).to_be_visible()
    expect(page.locator("#legend")).to_contain_text("in process")
    page.get_by_role("link", name="Lot D1").click()
    page.get_by_role("link", name="W1", exact=True).click()
    expect(page.get_by_role("heading", name="Substrate W1")).to_be_visible()


def test_a_load_shows_the_bins_of_its_units_and_where_they_were_tested(
    database: Database, tmp_path: Path, serve: Serve, visit: Visiting
) -> None:
    run_shop(database, tmp_path / "world.sqlite")
    with database.transaction() as session:
        people(session)
        interposer = session.query(Substrate).filter_by(name="I1").one()
        bins = np.array([[1, 2], [1, 1]], np.uint8)
        write_layer(session, interposer, "bin:package/10", bins, at=BEGIN, source="J-9", palette={})
        session.query(Layer).filter_by(name="bin:package/30").delete()
    page = opened(visit(serve()), "/substrates/alpha/P.01", "alpha")
    expect(page.get_by_text("No map of bins yet")).to_have_count(0)
    page.get_by_role("link", name="Bins of package/10").click()
    expect(page.locator("#map[data-drawn]")).to_be_visible()
    assert table(page) == pixels(page)
    assert sorted(pixels(page).values()) == [1, 1]
    expect(page.get_by_text("Tested before the units moved here, on:")).to_be_visible()
    page.get_by_role("link", name="I1").click()
    expect(page.get_by_role("heading", name="I1")).to_be_visible()
    expect(page.get_by_role("link", name="Version 1")).to_have_attribute("aria-current", "page")


def test_versions_of_a_layer_are_told_apart(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    for bins in ([[7, 7], [1, 1]], [[1, 2], [0, 0]]):
        run = floor.begin("CELL-1", "B1")
        floor.report(run, "S1", bins=bins)
        floor.end(run)
    site = serve()
    page = opened(visit(site), "/substrates/alpha/S1?layer=bin:board/20", "alpha")
    assert sorted(pixels(page).values()) == [1, 3]
    assert "J-0" not in page.content()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("link", name="Version 1")).to_have_attribute("aria-current", "page")
    expect(page.locator("#map[data-drawn]")).to_be_visible()
    assert table(page) == pixels(page)
    assert sorted(pixels(page).values()) == [2, 2]


def test_substrates_of_a_lot_are_laid_upon_each_other(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    maps = [
        [[9, 1, 1, 0], [9, 1, 9, 0], [1, 1, 1, 1]],
        [[9, 1, 1, 1], [1, 1, 9, 0], [1, 1, 1, 1]],
        [[9] * 4] + [[1] * 4] * 2,
    ]
    floor.arrive("D1", "die", *(mapped(f"W{n}", codes) for n, codes in enumerate(maps, 1)), "W4")
    floor.arrive("D2", "die", mapped("W5", [[9] * 4] * 3))
    site = serve()
    page = opened(visit(site), "/substrates/alpha/W2?layer=bin:incoming", "alpha")
    page.get_by_role("link", name="3 substrates of the lot, stacked").click()
    expect(page.locator("#legend caption")).to_contain_text("of the 12 positions")
    assert page.locator("#legend th[scope=row]").all_inner_texts() == [f"failed on {n} of 3" for n in range(4)]
    assert page.locator("#legend .count").all_inner_texts() == ["6", "4", "1", "1"]
    expect(page.locator("#map[data-drawn]")).to_be_visible()
    assert table(page) == pixels(page)
    page.mouse.move(*middle(page, 2, 1))
    expect(page.locator("#told")).to_have_text("x 2, y 1 · failed on 2 of 3")
    zones = page.locator("#zones tbody tr").all_inner_texts()
    assert [zone.split("\t") for zone in zones[:2]] == [["Edge", "20", "27", "74.07"], ["Centre", "4", "6", "66.67"]]
    page.get_by_role("link", name="Look for signatures").click()
    expect(page.get_by_text("Failures fall as chance would have them")).to_be_visible()
    page.get_by_role("link", name="What became of them").click()
    page.get_by_role("link", name="4 substrates of the lot, stacked").click()
    assert page.locator("#legend .count").all_inner_texts() == ["12"]  # never meant to be used is no failure
    with site.client("beta") as beta:
        assert beta.get("/substrates/alpha/W2/stack").status_code == 404


def test_units_that_are_reserved_are_told(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.stock("D1", "die", mapped("W1", CODES))
    floor.arrive("P1", "package", "I1")
    run = floor.order("CELL-1", "P1", sources=["W1"])
    site = serve()
    page = opened(visit(site), "/substrates/alpha/W1?x=1&y=0", "alpha")
    expect(page.locator("#told")).to_have_text("x 1, y 0 · completed, may be picked · reserved for a run")
    expect(page.get_by_text("7 units are reserved for runs that have not ended.")).to_be_visible()
    page.mouse.move(*middle(page, 1, 1))
    expect(page.locator("#told")).to_have_text("x 1, y 1 · not for use, not to be picked")
    page.locator("#open").click()
    expect(page.locator(".facts")).to_contain_text("may be picked · reserved for a run")
    floor.do(run_course.abort, run, "tried")
    stock = floor.id_of(Lot, "D1")
    held = {"code": "dust", "why": "seen", "owner": "line_engineer", "positions": "W1 1,0 0,1\r\n"}
    with site.client("line_engineer") as engineer:
        assert (
            engineer.post("/lots/alpha/D1/hold", data=held | {"positions": "W1 0,0"}, headers=site.own).status_code
            == 422
        )
        assert engineer.post("/lots/alpha/D1/hold", data=held, headers=site.own).status_code == 303
    page.goto(f"{site.address}/substrates/alpha/W1?x=1&y=0")
    stays = "masked by a hold, so not to be picked"
    expect(page.locator("#told")).to_have_text(f"x 1, y 0 · completed, may be picked · {stays}")
    expect(page.get_by_text("2 units are masked by holds: they are not picked, moved or shipped.")).to_be_visible()
    page.locator("#open").click()
    expect(page.locator(".facts")).to_contain_text(f"may be picked · {stays}")
    page.goto(f"{site.address}/lots/alpha/D1")
    expect(page.get_by_text("masks 2 units; the lot goes on")).to_be_visible()
    floor.do(release_hold, stock, floor.holds("D1")[0].id, "blown off", Role.ADMINISTRATOR)
    page.goto(f"{site.address}/substrates/alpha/W1?x=1&y=0")
    expect(page.locator("#told")).to_have_text("x 1, y 0 · completed, may be picked")
    with site.client("beta") as beta:
        assert beta.get("/substrates/alpha/W1/reserved").status_code == 404


def test_sixty_thousand_positions(floor: Floor, serve: Serve, visit: Visiting) -> None:
    with floor.database.transaction() as session:
        people(session)
        session.query(Layout).filter_by(name="dies").update({"rows": 200, "columns": 300})
    chance = np.random.default_rng(7)
    codes = chance.choice(np.array([0, 1, 2, 300, 17], np.uint16), (200, 300), p=(0.1, 0.8, 0.05, 0.04, 0.01))
    definitions = (BinDefinition(1, quality="Pass"), *(BinDefinition(code, quality="Fail") for code in (2, 17, 300)))
    bins = BinCodes(name="Bins", bin_type=BinType.INTEGER2, null_bin=0, codes=codes, definitions=definitions)
    floor.arrive("D1", "die", Arrival("W1", SubstrateMap("W1", "Wafer", "dies", 200, 300, overlays=(bins,))))
    site = serve()
    page = opened(visit(site), "/substrates/alpha/W1?layer=bin:incoming")
    assert sorted(pixels(page).values()) == sorted(Counter(codes.ravel().tolist()).values())
    assert table(page) == pixels(page)


def test_customers_see_their_own_maps_alone(shown: Site) -> None:
    with shown.client("alpha") as alpha, shown.client("beta") as beta, shown.client("operator") as centre:
        assert "20.00" in alpha.get("/substrates/alpha/W1?layer=bin:incoming").text
        assert "100.00" in beta.get("/substrates/beta/W1?layer=bin:incoming").text
        assert centre.get("/substrates/beta/W1").status_code == 200
        for end in ("", "?layer=bin:incoming", "/map.xml", "/map.csv", "/map.json"):
            there, absent = (alpha.get(f"/substrates/{of}/W1{end}") for of in ("beta", "gamma"))
            assert there.status_code == 404
            assert without_its_own(there.text) == without_its_own(absent.text)


def test_the_map_is_given_as_files(shown: Site) -> None:
    with shown.client("alpha") as alpha:
        asked = "?layer=bin:incoming"
        file = alpha.get(f"/substrates/alpha/W1/map.xml{asked}")
        assert "filename*=UTF-8''W1%20bin%3Aincoming.xml" in file.headers["content-disposition"]
        assert [one.id for one in read_e142(file.content).substrates] == ["W1"]
        assert json.loads(alpha.get(f"/substrates/alpha/W1/map.json{asked}").text)["codes"] == CODES
        (bins, *_) = read_e142(file.content).substrates[0].overlays
        assert isinstance(bins, BinCodes)
        assert [(d.code, d.count, d.quality) for d in bins.definitions] == [
            (1, 7, "Pass"),
            (5, 1, "Fail"),
            (9, 2, "Fail"),
        ]
        lines = alpha.get(f"/substrates/alpha/W1/map.csv{asked}").text.splitlines()
        assert (lines[0], len(lines)) == ("x,y,code,name,quality,disposition", 11)
        assert lines[4:6] == ["1,1,9,,Fail,not_for_use", "2,1,1,,Pass,in_process"]
        for path in ("map.png", "map.xml?layer=nothing", "map.json?layer=id:dies", "map.xml?version=9999"):
            assert alpha.get(f"/substrates/alpha/W1/{path}").status_code == (200 if "version" in path else 404)


@pytest.mark.parametrize(("scheme", "darker"), [("light", "bad"), ("dark", "calm")])
def test_every_disposition_has_its_shade_and_the_abnormal_their_marks(
    floor: Floor, serve: Serve, visit: Visiting, scheme: Any, darker: str
) -> None:
    with floor.database.transaction() as session:
        people(session)
    floor.arrive("D1", "die", "W1")
    with floor.database.transaction() as session:
        session.query(Substrate).update({"dispositions": bytes(Disposition)})
    site = serve()
    visited = visit(site)
    visited.page.emulate_media(color_scheme=scheme)
    page = opened(visited, "/substrates/alpha/W1")
    assert len(table(page)) == len(Disposition)
    greys = {tone: sorted(lightness(page, tone)) for tone in ("calm", "bad")}
    lighter = {"bad": "calm", "calm": "bad"}[darker]
    assert max(greys[darker]) < min(greys[lighter]) - 30  # of 255: told apart without colour
    assert table(page) == pixels(page)
    bad = page.locator("#legend tr[data-tone='bad']")
    marks = bad.locator(".swatch").all_inner_texts()
    assert bad.locator("th").all_inner_texts() == ["suspect", "rejected", "scrapped", "lost"]
    assert all(marks)
    assert len(set(marks)) == len(marks)


def lightness(page: Page, tone: str) -> list[float]:
    """Of the calm or of the abnormal swatches, as a grey from 0 to 255."""
    swatches = page.locator(f"#legend tr[data-tone='{tone}'] .swatch")
    colours = swatches.evaluate_all("all => all.map(one => one.style.backgroundColor.match(/\\d+/g).map(Number))")
    return [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in colours]


def without_its_own(page: str) -> str:
    """A page without the time at which it was made and the id of the request."""
    return re.sub(r'now-ms="\d+"|Request \w{32}', "", page)


def middle(page: Page, x: int, y: int) -> tuple[float, float]:
    """Where on the page a position is."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    left, top, wide, high = (float(number) for number in str(page.locator("#map").get_attribute("data-drawn")).split())
    return box["x"] + left + (x + 0.5) * wide, box["y"] + top + (y + 0.5) * high


def width(page: Page) -> float:
    """Of a position, in pixels."""
    wide = str(page.locator("#map").get_attribute("data-drawn")).split()[2]
    return float(wide)
