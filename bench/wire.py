"""How heavy the pages are and how soon they show: bytes on the wire, and first paint in a throttled Chromium."""

import re
import shutil
from collections.abc import Iterator

import httpx
from playwright.sync_api import Browser, sync_playwright

from bench.database import demonstration
from bench.measure import Figure, Report, Size, middle
from bench.served import NAME, SECRET, Served, engineer, mes_serve

PAGES = ("/sign-in", "/terminal", "/board", "/lots", "/reports/yield", "/equipment", "/administration")
BUDGET_KB, BUDGET_S = 100.0, 1.0
LOADS, QUICK_LOADS = 5, 1
SLOWER = 4
"""Times the CPU of the terminal is slower than this machine."""
NETWORK = {"offline": False, "latency": 40, "downloadThroughput": 1_250_000, "uploadThroughput": 625_000}
"""A poor wireless link of the clean room: 10 Mbit/s down, 40 ms."""
BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def run(size: Size) -> Report:
    """Each page of a line engineer, nothing kept from before."""
    with demonstration() as bench:
        engineer(bench)
        with mes_serve(bench) as served, sync_playwright() as playwright:
            path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            figures = tuple(_figures(served, browser, QUICK_LOADS if size is Size.QUICK else LOADS))
            browser.close()
    note = f"First paint: CPU {SLOWER} times slower, 10 Mbit/s, 40 ms, empty cache. Bytes: page and assets, compressed."
    return Report(figures, notes=(note,))


def _figures(served: Served, browser: Browser, loads: int) -> Iterator[Figure]:
    with served.client() as client:
        client.headers["accept-encoding"] = "gzip"
        client.post("/sign-in", data={"name": NAME, "password": SECRET}, headers={"origin": served.address})
        for page in PAGES:
            if client.get(page, headers={"accept": "text/html"}).status_code == 404:
                continue
            yield Figure(f"{page}, bytes on the wire", _kilobytes(client, page), "kB", budget=BUDGET_KB)
            paints = [_first_paint(served, browser, page, dict(client.cookies)) for _ in range(loads)]
            yield Figure(f"{page}, first paint", middle(paints), "s", budget=BUDGET_S, more={"loads": loads})


def _kilobytes(client: httpx.Client, page: str) -> float:
    shown = client.get(page, headers={"accept": "text/html"})
    assets = dict.fromkeys(re.findall(r'(?:src|href)="(/static/[^"]+)"', shown.text))
    answers = [shown, *(client.get(asset) for asset in assets)]
    return sum(answer.num_bytes_downloaded for answer in answers) / 1000


def _first_paint(served: Served, browser: Browser, page: str, cookies: dict[str, str]) -> float:
    context = browser.new_context()
    context.add_cookies([{"name": n, "value": v, "url": served.address} for n, v in cookies.items()])
    opened = context.new_page()
    throttle = context.new_cdp_session(opened)
    throttle.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    throttle.send("Network.enable")
    throttle.send("Network.emulateNetworkConditions", NETWORK)
    opened.goto(served.address + page, wait_until="load")
    opened.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    painted = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return float(painted) / 1000
