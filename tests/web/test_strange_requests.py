"""Requests that no browser of ours sends are refused for what they are, never as a fault of the program."""

from base64 import urlsafe_b64encode

import httpx
import pytest

from mes.http.guard import COOKIE
from tests.web.conftest import PASSWORD, Site


@pytest.mark.parametrize("origin", ["http://[::1", "http://[", "null", "://", "http://evil.example"])
def test_origin_that_is_no_address_of_ours_is_refused(site: Site, origin: str) -> None:
    with site.client() as client:
        answer = client.post("/sign-out", headers={"origin": origin, "cookie": f"{COOKIE}=x"})
    assert (answer.status_code, "another site" in answer.text) == (403, True)


def test_origin_of_ours_is_enough_to_sign_in(site: Site) -> None:
    answer = httpx.post(
        f"{site.address}/sign-in", data={"name": "manager", "password": PASSWORD}, headers={"origin": site.address}
    )
    assert answer.status_code == 303


def test_name_with_a_character_that_is_none_is_malformed(site: Site) -> None:
    with site.client(accept="application/json") as client:
        answer = client.post("/sign-in", data={"name": "a\x00b", "password": PASSWORD}, headers=site.own)
    assert answer.status_code == 422


@pytest.mark.parametrize("query", ["from=0001-01-01", "to=9999-12-31T23:59:59-14:00", "time_zone=localtime"])
@pytest.mark.parametrize("form", ["", ".csv", ".json"])
def test_time_that_no_calendar_has_is_malformed(site: Site, query: str, form: str) -> None:
    with site.client("manager") as client:
        assert client.get(f"/reports/throughput{form}?{query}").status_code == 422


def test_forms_take_no_character_that_steers_a_terminal(site: Site) -> None:
    right = {"code": "height", "why": "low\r\nsee\tmap", "owner": "line_engineer"}
    with site.client("line_engineer", accept="application/json") as client:
        for wrong in (
            {"code": "a\x1b[2J"},
            {"code": "a\nb"},
            {"why": "a\x1b]0;b\x07"},
            {"why": "a\rb"},
            {"why": "\x9b"},
            {"positions": "* bin a\x00b 7"},
        ):
            answer = client.post("/lots/alpha/A2/hold", data=right | wrong, headers=site.own)
            assert answer.status_code == 422, wrong
        assert client.post("/lots/alpha/A2/hold", data=right, headers=site.own).status_code == 303


@pytest.mark.parametrize("wrong", [{"title": "Kim\x1b[2J"}, {"title": "Kim\nLee"}, {"customer": "a\x07"}])
def test_no_person_has_a_title_that_steers_a_terminal(site: Site, wrong: dict[str, str]) -> None:
    right = {"name": "kim", "title": "Kim", "role": "operator", "customer": "", "password": PASSWORD, "again": PASSWORD}
    with site.client("administrator", accept="application/json") as client:
        answer = client.post("/administration/people", data=right | wrong, headers=site.own)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert "pattern" in answer.text


def test_no_recipe_has_a_body_that_steers_a_terminal(site: Site) -> None:
    with site.client("process_engineer", accept="application/json") as client:
        for body in ("target = 5 \x1b[2J", "a\x00b", "a\rb"):
            answer = client.post("/recipes/cure@1/draft", data={"why": "x", "body": body}, headers=site.own)
            assert (answer.status_code, "pattern" in answer.text) == (422, True), answer.text


def test_no_hold_belongs_to_a_customer(site: Site) -> None:
    hold = {"code": "height", "why": "low", "owner": "customer"}
    with site.client("line_engineer", accept="application/json") as client:
        told = client.post("/lots/alpha/A2/hold", data=hold, headers=site.own)
        told_too = client.post("/api/v1/lots/A2/hold", json=hold, headers=site.own)
    assert (told.status_code, told.json()) == (told_too.status_code, told_too.json())
    assert (told.status_code, told.json()["code"]) == (422, "malformed")
    assert "operator, line_engineer" in told.json()["detail"]


def test_a_filter_has_a_name_to_read(site: Site) -> None:
    with site.client("manager", accept="application/json") as client:
        for name, status in (("  ", 422), (" mine ", 303)):
            kept = client.post("/saved", data={"name": name, "address": "/lots?q=a"}, headers=site.own)
            assert kept.status_code == status


DEEP = urlsafe_b64encode(b"[" * 30_000).decode()


def test_no_address_is_a_fault(site: Site) -> None:
    with site.client("manager", accept="application/json") as client:
        for address in (
            "/reports/yield?to=9999-12-31T23:59Z&time_zone=Asia/Seoul",
            "/reports/yield.xlsx?to=9999-12-31T23:59Z&time_zone=Asia/Seoul",
            "/reports/yield?from=0001-01-01T00:00Z&time_zone=America/New_York",
            "/reports/wip?at=9999-12-31T23:59Z&time_zone=Asia/Seoul",
            f"/lots?after={DEEP}",
            f"/lots?after={DEEP[:996]}",
            f"/api/v1/lots?after={DEEP[:996]}",
        ):
            assert client.get(address).status_code == 422, address


def test_no_address_leads_to_the_host_that_the_caller_names(site: Site) -> None:
    with site.client("manager") as client:
        answer = client.get("/lots/", headers={"host": "evil.example"})
    assert (answer.status_code, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize("charset", ["undefined", "unicode_escape", "utf-7", "UTF-8"])
def test_forms_are_read_in_one_encoding(site: Site, charset: str) -> None:
    kind = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\\ud800+2AA-\xff\r\n--x--\r\n'
    with site.client(accept="application/json") as client:
        answer = client.post("/saved", content=body, headers=site.own | kind)
    assert answer.status_code == (401 if charset == "UTF-8" else 422)
