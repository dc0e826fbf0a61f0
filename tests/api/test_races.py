"""Two web servers, many callers at the same moment: each command takes effect once."""

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier

import httpx
import pytest

from mes.schema import ROOT
from tests.api.conftest import PATIENCE_S, everybody
from tests.shop import Floor

MANY, CROWD = 16, 200


@contextmanager
def serving(floor: Floor) -> Iterator[str]:
    """`mes serve` in a process of its own: its address, once it answers."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listening.close()
    url = floor.database.url.render_as_string(hide_password=False)
    own = {name: value for name, value in os.environ.items() if not name.startswith("MES_")}
    environment = own | {"MES_DATABASE_URL": url, "MES_PORT": str(port), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "mes.cli", "serve"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = next((line for line in process.stderr if "running on" in line), "")
        assert said, "the server ended before it answered"
        yield f"http://127.0.0.1:{port}/api/v1"
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


class Crowd:
    """Callers with the key of one user, on two servers by turns."""

    def __init__(self, addresses: list[str], key: str) -> None:
        self._addresses = addresses
        self._headers = {"authorization": f"Bearer {key}"}

    def at_once(self, count: int, ask: Callable[[httpx.Client, int], httpx.Response]) -> list[httpx.Response]:
        """What so many were answered who asked at the same moment."""
        barrier = Barrier(count)

        def one(n: int) -> httpx.Response:
            with httpx.Client(
                base_url=self._addresses[n % len(self._addresses)], headers=self._headers, timeout=PATIENCE_S
            ) as client:
                barrier.wait(PATIENCE_S)
                return ask(client, n)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))


@pytest.fixture
def crowd(floor: Floor) -> Iterator[Crowd]:
    keys = everybody(floor.database)
    with ExitStack() as stack:
        yield Crowd([stack.enter_context(serving(floor)) for _ in range(2)], keys["line_engineer"])


def one_effect(answers: list[httpx.Response]) -> Counter[tuple[str, str]]:
    """Exactly one took effect; the code and the first reason that the others were told."""
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: len(answers) - 1}
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    return Counter((told["code"], told["reasons"][0]["code"]) for told in refused)


def test_of_many_who_do_the_same_one_has_effect_and_the_others_are_told_why(floor: Floor, crowd: Crowd) -> None:
    for name in ("D0", "D1"):
        floor.arrive(name, "die", f"W of {name}")

    def start(client: httpx.Client, n: int) -> httpx.Response:
        return client.post("/lots/D0/track-in", json={"equipment": "CELL-1"})

    def finish(client: httpx.Client, n: int) -> httpx.Response:
        return client.post("/lots/D0/track-out", json={"good": 12})

    def hold_another(client: httpx.Client, n: int) -> httpx.Response:
        return client.post("/lots/D1/hold", json={"code": "odd", "why": "meanwhile"})

    assert one_effect(crowd.at_once(MANY, start)) == {("start_refused", "nothing_waits"): MANY - 1}
    *finished, other = crowd.at_once(MANY + 1, lambda client, n: (finish if n < MANY else hold_another)(client, n))
    assert set(one_effect(finished)) <= {("refused", "nothing_runs"), ("wrong_state", "wrong_state")}
    assert other.status_code == 200
    assert floor.problems() == []


def test_the_same_key_from_many_gives_all_the_same_answer(floor: Floor, crowd: Crowd) -> None:
    new = {"customer": "alpha", "route": "die", "substrates": ["W1"], "release": True}
    answers = crowd.at_once(MANY, lambda client, n: client.post("/lots", json=new, headers={"Idempotency-Key": "one"}))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert Counter(answer.headers.get("idempotency-replayed") for answer in answers) == {None: 1, "true": MANY - 1}


def test_a_crowd_is_answered(floor: Floor, crowd: Crowd) -> None:
    def ask(client: httpx.Client, n: int) -> httpx.Response:
        new = {"id": f"N{n}", "customer": "alpha", "route": "die", "substrates": [f"W{n}"]}
        return client.post("/lots", json=new) if n % 2 else client.get("/lots", params={"limit": 5})

    assert Counter(answer.status_code for answer in crowd.at_once(CROWD, ask)) == {200: CROWD // 2, 201: CROWD // 2}
