"""What one request may take: time in the database, time to send its body; and a stop that finishes what runs."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import text

from mes.app import create_app
from mes.db import Database
from mes.http import heads, problem
from mes.http.heads import HEAD_LIMIT
from mes.http.transaction import Tx
from mes.people.access import OPEN
from tests.web.conftest import Site, serving

QUICK_S = 0.2


@pytest.fixture
def hasty(database: Database) -> Iterator[Database]:
    """The database, with little time for a statement."""
    hasty = Database(database.url, statement_timeout_s=QUICK_S)
    yield hasty
    hasty.close()


def test_a_statement_that_takes_too_long_is_broken_off_and_changes_nothing(hasty: Database) -> None:
    app = create_app(hasty)

    def work(session: Tx, seconds: float) -> str:
        session.execute(text("insert into customer (name, title) values ('slow', 'Slow')"))
        session.execute(text("select pg_sleep(:s)"), {"s": seconds})
        return "done"

    app.add_api_route("/work", work, methods=["POST"], dependencies=[OPEN])
    with serving(hasty, app) as site, site.client(accept="application/json") as client:
        answer = client.post("/work?seconds=30")
        assert (answer.status_code, answer.json()["code"]) == (503, "took_too_long")
        assert "nothing was changed. Ask for less at once" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "5"
        assert client.post("/work?seconds=0").json() == "done"  # which the name of the customer lets happen once
        page = client.post("/work?seconds=0", headers={"accept": "text/html"})
        assert page.status_code == 500


def test_a_body_that_does_not_come_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem, "BODY_S", 0.2)
    host, port = site.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        form = b"Content-Length: 100\r\nContent-Type: application/x-www-form-urlencoded"
        slow.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x\r\n" + form + b"\r\n\r\nname=")
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")
    with site.client() as client:
        assert client.get("/sign-in").status_code == 200


def connected(site: Site) -> socket.socket:
    host, port = site.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def test_a_head_that_does_not_come_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_S", 0.2)
    with connected(site) as silent, connected(site) as slow, connected(site) as second:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        second.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert second.recv(1000).startswith(b"HTTP/1.1 200 ")
        second.sendall(b"GET /health/live HTTP/1.1\r\n")
        for connection in (silent, slow, second):
            assert ended(connection)


def ended(connection: socket.socket) -> bool:
    """Whether the server closes it, after whatever else it says."""
    try:
        while connection.recv(10_000):
            pass
    except ConnectionResetError:
        pass
    return True  # else the time of the socket was over


def test_a_head_is_bounded_and_a_long_one_within_the_bound_is_read(site: Site) -> None:
    with connected(site) as fits, connected(site) as large:
        fits.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * (HEAD_LIMIT - 1000) + b"\r\n\r\n")
        assert fits.recv(1000).startswith(b"HTTP/1.1 200 ")
        with contextlib.suppress(ConnectionError):
            large.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * (10 * HEAD_LIMIT))
        assert ended(large)


def test_time_for_a_head_is_no_time_for_work(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_S", 0.2)
    board = {"accept": "text/event-stream"}
    with site.client("operator") as client, client.stream("GET", "/board/stream", headers=board) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("data:")
        told = [client.get("/health/live").status_code for _ in range(3)]
        with site.database.transaction() as session:
            session.execute(text("update equipment set state = 'UDT' where name = 'OV-2'"))
        assert any("UDT" in line for line in lines)  # at most five seconds later
    assert told == [200] * 3


def test_a_stop_answers_what_runs_and_takes_no_more(database: Database) -> None:
    app, begun, stopping = create_app(database), threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        return "whole" if stopping.wait(timeout=20) else "the stop did not begin"

    app.add_api_route("/work", work, dependencies=[OPEN])
    app.state.before_stop.append(stopping.set)
    with ThreadPoolExecutor(1) as pool:
        with serving(database, app) as site:
            running = pool.submit(httpx.get, f"{site.address}/work", timeout=30)
            assert begun.wait(timeout=20)
        assert running.result().json() == "whole"
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{site.address}/health/live")
