"""A map of 60,000 positions drawn by the page's own script in Chromium, beside the bare drawing of a ready image.

Nothing is served: the browser's requests are answered here, with the page as it is rendered and the bytes as they
are sent.
"""

import mimetypes
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, sync_playwright

from bench.maps import COLUMNS, ROWS, some_bins
from bench.measure import Figure, Report, Size, beside, middle
from mes.lots.maps.api import as_bytes
from mes.units.formats.mapfile import SubstrateMap
from mes.web.pages import HERE, View, render
from mes.web.substrate import Address
from mes.web.substrate_legend import of_bins, states

BUDGET_MS = 50.0
HOST = "http://map.test"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu")
NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")

DRAWN = """async () => {
  const canvas = document.getElementById("map");
  const began = performance.now();
  document.querySelector("#legend button").click(); // other colours: everything is painted anew
  const painted = performance.now() - began;
  await new Promise(requestAnimationFrame);
  const drawn = performance.getEntriesByName("map").at(-1).duration;
  const asked = performance.now();
  canvas.getContext("2d").getImageData(0, 0, 1, 1); // what was put off is done now
  return painted + drawn + performance.now() - asked;
}"""
ZOOMED = """async () => {
  const canvas = document.getElementById("map");
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
  await new Promise(requestAnimationFrame);
  const drawn = performance.getEntriesByName("map").at(-1).duration;
  const asked = performance.now();
  canvas.getContext("2d").getImageData(0, 0, 1, 1);
  return drawn + performance.now() - asked;
}"""
BARE = """async ([columns, rows]) => {
  const map = document.getElementById("map");
  window.bare ??= Object.assign(document.createElement("canvas"), { width: map.width, height: map.height });
  const image = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const pixels = new ImageData(new Uint8ClampedArray(4 * columns * rows).fill(200), columns, rows);
  const context = window.bare.getContext("2d");
  await new Promise(requestAnimationFrame);
  const began = performance.now();
  image.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, map.width, map.height);
  context.getImageData(0, 0, 1, 1);
  return performance.now() - began;
}"""


def run(size: Size) -> Report:
    """Everything painted anew, and zoomed in step by step until single marks can be read."""
    rounds = 5 if size is Size.QUICK else 15
    with _page() as page:
        first_ms = page.evaluate("performance.getEntriesByName('map')[0].duration")
        whole, bare = _in_turn(page, DRAWN, rounds)
        zoomed, bare_too = _in_turn(page, ZOOMED, 9)
    more: dict[str, float | int | str] = {"positions": ROWS * COLUMNS, "first": round(first_ms, 1)}
    figures: tuple[Figure, ...] = (
        beside("draw a map of 60,000", "ms", whole, bare, budget=BUDGET_MS, more=more),
        beside("zoom a step in", "ms", zoomed, bare_too, budget=BUDGET_MS, more={"slowest": middle([max(zoomed)])}),
    )
    return Report(figures, "Chromium puts a ready image of as many pixels on a canvas of that size")


def _in_turn(page: Page, script: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of both by round; the first round only warms up."""
    pairs = [(page.evaluate(script), page.evaluate(BARE, [COLUMNS, ROWS])) for _ in range(rounds + 1)][1:]
    return [one for one, _ in pairs], [max(bare, 0.1) for _, bare in pairs]  # the browser's clock has steps of 0.1 ms


@contextmanager
def _page() -> Iterator[Page]:
    """The page with the map drawn, 1400 pixels wide."""
    system = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        path = system or playwright.chromium.executable_path
        if not Path(path).exists():
            raise FileNotFoundError("There is no Chromium; `make browser` installs one.")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.route("**/*", _answer)
        page.goto(f"{HOST}/")
        page.wait_for_selector("#map[data-drawn]")
        yield page
        browser.close()


def _answer(route: Route) -> None:
    path = urlsplit(route.request.url).path
    if path.startswith("/static/"):
        kind = mimetypes.guess_type(path)[0] or ""
        route.fulfill(body=(HERE / path.removeprefix("/")).read_bytes(), content_type=kind)
    elif path.startswith("/api/"):
        bins = some_bins()
        sent = as_bytes(SubstrateMap("W-1", "Wafer", "Dies", ROWS, COLUMNS, overlays=(bins,)), bins)
        route.fulfill(body=bytes(sent.body), headers=dict(sent.headers))
    else:
        route.fulfill(body=render("substrate.html", View(), **context()), content_type="text/html")


def context() -> dict[str, Any]:
    """What the page is rendered with; nothing of it is read from a database."""
    entries = of_bins(some_bins())
    known = SimpleNamespace(name="W-1", product="die", lot="L-1", owner="alpha")
    layout = SimpleNamespace(columns=COLUMNS, rows=ROWS, pitch_x_um=900.0, pitch_y_um=1400.0)
    return {
        "path": "", "person": None, "now_ms": 0, "navigation": [], "can": frozenset(), "known": known,
        "substrate": SimpleNamespace(kind="wafer", assumed_map=False), "layout": layout, "layers": [], "others": [],
        "tested": [], "layer": "bin:incoming", "version": 1, "entries": entries, "states": states(),
        "plant": {"zone": "UTC"},
        "units": sum(entry.count for entry in entries), "positions": ROWS * COLUMNS, "centre": True,
        "verbs": [], "warnings": [], "zones": [], "looked": False, "signatures": [],
        "together": 1, "stack": None, "kept": 0, "masked": 0, "address": Address("alpha", "W-1", "bin:incoming", None),
    }  # fmt: skip
