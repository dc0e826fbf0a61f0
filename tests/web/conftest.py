"""A server with people who can sign in, on a small line, and a browser that shows what it serves."""

import asyncio
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mes.app import create_app
from mes.db import Database, Session
from mes.definitions.clock import set_plant_clock
from mes.http.server import Server
from mes.people.models import Customer, User
from mes.people.roles import Role
from tests.reports.line import Line, utc

expect.set_options(timeout=20_000)
"""Milliseconds to wait for a page: what no event tells of shows within five seconds, on a busy machine later."""

PASSWORD = "correct horse battery"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


OFTEN = SimpleNamespace(**{**vars(asyncio), "sleep": lambda seconds: asyncio.sleep(seconds / 20)})
pytest.MonkeyPatch().setattr("uvicorn.server.asyncio", OFTEN)
"""A server looks often whether it is to stop: at its own pace it kept each test waiting for longer than that took."""

CHEAPLY = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@cache
def hashed() -> str:
    """The one hash of the one password, made so that a sign-in costs a test nothing."""
    return CHEAPLY.hash(PASSWORD)


@dataclass
class Site:
    """A running server over a database."""

    address: str
    server: Server
    database: Database

    @property
    def own(self) -> dict[str, str]:
        """What a browser says of a form of ours."""
        return {"origin": self.address, "sec-fetch-site": "same-origin"}

    @contextmanager
    def client(self, name: str = "", accept: str = "text/html") -> Iterator[httpx.Client]:
        """A client without a browser; signed in if a name is given."""
        with httpx.Client(base_url=self.address, headers={"accept": accept}, timeout=20) as client:
            if name:
                answer = client.post("/sign-in", data={"name": name, "password": PASSWORD}, headers=self.own)
                assert answer.status_code == 303, answer.text
            yield client


Serve = Callable[[], Site]


def people(session: Session) -> None:
    """One person of each role of the centre, named as the role, and one of each customer, named as the customer."""
    for role in set(Role) - {Role.CUSTOMER}:
        session.add(User(name=role, title=role.replace("_", " ").title(), role=role, password_hash=hashed()))
    for customer in session.query(Customer):
        name, title = customer.name, f"Engineer of {customer.title}"
        session.add(User(name=name, title=title, role="customer", belongs_to_id=customer.id, password_hash=hashed()))


@contextmanager
def serving(database: Database, app: FastAPI | None = None, **settings: Any) -> Iterator[Site]:
    """The application on a free port, stopped in order, with further settings of the server."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = Server(app or create_app(database), "127.0.0.1", port, log_level="warning", **settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{port}", server, database)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive(), "the server did not stop"


@pytest.fixture
def serve(database: Database) -> Iterator[Serve]:
    """Starts a server over the test's database; it outlives every page that the test opens."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(serving(database))


@pytest.fixture
def bare_site(database: Database, serve: Serve) -> Site:
    """A server before anything is there but the people who run it."""
    with database.transaction() as session:
        people(session)
    return serve()


@pytest.fixture
def line(database: Database) -> Line:
    """A line at 20:00 UTC of the second: A1 runs, A2 waits with alpha, B1 waits and is held, B2 is done."""
    with database.transaction() as session:
        line = Line(session)
        people(session)
        set_plant_clock(session, utc("02T20:00"), 0)
        for equipment in line.equipment.values():
            session.merge(equipment).connected = True
        at = {n: operation.id for n, operation in line.operations.items()}
        line.lot("A1", "alpha", "running", operation_id=at[20], substrates=2, units=20)
        line.lot("A2", "alpha", "queued", operation_id=at[20], substrates=1, units=10)
        line.lot("B1", "beta", "queued", operation_id=at[20], substrates=1, units=9, due_at=utc("05T00:00"))
        line.lot("B2", "beta", "completed", ended_at=utc("02T12:00"))
        line.substrate("A1.1", 20, "ordered", "02T10:00")
        line.substrate("A1.2", 20, "ordered", "02T10:00")
        line.substrate("A2.1", 20, "queued", "02T16:50")
        line.substrate("B1.1", 20, "queued", "02T10:00", REJECTED=1)
        line.substrate("B2.1", None, "finished")
        line.hold("B1")
        first = line.run(1, 10, "OV-1")
        for name, counts in {"A1.1": (10, 0, 0), "A1.2": (9, 1, 0), "B1.1": (9, 1, 0), "B2.1": (10, 0, 0)}.items():
            line.work(first, name, counts, "02T10:00")
        line.work(line.run(2, 20, "OV-2"), "B2.1", (8, 2, 0), "02T11:00")
        second = line.run(3, 20, "OV-1", "running")
        line.work(second, "A1.1", (0, 0, 0), None, work="waiting")
        line.work(second, "A1.2", (0, 0, 0), None, work="waiting")
    return line


@pytest.fixture
def site(line: Line, serve: Serve) -> Site:
    """A server over the line."""
    return serve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that Playwright has fetched; without a window it takes half the CPU.

    For one file of tests: while Playwright is open no other loop can run, which tests of other files need.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    system = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        path = system or playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("NO BROWSER: the pages were not tested. `make browser` installs one.")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in a browser of its own, and everything that went wrong or left the host on the way."""

    page: Page
    site: Site
    wrong: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def sign_in(self, name: str) -> Page:
        """Sign in by the form."""
        self.page.goto(self.site.address)
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page).not_to_have_url(f"{self.site.address}/sign-in")
        return self.page


Visiting = Callable[[Site], Visit]


@pytest.fixture
def visit(browser: Browser, serve: Serve) -> Iterator[Visiting]:
    """Opens browsers; at the end none may have complained, nor asked another host for anything.

    They close before the servers do: a page whose server has gone complains.
    """
    visits: list[Visit] = []

    def begin(site: Site) -> Visit:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        visit = Visit(page, site)
        page.on("pageerror", lambda error: visit.wrong.append(str(error)))
        page.on("console", lambda said: visit.wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("request", lambda r: None if r.url.startswith(site.address + "/") else visit.strangers.append(r.url))
        visits.append(visit)
        return visit

    yield begin
    for visit in visits:
        visit.page.context.close()
        assert not visit.strangers
        assert not visit.wrong
