"""Events over HTTP: resumable from every message, own ones only, ended at a stop."""

import json
from typing import Any

import httpx
import pytest

from mes.lots.create import NewLot, create
from mes.units.arrival import Arrival
from tests.api.conftest import Api, Caller, everybody
from tests.api.test_lots import problem
from tests.shop import Floor
from tests.web.conftest import serving

ALL_SO_FAR = {"follow": "false"}


def told(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream with their ids, as a browser reads them."""
    found = []
    for message in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in message.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields["id"], json.loads(fields["data"])))
    return found


def last_id(text: str) -> str:
    """From where a browser would go on."""
    return [line for line in text.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")


def ask(client: httpx.Client, since: str = "0-0", **parameters: str) -> str:
    answer = client.get("/events", params=ALL_SO_FAR | parameters, headers={"Last-Event-ID": since})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    return answer.text


def test_all_that_happened_is_told_from_any_place_on(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    floor.arrive("D2", "die", "W1", customer="beta")
    line = caller("line_engineer")
    everything = told(ask(line))
    assert [(event["verb"], event["customer"]) for _, event in everything] == [
        ("create", "alpha"), ("release", "alpha"), ("create", "beta"), ("release", "beta"),
    ]  # fmt: skip
    assert everything[0][1]["subjects"] == [
        {"kind": "lot", "name": "D1"}, {"kind": "substrate", "name": "W1"}, {"kind": "substrate", "name": "W2"},
    ]  # fmt: skip
    for n, (place, _) in enumerate(everything):
        assert told(ask(line, place)) == everything[n + 1 :]


def test_a_filter_leaves_out_and_still_brings_the_reader_on(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    floor.arrive("D2", "die", "W2")
    floor.order("CELL-1", "D1")
    line = caller("line_engineer")
    assert [event["verb"] for _, event in told(ask(line, subject="D2"))] == ["create", "release"]
    assert [event["verb"] for _, event in told(ask(line, kind="run"))] == ["track_in"]
    assert told(ask(line, kind="run", subject="D1")) == []
    assert last_id(ask(line, kind="run", subject="D1")) == last_id(ask(line))
    problem(line.get("/events", params={"kind": "toy"}), 422, "malformed")


def test_a_customer_is_told_only_own_events_and_no_gap_between_them(floor: Floor, caller: Caller) -> None:
    with floor.database.transaction() as session:
        for n, customer in enumerate(("alpha", "beta", "beta", "alpha")):
            create(session, NewLot(f"D{n}", customer, "die", (Arrival(f"W{n}"),)), floor.act())
    own = told(ask(caller("alpha")))
    assert [int(place.partition("-")[2]) for place, _ in own] == [1, 2]
    assert {(event["customer"], event["event"]) for _, event in own} == {("alpha", None)}
    assert told(ask(caller("alpha"), own[0][0])) == own[1:]
    assert len(told(ask(caller("manager")))) == 4


@pytest.mark.parametrize("place", ["", "7", "x-1", "-1-1", "1-1-1", "01-1", "9" * 30 + "-1", "999999999-0"])
def test_a_place_that_no_event_had_is_refused(caller: Caller, place: str) -> None:
    refused = caller("manager").get("/events", headers={"Last-Event-ID": place}, params=ALL_SO_FAR)
    problem(refused, 422, "malformed")


def test_what_happens_is_told_as_it_happens_until_the_server_stops(floor: Floor) -> None:
    keys = everybody(floor.database)
    with (
        serving(floor.database) as site,
        Api(site.address, keys).as_user("alpha") as client,
        client.stream("GET", "/events") as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines).startswith("id: ")
        floor.arrive("D1", "die", "W1")
        happened = (json.loads(line[6:])["verb"] for line in lines if line.startswith("data: "))
        assert [next(happened), next(happened)] == ["create", "release"]
        site.server.should_exit = True
        assert list(happened) == []
