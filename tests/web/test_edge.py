"""The edge: errors in one form, headers on every answer, nothing from other sites, sign-ins that end."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from fastapi import Request
from sqlalchemy import text
from sqlalchemy.engine import make_url

from mes.app import create_app
from mes.db import Database
from mes.errors import Reason, StartRefused
from mes.http.guard import COOKIE, SECURITY_HEADERS
from mes.http.problem import BODY_LIMIT, STRANGERS_LIMIT, problem
from mes.http.transaction import Tx
from mes.people.access import OPEN
from mes.people.tries import FREE
from mes.schema import ROOT
from tests.web.conftest import PASSWORD, Site, people, serving

STATIC = ROOT / "mes" / "web"


def test_security_headers_stand_on_every_answer(site: Site) -> None:
    with site.client("line_engineer") as client:
        for path in ("/board", "/nowhere", "/static/style.css", "/health/live", "/reports/yield.json", "/reports/none"):
            headers = client.get(path).headers
            for name, value in SECURITY_HEADERS.items():
                assert headers[name] == value, path
        assert "unsafe" not in SECURITY_HEADERS["Content-Security-Policy"]
        assert client.get("/board").headers["cache-control"] == "no-store"
        assert client.get("/static/style.css").headers["cache-control"] == "public, max-age=31536000, immutable"


def test_no_page_holds_a_script_a_style_or_a_handler_of_its_own(site: Site) -> None:
    for name, path in {
        "line_engineer": "/board",
        "manager": "/reports/yield",
        "alpha": "/lots",
        "": "/sign-in",
    }.items():
        with site.client(name) as client:
            page = client.get(path).text
            assert re.findall(r"<script(?![^>]* src=)", page) == []
            assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", page) == []
            assert re.findall(r"https?://", page) == []


def test_each_role_begins_where_its_work_is(site: Site) -> None:
    for name, address in {
        "operator": "/terminal",
        "line_engineer": "/board",
        "process_engineer": "/recipes",
        "yield_engineer": "/reports/yield",
        "manager": "/reports/yield",
        "administrator": "/board",
        "alpha": "/lots",
    }.items():
        with site.client(name) as client:
            assert client.get("/").headers["location"] == address
            assert client.get(address).status_code == 200


def test_our_own_assets_name_no_host() -> None:
    files = [f for f in STATIC.rglob("*") if f.suffix in {".css", ".js", ".html"} and "vendor" not in f.parts]
    assert len(files) > 10
    for file in files:
        assert "//" not in re.sub(r"^\s*//.*|\s// .*", "", file.read_text(), flags=re.M), file


def test_first_paint_of_every_page_is_under_100_kb(site: Site) -> None:
    with site.client("line_engineer") as client:
        for path in ("/board", "/lots", "/reports/yield", "/sign-in"):
            page = client.get(path)
            assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
            sizes = [_on_the_wire(client, address) for address in {path, *assets}]
            assert 2000 < sum(sizes) < 100_000, (path, sizes)


def _on_the_wire(client: httpx.Client, address: str) -> int:
    with client.stream("GET", address) as answer:
        assert answer.status_code == 200, address
        return sum(len(chunk) for chunk in answer.iter_raw())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
        ({"sec-fetch-site": "same-origin"}, 303),
    ],
)
def test_another_site_can_change_nothing(site: Site, headers: dict[str, str], status: int) -> None:
    with site.client("operator") as client:
        assert client.post("/sign-out", headers=headers).status_code == status
        assert client.get("/board").status_code == (200 if status == 403 else 303)


def test_origin_alone_is_enough_where_it_is_ours(site: Site) -> None:
    with site.client("operator") as client:
        assert client.post("/sign-out", headers={"origin": site.address}).status_code == 303


@pytest.mark.parametrize("name", ["operator", "alpha"])
def test_cookie_is_kept_from_scripts_and_ends_with_the_sign_in(site: Site, name: str) -> None:
    with site.client() as client:
        form = {"name": name, "password": PASSWORD}
        answer = client.post("/sign-in", data=form, headers=site.own)
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
        token = client.cookies[COOKIE]
        assert client.post("/sign-out", headers=site.own).status_code == 303
        client.cookies.set(COOKIE, token)
        assert client.get("/board").headers["location"] == "/sign-in?back=%2Fboard"


def test_too_many_wrong_passwords_are_told_to_wait(site: Site) -> None:
    with site.client() as client:
        for _ in range(FREE):
            answer = client.post("/sign-in", data={"name": "operator", "password": "guess"}, headers=site.own)
            assert (answer.status_code, answer.headers.get("retry-after")) == (401, None)
        answer = client.post("/sign-in", data={"name": "operator", "password": PASSWORD}, headers=site.own)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "try again in 1 s" in answer.text and 'value="operator"' in answer.text
    with site.client("manager"):  # nobody else waits
        pass


def test_a_flood_of_passwords_keeps_nobody_from_work(site: Site) -> None:
    def guess(n: int) -> httpx.Response:
        headers = {**site.own, "x-forwarded-for": "203.0.113.9"}  # as a proxy on this machine tells
        form = {"name": f"guess-{n}", "password": "guess"}
        return httpx.post(f"{site.address}/sign-in", data=form, headers=headers, timeout=60)

    with ThreadPoolExecutor(80) as flood:
        answers = [flood.submit(guess, n) for n in range(80)]
        with site.client("operator") as client:  # from another address, which has its place in the queue
            assert client.get("/board").status_code == 200
        statuses = Counter(answer.result().status_code for answer in answers)
    assert set(statuses) <= {401, 429, 503}
    assert statuses[503] > 0 and statuses[401] > 0
    refused = next(answer.result() for answer in answers if answer.result().status_code == 503)
    assert refused.headers["retry-after"] == "5"


def test_cookie_is_secure_over_https(site: Site) -> None:
    with site.client() as client:
        form = {"name": "operator", "password": PASSWORD}
        behind_proxy = {**site.own, "x-forwarded-proto": "https"}
        assert "Secure" in client.post("/sign-in", data=form, headers=behind_proxy).headers["set-cookie"]


@pytest.mark.parametrize("back", ["//elsewhere.example", "http://elsewhere.example", "/\\elsewhere.example", "x\ny"])
def test_signing_in_never_leads_elsewhere(site: Site, back: str) -> None:
    with site.client() as client:
        form = {"name": "operator", "password": PASSWORD, "back": back}
        assert client.post("/sign-in", data=form, headers=site.own).headers["location"] == "/"


def test_an_expired_sign_in_is_none(site: Site) -> None:
    with site.client("operator", accept="application/json") as client:
        assert client.get("/board").status_code == 200
        with site.database.transaction() as session:
            session.execute(text("update sign_in set expires_at = clock_timestamp()"))
        answer = client.get("/board")
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_every_error_has_one_form(site: Site) -> None:
    with site.client("manager", accept="application/json") as client:
        answers = {
            404: client.get("/nowhere"),
            405: client.post("/board", headers=site.own),
            422: client.get("/reports/yield?by=moon"),
            413: client.post("/sign-in", content=b"x" * (BODY_LIMIT + 1), headers={**site.own, "content-type": FORM}),
        }
        for status, answer in answers.items():
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert set(answer.json()) == {"type", "title", "status", "detail", "code", "reasons"}
        assert "by is moon; it must be one of equipment" in answers[422].json()["detail"]
        assert client.get("/reports/none").json()["code"] == "not_found"
    with site.client("alpha", accept="application/json") as client:
        assert client.get("/board").status_code == 403


def test_head_is_answered_as_get_without_the_body(site: Site) -> None:
    pages = ("/", "/sign-in", "/board", "/lots", "/reports/yield", "/reports/yield.csv", "/reports/none", "/sign-out")
    files = ("/static/style.css", "/health/live", "/health/ready")
    with site.client("line_engineer") as client:
        for path in (*pages, *files):
            got, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert _lasting(head) == _lasting(got), path
        assert client.head("/board").status_code == 200
        stream = client.head("/board/stream")  # ends, as no stream does that is read
        assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    with site.client() as client:
        assert client.head("/board").headers["location"] == "/sign-in?back=%2Fboard"


def _lasting(answer: httpx.Response) -> dict[str, str]:
    """Headers that do not depend on the moment: pages tell the time, so that their lengths differ by a byte."""
    momentary = {"date", "content-length", "x-request-id"}
    return {name: value for name, value in answer.headers.items() if name not in momentary}


FORM = "application/x-www-form-urlencoded"


def test_a_body_without_a_length_is_bounded_too(database: Database) -> None:
    app = create_app(database)

    async def measure(request: Request) -> int:
        return len(await request.body())

    def chunks(number: int) -> Iterator[bytes]:
        for _ in range(number):
            yield b"x" * 65536

    app.add_api_route("/measure", measure, methods=["POST"], dependencies=[OPEN])
    with serving(database, app) as site, site.client(accept="application/json") as client:
        most = STRANGERS_LIMIT // 65536
        assert client.post("/measure", content=chunks(most)).json() == STRANGERS_LIMIT
        answer = client.post("/measure", content=chunks(most + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_refusal_shows_every_reason_and_who_can_clear_it(database: Database) -> None:
    app = create_app(database)

    def refuse() -> None:
        reasons = Reason("held", "Lot A1 is held.", "process_engineer"), Reason("late", "Too late.")
        raise StartRefused("Lot A1 may not start.", *reasons)

    app.add_api_route("/refuse", refuse, dependencies=[OPEN])
    with serving(database, app) as site:
        with site.client() as client:
            page = client.get("/refuse")
            assert page.status_code == 409
            for words in ("Lot A1 may not start.", "Lot A1 is held.", "process engineer", "Too late."):
                assert words in page.text
            assert "start_refused" not in page.text
        with site.client(accept="application/json") as client:
            reasons = client.get("/refuse").json()["reasons"]
            assert [r["code"] for r in reasons] == ["held", "late"]


def test_a_bug_answers_500_without_its_inside(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(database)

    def fail() -> None:
        raise RuntimeError("the secret of the house")

    app.add_api_route("/fail", fail, dependencies=[OPEN])
    with serving(database, app) as site, site.client(accept="application/json") as client:
        answer = client.get("/fail")
        assert answer.status_code == 500
        assert answer.headers["content-security-policy"]
        assert "secret" not in answer.text
    told = capsys.readouterr()
    assert "the secret of the house" in told.out + told.err


def test_a_failed_commit_is_no_success(database: Database) -> None:
    app = create_app(database)

    def doubled(session: Tx) -> dict[str, str]:
        session.execute(text("create temporary table once (n int unique deferrable initially deferred) on commit drop"))
        session.execute(text("insert into once values (1), (1)"))
        return {"status": "done"}

    app.add_api_route("/doubled", doubled, methods=["POST"], dependencies=[OPEN])
    with serving(database, app) as site, site.client(accept="application/json") as client:
        assert client.post("/doubled").status_code == 500


def test_a_read_cannot_write(database: Database) -> None:
    app = create_app(database)

    def write(session: Tx) -> None:
        session.execute(text("insert into customer (name, title) values ('x', 'x')"))

    app.add_api_route("/write", write, methods=["GET", "POST"], dependencies=[OPEN])
    with serving(database, app) as site, site.client(accept="application/json") as client:
        assert client.get("/write").status_code == 500
        assert client.post("/write").status_code == 200


def test_health_tells_a_database_that_is_away() -> None:
    away = Database(make_url("postgresql://mes_app:x@127.0.0.1:9/none"))
    with serving(away) as site, site.client(accept="application/json") as client:
        assert client.get("/health/live").json() == {"status": "live"}
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "away", "5")


def test_two_hundred_requests_at_once_are_all_answered(site: Site) -> None:
    with site.client("operator") as client:
        cookie = {COOKIE: client.cookies[COOKIE]}

    def look(_: int) -> int:
        return httpx.get(f"{site.address}/lots", cookies=cookie, timeout=60).status_code

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(look, range(200))) == {200}


def test_the_edge_refuses_a_pool_that_would_starve(database: Database) -> None:
    with pytest.raises(ValueError, match="needs more than 10 connections, it has 4"):
        create_app(Database(database.url, pool_size=4))


def test_unknown_errors_are_told_without_detail() -> None:
    told = problem(KeyError("password"))
    assert (told.status, told.code) == (500, "fault")
    assert "password" not in told.detail


def test_an_open_stream_does_not_hold_up_the_stop(database: Database) -> None:
    with ExitStack() as stack:
        with serving(database) as site:
            with database.transaction() as session:
                people(session)
            client = stack.enter_context(site.client("operator"))
            stream = stack.enter_context(client.stream("GET", "/board/stream", headers={"accept": "text/event-stream"}))
            lines = stream.iter_lines()
            assert next(lines).startswith("data: <hx-partial")
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert "" in list(lines)
