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
from sqlalchemy import func, select

from mes.history import History
from mes.schema import ROOT
from tests.api.conftest import PATIENCE_S, everybody
from tests.api.test_verbs import HOLED, TABLE, Asked, Told, roomy_line
from tests.shop import Floor

MANY, CROWD, FEW = 16, 200, 6
ONCE = {
    "release": "created", "split": "queued", "merge": "queued", "track-in": "queued", "track-out": "running",
    "abort": "running", "release-hold": "queued", "scrap": "queued", "pull-sample": "queued", "migrate": "queued",
    "dispose-suspects": "queued", "store": "queued", "downgrade": "queued", "renumber": "queued",
    "upgrade": "queued", "ship": "stocked", "skip": "queued", "move": "queued",
    "bonus": "queued", "correct": "queued", "reopen": "completed", "return-to-owner": "queued", "destroy": "queued",
    "terminate": "queued", "change-owner": "queued", "part": "stocked",
}  # fmt: skip
"""Verbs that must win once, and the state of the lot that they are asked of at the same moment."""
AGAIN = {"priority", "reserve", "hold", "future-hold", "recount", "withdraw"}
"""Verbs that are right to do again: the same wish is fulfilled already, or each is one of its own."""


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
def keys(floor: Floor) -> dict[str, str]:
    """The key of each role."""
    return everybody(floor.database)


@pytest.fixture
def servers(floor: Floor, keys: dict[str, str]) -> Iterator[list[str]]:
    """The addresses of two."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(floor)) for _ in range(2)]


@pytest.fixture
def crowd(servers: list[str], keys: dict[str, str]) -> Crowd:
    return Crowd(servers, keys["line_engineer"])


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


def test_every_verb_that_must_win_once_does(floor: Floor, servers: list[str], keys: dict[str, str]) -> None:
    line = roomy_line(floor)
    assert {row.split()[0] for row in TABLE.strip().splitlines()} == ONCE.keys() | AGAIN
    crowd = Crowd(servers, keys["administrator"])
    one = httpx.Client(base_url=servers[0], headers={"authorization": f"Bearer {keys['administrator']}"})
    for verb, state in ONCE.items():
        asked = Asked(line, one, line.lot(state, held=verb == "release-hold", hole=verb in HOLED), state)
        path, body = asked.request(verb)
        answers = crowd.at_once(FEW, lambda client, _, path=path, body=body: client.post(path, json=body))  # type: ignore[misc]
        won = [answer for answer in answers if answer.is_success]
        lost = [answer for answer in answers if not answer.is_success]
        assert len(won) == 1, (verb, {answer.text[:300] for answer in answers})
        guessed = {429} if "password" in body else set[int]()  # who signs many at once may be guessing
        assert {answer.status_code for answer in lost} <= {404, 409, 422} | guessed, (
            verb,
            [answer.text for answer in lost],
        )
        assert all(answer.json()["detail"].endswith(".") for answer in lost), verb
    one.close()
    assert floor.problems() == []


def test_splits_and_merges_meet_track_outs_and_bulk_holds_cross(
    floor: Floor, servers: list[str], keys: dict[str, str]
) -> None:
    """Whoever comes first: nobody is told of a deadlock, and no update is lost."""
    line, crowd = roomy_line(floor), Crowd(servers, keys["administrator"])
    lots = [line.lot("running") for _ in range(4)]
    waits = line.lot("queued")
    calm = [line.arrive(f"CALM-{n}") for n in range(3)]  # no split adds to these
    wanted: tuple[tuple[Told, int], ...] = (
        ({"route": "board"}, len(lots) + 1 + len(calm)),
        ({"q": "CALM"}, len(calm)),
        ({"q": "ALM-", "customer": "alpha"}, len(calm)),
    )

    def ask(client: httpx.Client, n: int) -> httpx.Response:
        lot = lots[n % len(lots)]
        which, expected = wanted[n % len(wanted)]
        paths: tuple[tuple[str, Told], ...] = (
            (f"/lots/{lot}/split", {"substrates": [f"{lot}.2"]}),
            (f"/lots/{lot}/track-out", {}),
            (f"/lots/{waits}/merge", {"lot": lot}),
            ("/bulk/hold", {"which": which, "expected": expected, "code": "height"}),
        )
        path, body = paths[n // len(lots) % len(paths)]
        return client.post(path, json={"why": "at the same moment"} | body)

    answers = crowd.at_once(8 * len(lots), ask)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}, [answer.text for answer in answers]
    held = sum(answer.json()["count"] for answer in answers if answer.is_success and "/bulk/" in str(answer.url))
    with floor.database.reading() as session:
        at_first = session.scalar(
            select(func.count(History.id)).where(History.verb == "hold", History.subject_kind == "lot")
        )
    assert at_first == held > 0
    assert Counter(answer.status_code for answer in answers if answer.is_success).total() > len(lots)
    assert floor.problems() == []
