"""Every request has an id: in its answer, on a page that tells of an error, and on every line logged for it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from mes.app import create_app
from mes.db import Database
from mes.http.requests import HEADER
from mes.people.access import OPEN
from tests.reports.line import Line
from tests.web.conftest import PASSWORD, Site, serving

IDS = "0123456789abcdef"


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What is logged, as the processes log it."""
    with capture_logs([merge_contextvars]) as lines:
        yield lines


def test_every_answer_has_an_id_of_its_own(site: Site) -> None:
    with site.client("operator") as client:
        answers = [client.get(p) for p in ("/board", "/board", "/nowhere", "/static/style.css", "/static/none")]
        answers += [client.head("/board"), client.post("/sign-out", headers={"origin": "http://elsewhere.example"})]
    ids = {answer.headers[HEADER] for answer in answers}
    assert len(ids) == len(answers)
    assert all(len(one) == 32 and set(one) <= set(IDS) for one in ids)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req-7/A.b~c:1=+@", True),
        ("x" * 100, True),
        ("x" * 101, False),
        ("", False),
        ("two words", False),
        ('"><script>', False),
        ("größe", False),
        ("a\tb", False),
    ],
)
def test_an_id_that_comes_along_is_kept_if_it_is_well_formed(site: Site, given: str, kept: bool) -> None:  # noqa: FBT001
    answer = httpx.get(f"{site.address}/health/live", headers={HEADER.encode(): given.encode()})
    assert (answer.headers[HEADER] == given) is kept
    assert answer.headers.get_list(HEADER) == [answer.headers[HEADER]]


def test_a_page_that_tells_of_an_error_names_its_request_and_json_does_not_differ(site: Site) -> None:
    with site.client("operator") as client:
        answer = client.get("/nowhere")
        assert f"Request {answer.headers[HEADER]}<" in answer.text
        absent = [client.get(f"/nowhere/{n}", headers={"accept": "application/json"}) for n in range(2)]
    assert absent[0].headers[HEADER] != absent[1].headers[HEADER]
    assert absent[0].content == absent[1].content


def test_one_line_tells_of_each_request(database: Database, line: Line, logs: list[Any]) -> None:
    with serving(database) as site, site.client("operator") as client:
        client.get("/lots?customer=secret", headers={HEADER: "mine"})
        client.get("/no%0Awhere")
        client.head("/static/style.css")
    lines = [line for line in logs if line["event"] == "request"]
    told = [(line["method"], line["path"], line["status"], line["person"]) for line in lines]
    assert told == [
        ("POST", "/sign-in", 303, None),
        ("GET", "/lots", 200, "operator"),
        ("GET", "/no%0Awhere", 404, None),
        ("HEAD", "/static/style.css", 200, None),
    ]
    assert lines[1]["request_id"] == "mine" != lines[2]["request_id"]
    assert all(0 < line["ms"] < 60_000 for line in lines)
    assert "secret" not in str(logs) and PASSWORD not in str(logs)


def test_what_is_logged_for_a_request_carries_its_id(database: Database, logs: list[Any]) -> None:
    app = create_app(database)

    def fail() -> None:
        structlog.get_logger().info("on the way")
        raise RuntimeError("a bug")

    app.add_api_route("/fail", fail, dependencies=[OPEN])
    with serving(database, app) as site:
        answer = httpx.get(f"{site.address}/fail", headers={HEADER: "mine"})
        httpx.get(f"{site.address}/health/live", headers={HEADER: "another"})
    assert (answer.status_code, answer.headers[HEADER]) == (500, "mine")
    assert [(line["event"], line["request_id"]) for line in logs] == [
        ("on the way", "mine"),
        ("request_failed", "mine"),
        ("request", "mine"),
        ("request", "another"),
    ]
