"""What the edge costs the servers: commands over HTTP beside an echo of the same requests, and boards that are open."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import httpx
import psutil

from bench.database import Bench, demonstration
from bench.measure import Figure, Meter, Report, Size, Spent, beside
from bench.served import NAME, SECRET, Served, echo_serve, engineer, mes_serve

ROUNDS, QUICK_ROUNDS = 7, 2
LOTS, ECHOED = 10, 100
"""Of each round, one after the other on one connection; the echo is so quick that it needs more to be measured."""
SUBSTRATES = 2
"""Of each lot."""
DRAINED_S = 1.5
"""After which the feed has read what a round has put into the outbox: it looks every second, and is woken before."""
AIM = 8
"""Times the CPU of the echo."""

BOARDS, QUICK_BOARDS = (0, 50, 200), (0, 50)
WATCHED_S, QUICK_WATCHED_S = 20.0, 6.0
FIRST_PAGE_S = 60.0
EVENT_S = 1.0
"""A change on the line every so often, which every open board shows."""
BUDGET_CORE = 10.0
"""Per cent of one core that 200 open boards may take more than none."""


def run(size: Size) -> Report:
    """Commands, then boards."""
    quick = size is Size.QUICK
    with demonstration() as bench:
        key = engineer(bench)
        with mes_serve(bench) as served, echo_serve() as echo:
            figures = [_commands(bench, served, echo, key, QUICK_ROUNDS if quick else ROUNDS)]
            figures += _boards(bench, served, key, quick=quick)
    return Report(
        tuple(figures),
        "a stock FastAPI application on the same uvicorn that echoes the same three requests",
        (f"Commands: create and release, track in, track out of lots with {SUBSTRATES} wafers, {LOTS} lots a round.",),
    )


def _commands(bench: Bench, served: Served, echo: Served, key: str, rounds: int) -> Figure:
    meters = Meter(served.pid, bench.server.pid), Meter(echo.pid)
    ours: list[Spent] = []
    theirs: list[Spent] = []
    with served.client(key) as mes, echo.client() as stock:
        for number in range(rounds + 1):
            asked = ((meters[0], mes, LOTS, ours), (meters[1], stock, ECHOED, theirs))
            for meter, client, lots, spent in asked:
                with meter.measuring() as one:
                    _work(client, number, lots)
                    time.sleep(DRAINED_S)
                spent.append(one)
    mine = [1000 * s.server_cpu_s / LOTS for s in ours[1:]]
    bare = [1000 * s.server_cpu_s / ECHOED for s in theirs[1:]]
    wall_ms = 1000 * min(one.wall_s - DRAINED_S for one in ours[1:]) / LOTS / 3
    more: dict[str, float | int | str] = {"ratio aimed at": AIM, "wall_ms a request": round(wall_ms, 1)}
    return beside("create and release, track in, track out", "ms server CPU", mine, bare, more=more)


def _work(client: httpx.Client, number: int, lots: int) -> None:
    for n in range(lots):
        lot = f"EDGE-{number}-{n}"
        wafers = [f"{lot}-{w}" for w in range(SUBSTRATES)]
        body = {"id": lot, "customer": "hanbit", "route": "hbm_core", "substrates": wafers, "release": True}
        steps = (
            ("/api/v1/lots", body),
            (f"/api/v1/lots/{lot}/track-in", {"equipment": "sorter-1"}),
            (f"/api/v1/lots/{lot}/track-out", {"substrates": [{"id": wafer, "bins": []} for wafer in wafers]}),
        )
        for path, asked in steps:
            client.post(path, json=asked).raise_for_status()


def _boards(bench: Bench, served: Served, key: str, *, quick: bool) -> Iterator[Figure]:
    """CPU and memory of the servers with so many boards open, while something changes on the line."""
    seconds = QUICK_WATCHED_S if quick else WATCHED_S
    meter = Meter(served.pid, bench.server.pid)
    base = None
    with served.client() as client, served.client(key) as worker:
        form = {"name": NAME, "password": SECRET}
        client.post("/sign-in", data=form, headers={"origin": served.address})
        cookies = dict(client.cookies)
        for count in QUICK_BOARDS if quick else BOARDS:
            with _watching(served, cookies, count):
                with meter.measuring() as spent:
                    _happen(worker, seconds)
                memory = psutil.Process(served.pid).memory_info().rss / 1e6
            percent = 100 * spent.server_cpu_s / spent.wall_s
            base = percent if base is None else base
            budget = base + BUDGET_CORE if count == 200 else None
            yield Figure(
                f"{count} open boards", percent, "% of a core", budget=budget, more={"web server MB": round(memory)}
            )


@contextmanager
def _watching(served: Served, cookies: dict[str, str], count: int) -> Iterator[None]:
    """So many streams of the board, each read by a thread of its own."""
    with ExitStack() as stack:
        readers = []
        for _ in range(count):
            client = stack.enter_context(httpx.Client(base_url=served.address, cookies=cookies, timeout=60))
            answer = stack.enter_context(client.stream("GET", "/board/stream", headers={"accept": "text/event-stream"}))
            readers.append(_Reader(answer.raise_for_status()))
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.wait()
        yield


class _Reader(Thread):
    """Reads a stream of events until it is closed."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(daemon=True)
        self._answer = answer
        self._has_page = Event()

    def run(self) -> None:
        try:
            for _ in self._answer.iter_raw():
                self._has_page.set()
        except (httpx.TransportError, httpx.StreamError):
            pass  # it was closed: the measurement is over

    def wait(self) -> None:
        """Wait for the first message, which is the whole page. Raises `TimeoutError`."""
        if not self._has_page.wait(FIRST_PAGE_S):
            raise TimeoutError(f"The first page of a board did not come within {FIRST_PAGE_S:.0f} s.")


def _happen(worker: httpx.Client, seconds: float) -> None:
    until, down = time.monotonic() + seconds, False
    while time.monotonic() < until:
        down = not down
        body = {"state": "UDT" if down else "SBY", "why": "a benchmark"}
        worker.post("/api/v1/equipment/sorter-1/state", json=body).raise_for_status()
        time.sleep(EVENT_S)
