"""Figures for a monitoring system: what is counted and how, who may read them, and that the page tells of each."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mes.app import create_app
from mes.db import Database
from mes.people.keys import create_key
from mes.people.permissions import Permission
from mes.schema import ROOT
from tests.reports.line import Line
from tests.web.conftest import Site, serving

PAGE = ROOT / "docs" / "reference" / "metrics.md"
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)

CONNECTOR = "insert into connector (name, seen_at) values ('c', clock_timestamp() - interval '90 s')"
JOURNAL = """
insert into journal (equipment_id, name, boot, current, received)
select id, 'j', 'b', true, 0 from equipment order by id limit 1"""
RECORDS = """
insert into received_record
    (journal_id, sequence, kind, run, happened_at, sha256, body, state, problem, recorded_at)
select id, n, 'job', '', clock_timestamp(), '', '', state, '', clock_timestamp() - age
from journal, (values (1, 'received', interval '10 min'), (2, 'received', '1 s'), (3, 'rejected', '1 s'),
    (4, 'applied', '1 s')) record (n, state, age)"""

Read = Callable[[], dict[str, float]]


def scrape(site: Site, **headers: str) -> httpx.Response:
    return httpx.get(f"{site.address}/metrics", headers=headers, timeout=20)


def figures(told: str) -> dict[str, float]:
    """Each sample by its name and labels."""
    return {f"{name}{{{labels}}}" if labels else name: float(value) for name, labels, value in SAMPLE.findall(told)}


@pytest.fixture
def key(database: Database, line: Line) -> str:
    """The key of a monitoring system."""
    with database.transaction() as session:
        return create_key(session, "prometheus", "administrator", [Permission.SEE_METRICS], timedelta(days=1), "tester")


@pytest.fixture
def told(site: Site, key: str) -> Read:
    """What a monitoring system is told."""
    return lambda: figures(scrape(site, authorization=f"Bearer {key}").text)


def test_they_are_for_the_administrator_and_for_keys_made_for_it(site: Site, key: str) -> None:
    answer = scrape(site, authorization=f"Bearer {key}")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert scrape(site).status_code == 401
    for name, status in {"administrator": 200, "manager": 403, "alpha": 403}.items():
        with site.client(name, accept="text/plain") as client:
            assert client.get("/metrics").status_code == status


def test_requests_are_counted_by_route_method_and_class_of_status(site: Site, told: Read, key: str) -> None:
    with site.client("line_engineer", accept="application/json") as client:
        client.get("/reports/yield.csv?by=equipment")
        client.get("/reports/throughput.csv")
        client.head("/reports/yield.csv")
        client.get("/reports/none.csv")
        client.get("/api/v1/lots?limit=1")
        client.get("/static/style.css")
        client.request("PROPFIND", "/wp-login.php")
        client.post("/board", headers=site.own)
    now = told()
    report, total, seconds = "/reports/{name}.{extension}", "mes_http_requests_total", "mes_http_request_seconds_count"
    for labels, number in {
        ("GET", report, "2xx"): 2,
        ("HEAD", report, "2xx"): 1,
        ("GET", report, "4xx"): 1,
        ("GET", "/api/v1/lots", "2xx"): 1,
        ("GET", "/static", "2xx"): 1,
        ("other", "none", "4xx"): 1,
        ("POST", "/board", "4xx"): 1,
    }.items():
        sample = '{{method="{}",route="{}",status="{}"}}'.format(*labels)
        assert (now.get(total + sample), now.get(seconds + sample)) == (number, number), sample
    assert now["mes_http_requests_running"] == 1
    assert not re.search("alpha|yield|wp-login", scrape(site, authorization=f"Bearer {key}").text)


def test_open_streams_are_counted_and_are_no_slow_requests(site: Site, told: Read) -> None:
    with site.client("operator") as client:
        with client.stream("GET", "/board/stream", headers={"accept": "text/event-stream"}) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("data:")
            during = told()
            assert during["mes_event_streams_open"] == 1
            assert during["mes_http_requests_running"] == 2
        wait_for(lambda: told()["mes_event_streams_open"] == 0)
    after = told()
    sample = '{method="GET",route="/board/stream",status="2xx"}'
    assert after[f"mes_http_requests_total{sample}"] == 1
    assert f"mes_http_request_seconds_count{sample}" not in after


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until


def test_the_state_of_the_line_is_told(database: Database, line: Line, told: Read) -> None:
    with database.transaction() as session:
        for statement in (CONNECTOR, JOURNAL, RECORDS):
            session.execute(text(statement))
        session.execute(text("update hold set held_at = (select plant_at from plant_clock) - interval '2 days'"))
        session.execute(text("update equipment set connected = false, state = 'UDT' where name = 'OV-1'"))
    now = told()
    assert now["mes_records_unapplied"] == 2
    assert 600 <= now["mes_records_unapplied_oldest_seconds"] < 700
    assert now["mes_records_rejected"] == 1
    assert 90 <= now['mes_connector_silent_seconds{connector="c"}'] < 190
    assert (now["mes_holds"], now["mes_hold_oldest_seconds"]) == (1, 2 * 86400)
    assert now['mes_equipment_disconnected{state="UDT"}'] == 1
    assert now['mes_equipment_connected{state="SBY"}'] == len(line.equipment) - 1
    assert (now['mes_lots{state="queued"}'], now['mes_lots{state="running"}']) == (2, 1)


def test_a_rejected_record_counts_however_many_came_after_it(database: Database, line: Line, told: Read) -> None:
    later = """
        insert into received_record (journal_id, sequence, kind, run, happened_at, sha256, body, state, problem)
        select id, n, 'job', '', clock_timestamp(), '', '', 'applied', '' from journal, generate_series(5, 20000) n"""
    with database.transaction() as session:
        for statement in (JOURNAL, RECORDS, later):
            session.execute(text(statement))
    assert told()["mes_records_rejected"] == 1


def test_what_the_feed_cannot_deliver_yet_is_its_lag(database: Database, told: Read) -> None:
    event = text("insert into outbox (verb, body, recorded_at) values ('x', '{}', clock_timestamp() - interval '50 s')")
    wait_for(lambda: told()["mes_feed_lag_rows"] == 0)
    with database.transaction() as older:
        older.execute(event)
        with database.transaction() as younger:
            younger.execute(event)
        behind = told()
        assert (behind["mes_feed_lag_rows"], 50 <= behind["mes_feed_lag_seconds"] < 150) == (1, True)
    wait_for(lambda: told()["mes_feed_lag_rows"] == 0)


def test_failed_sign_ins_are_counted(site: Site, told: Read) -> None:
    with site.client() as client:
        for _ in range(2):
            client.post("/sign-in", data={"name": "operator", "password": "guess"}, headers=site.own)
    assert told()["mes_sign_in_failures"] == 2


def test_two_applications_in_a_process_count_for_themselves(database: Database, line: Line, key: str) -> None:
    with serving(database, create_app(database)) as one, serving(database, create_app(database)) as other:
        with one.client() as client:
            client.get("/health/live")
        live = 'mes_http_requests_total{method="GET",route="/health/live",status="2xx"}'
        of_one, of_other = (figures(scrape(s, authorization=f"Bearer {key}").text) for s in (one, other))
    assert (of_one.get(live), of_other.get(live)) == (1, None)


def test_the_page_of_reference_names_every_figure_and_no_other(site: Site, key: str, told: Read) -> None:
    told()
    families: Any = re.findall(r"^# TYPE (mes_\w+)", scrape(site, authorization=f"Bearer {key}").text, re.MULTILINE)
    told_of = {name for name in families if not name.endswith("_created")}
    assert told_of == set(re.findall(r"^\| `(mes_\w+)`", PAGE.read_text(), re.MULTILINE))
