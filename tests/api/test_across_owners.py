"""Dies of beta in packages of alpha: each sees of the other's half what their agreement declares, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import text

from mes.db import as_customer
from mes.errors import StartRefused
from mes.genealogy.trace import trace_lot_up
from mes.lots.models import Lot
from mes.lots.work.track_in import track_in
from mes.people.models import Customer
from mes.units.arrival import Arrival
from mes.units.formats.mapfile import DeviceIds
from tests.api.conftest import Api
from tests.shop import BEGIN, PLACED, Floor, fill_packages, mapped

OF_BETA = ("W1", "D1", "beta")
OF_ALPHA = ("I1", "P1", "alpha")
AGREED = (
    "update supply_agreement set receiver_sees = cast(:receiver as jsonb), supplier_sees = cast(:supplier as jsonb)"
)
PERIOD = "update supply_agreement set since = :since, until = :until"


def with_ids(arrival: Arrival) -> Arrival:
    """The same, each position with an id."""
    assert arrival.map is not None
    y, x = np.indices((arrival.map.rows, arrival.map.columns), np.int32).reshape(2, -1)
    texts = tuple(f"DIE-{column}-{row}" for column, row in zip(x.tolist(), y.tolist(), strict=True))
    ids = DeviceIds(name="DeviceId", x=x, y=y, texts=texts)
    return replace(arrival, map=replace(arrival.map, overlays=(*arrival.map.overlays, ids)))


def agree(floor: Floor, statement: str, **given: Any) -> None:
    with floor.database.transaction() as session:
        session.execute(text(statement), given)


@pytest.fixture
def world(floor: Floor, api: Api) -> Api:
    """Four packages of alpha in two boats, tested, each of two dies of beta; the second of them failed."""
    floor.stock("D1", "die", with_ids(mapped("W1", [[1, 1, 1, 1], [1, 1, 1, 1], [1, 9, 1, 1]])), customer="beta")
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    floor.report(run, "I1", moves=fill_packages("W1", "I1"))
    floor.end(run)
    run = floor.begin("CELL-1", "P1")
    boats = [("I1", x, y, f"P1.0{y + 1}", x, 0, 0, 0, 0, PLACED) for y in (0, 1) for x in (0, 1)]
    floor.report(run, "I1", moves=boats)
    floor.end(run)
    run = floor.begin("CELL-2", "P1")
    floor.report(run, "P1.01", bins=[[1, 2]])
    floor.report(run, "P1.02", bins=[[1, 1]])
    floor.end(run)
    return api


def told(api: Api, who: str, *paths: str) -> list[str]:
    """What somebody is answered, each answer a success."""
    with api.as_user(who) as client:
        answers = [_asked(client, api.address, path) for path in paths]
    assert {answer.status_code for answer in answers} == {200}, [answer.text[:200] for answer in answers]
    return [answer.text for answer in answers]


def _asked(client: httpx.Client, address: str, path: str) -> httpx.Response:
    page = re.match(r"/\w+/(alpha|beta)/", path)
    headers = {"accept": "text/html"} if page else {}
    return client.get(f"{address}{path}" if page else path, headers=headers)


def test_each_sees_of_the_others_half_what_the_agreement_declares(floor: Floor, world: Api) -> None:
    package, die = "/units/P1.01/1/0/genealogy", "/units/W1/2/0/destinations"
    pages = ("/units/alpha/P1.01/1/0", "/units/beta/W1/2/0")
    down, page = told(world, "alpha", package, pages[0])
    assert [word in down for word in ("DIE-2-0", "DIE-3-0", "1 Pass", *OF_BETA)] == [True] * 3 + [False] * 3
    assert [word in page for word in ("DIE-2-0", "bin 1 Pass", *OF_BETA)] == [True] * 2 + [False] * 3
    up, page = told(world, "beta", die, pages[1])
    assert [word in up + page for word in ("OPEN", '"level":1', *OF_ALPHA)] == [False] * 5
    assert '"level":1' in down
    agree(floor, AGREED, receiver='["origin"]', supplier='["result"]')
    down, page = told(world, "alpha", package, pages[0])
    assert [word in down + page for word in ("DIE-2-0", "1 Pass", "D1", "beta")] == [False] * 4
    assert ("W1 2,0" in down, "from W1 2,0" in page) == (True, True)
    up, page = told(world, "beta", die, pages[1])
    assert [word in up for word in ("2 OPEN Fail", *OF_ALPHA)] == [True] + [False] * 3
    assert [word in page for word in ("bin 2 OPEN Fail", *OF_ALPHA)] == [True] + [False] * 3
    assert '"result":"1"' in told(world, "beta", "/units/W1/0/1/destinations")[0]
    agree(floor, AGREED, receiver='["site"]', supplier="[]")
    (down,) = told(world, "alpha", package)
    assert [word in down for word in ("DIE-2-0", "1 Pass", *OF_BETA)] == [False] * 5
    assert floor.problems() == []


def test_exports_events_and_history_name_nothing_of_the_other(floor: Floor, world: Api) -> None:
    mine = told(
        world, "alpha", "/events?follow=false", "/lots/P1/history", "/lots/P1/genealogy", "/lots/alpha/P1",
        "/substrates/alpha/P1.01", "/substrates/alpha/I1/map.xml", "/substrates/I1/maps/dispositions",
        "/reports/yield?format=csv",
    )  # fmt: skip
    theirs = told(
        world, "beta", "/events?follow=false", "/lots/D1/history", "/lots/D1/genealogy", "/lots/beta/D1",
        "/substrates/beta/W1", "/substrates/beta/W1/map.xml", "/substrates/W1/maps/dispositions",
        "/reports/yield?format=csv",
    )  # fmt: skip
    assert [word for word in OF_BETA if word in "".join(mine)] == []
    assert [word for word in OF_ALPHA if word in "".join(theirs)] == []


def test_without_an_agreement_nothing_is_picked_for_another(floor: Floor) -> None:
    """Neither of a product that none names, nor before it begins, nor after it has ended."""
    floor.stock("D1", "die", "W1", customer="beta")
    floor.arrive("P1", "package", "I1")
    day = (BEGIN + timedelta(hours=floor.hours)).date()
    for since, until in ((day + timedelta(days=9), None), (None, day - timedelta(days=1))):
        agree(floor, PERIOD, since=since, until=until)
        with pytest.raises(StartRefused) as refused:
            floor.do(track_in, floor.wanted("CELL-1", "P1", sources=["W1"]))
        found = {(reason.code, reason.who) for reason in refused.value.reasons}
        assert found == {("not_agreed", "line_engineer")}
    floor.stock("D2", "die", "W2")
    floor.order("CELL-1", "P1", sources=["W2"])
    agree(floor, PERIOD, since=day, until=day + timedelta(days=9))
    floor.arrive("P2", "package", "I2")
    run = floor.order("CELL-1", "P2", sources=["W1"])
    floor.end(run, "cancelled")
    assert floor.problems() == []


ROWS, COLUMNS = 25, 40


def test_results_of_a_wafer_of_a_thousand_are_read_in_no_time(floor: Floor) -> None:
    """It took 25 s, for each move that followed was read for each that went before."""
    places = [(x, y) for y in range(ROWS) for x in range(COLUMNS)]
    agree(floor, "update layout set rows = :rows, columns = :columns", rows=ROWS, columns=COLUMNS)
    agree(floor, AGREED, receiver='["id"]', supplier='["result"]')
    floor.stock("D1", "die", mapped("W1", [[1] * COLUMNS] * ROWS), customer="beta")
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    floor.report(run, "I1", moves=[("W1", x, y, "I1", x, y, 1, 1, 0, PLACED) for x, y in places])
    floor.end(run)
    run = floor.begin("CELL-1", "P1")
    floor.report(run, "I1", moves=[("I1", x, y, "P1.01", x, y, 0, 0, 0, PLACED) for x, y in places])
    floor.end(run)
    run = floor.begin("CELL-2", "P1")
    floor.report(run, "P1.01", bins=[[2] + [1] * (COLUMNS - 1)] * ROWS)
    floor.end(run)
    with floor.database.reading(as_customer(floor.id_of(Customer, "beta"))) as session:
        session.execute(text("set local statement_timeout = '5s'"))
        up = trace_lot_up(session, floor.id_of(Lot, "D1"))
    results = Counter(to.result for one in up.positions for went in one.went if (to := went.to))
    assert results == {"2 OPEN Fail": ROWS, "1": ROWS * (COLUMNS - 1)}


PACKED = {
    "quad_at('\\x0100000000000000', '\\x00000000', 0)": 1,  # not in the midst of two
    "quad_at('\\x0000000001000000', '\\x00000000', 1)": None,
    "placed_from('\\x0200030002000300', '\\x0000000100000000', '\\x02000300')": 1,  # the first was put back
    "placed_from('\\x02000300', '\\x00000001', '\\x02000300')": None,
    "layer_bin('u1', '\\x0301000001000000', '\\x0709', 1)": 9,
    "layer_bin('u1', '\\x0301000001000000', '\\x0709', 259)": 7,
    "layer_bin('u1', '\\x0301000001000000', '\\x0709', 3)": None,
    "layer_bin('u2', null, '\\x07010900', 1)": 9,
    "layer_bin('u1', null, '\\x0709', 2)": None,
}


def test_packed_positions_are_found_where_they_begin(floor: Floor) -> None:
    with floor.database.reading() as session:
        assert {call: session.scalar(text(f"select {call}")) for call in PACKED} == PACKED
