"""A thousand distinct maps over HTTP from four clients, some sent twice at once, some again, some for other wafers.

Every wafer must have its own map in the end, once; and a rule that is flipped must flip what a warning causes.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import local
from time import sleep

import httpx
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select

from bench.database import demonstration
from bench.measure import Figure, Meter, Report, Size
from bench.served import engineer, mes_serve
from mes.db import Database
from mes.definitions.models import MapRule
from mes.lots.models import Lot
from mes.units.formats.e142_write import write_e142
from mes.units.formats.frame import Shape
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, Layout, MapFile, SubstrateMap
from mes.units.models import Layer, Substrate

MAPS = {Size.QUICK: 60, Size.USUAL: 1_000, Size.LONG: 1_000}
CLIENTS = 4
SHAPE = (20, 18)
"""Of a wafer of the demonstration's HBM cores."""
TO = {"customer": "hanbit", "route": "hbm_core"}
BUSY_S = 0.05
"""After which a client asks again whose request is still worked on."""
QUALITY = {1: "Pass", 2: "Fail", 3: "Fail"}
_FIRST_CODE = re.compile(rb"<BinCode>[0-9A-F]{4}")


@dataclass(frozen=True)
class Wafer:
    """A wafer with its map, and the key of the request that brings it."""

    name: str
    codes: NDArray[np.uint16]
    key: str

    def content(self, *, odd: bool = False) -> bytes:
        """Its file; ``odd``: with a bin code that it does not define."""
        definitions = tuple(BinDefinition(code, quality=quality) for code, quality in QUALITY.items())
        bins = BinCodes(
            name="Bins", bin_type=BinType.INTEGER2, null_bin=0xFFFF, codes=self.codes, definitions=definitions
        )
        rows, columns = self.codes.shape
        wafer = SubstrateMap(self.name, "Wafer", "Dies", rows, columns, lot=f"L-{self.name}", overlays=(bins,))
        written = write_e142(MapFile((Layout("Dies", columns, rows, top_level=True),), (wafer,)))
        return _FIRST_CODE.sub(b"<BinCode>0009", written, count=1) if odd else written


@dataclass
class Line:
    """Where maps are sent: whose and for what, and how a client is opened."""

    to: dict[str, str]
    opened: Callable[[], httpx.Client]

    def send(self, wafers: Sequence[Wafer], clients: int = CLIENTS) -> list[httpx.Response]:
        """Each from one of so many clients, in their order; the answers stand as the wafers do."""
        own = local()
        every: list[httpx.Client] = []

        def one(wafer: Wafer) -> httpx.Response:
            if not hasattr(own, "client"):
                own.client = self.opened()
                every.append(own.client)
            return self.post(own.client, wafer)

        with ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(one, wafers))
        for client in every:
            client.close()
        return answers

    def post(self, client: httpx.Client, wafer: Wafer, *, odd: bool = False) -> httpx.Response:
        """Its answer; asked again while the same request is worked on for somebody else."""
        headers = {"content-type": "application/xml", "idempotency-key": wafer.key}
        while True:
            answer = client.post("/api/v1/maps", params=self.to, content=wafer.content(odd=odd), headers=headers)
            if answer.status_code != 409 or answer.json()["code"] != "busy":
                return answer
            sleep(BUSY_S)


def wafers(count: int, shape: Shape) -> list[Wafer]:
    """So many, each with bins of its own at random."""
    chance = np.random.default_rng(11)
    bins = np.array(list(QUALITY), np.uint16)
    return [Wafer(f"M-{n:04d}", chance.choice(bins, shape, p=(0.8, 0.15, 0.05)), f"map-{n}") for n in range(count)]


def exchange(line: Line, database: Database, sent: list[Wafer]) -> Counter[str]:
    """Send all of them, a twentieth twice at once, the bins of a twentieth for other wafers, a twentieth late.

    Counts what is wrong in the end: `lost`, `twice`, `mixed`, `answered otherwise`.
    """
    some = len(sent) // 20
    twice, models, late = sent[:some], sent[some : 2 * some], sent[2 * some : 3 * some]
    others = [replace(one, name=f"{one.name}-other", key=f"{one.key}-other") for one in models]
    at_once = [again for one in twice for again in (one, one)]
    asked = [*at_once, *sent[some:], *others]
    answers = line.send(asked)
    wrong = Counter[str](lost=0, twice=0, mixed=0)
    wrong["answered otherwise"] = sum(
        answer.status_code != 201 or [lot["substrates"] for lot in answer.json()["lots"]] != [[wafer.name]]
        for wafer, answer in zip(asked, answers, strict=True)
    )
    known = line.send([replace(one, key=f"{one.key}-late") for one in late])
    wrong["answered otherwise"] += sum(answer.status_code != 409 for answer in known)
    with line.opened() as client:
        for wafer in [*sent, *others]:
            kept = client.get(f"/api/v1/substrates/{wafer.name}/maps/bin:incoming")
            wrong["lost"] += kept.status_code != 200
            wrong["mixed"] += kept.status_code == 200 and kept.json()["codes"] != wafer.codes.tolist()
    there = len(sent) + len(others)
    with database.reading() as session:
        for model in (Lot, Substrate, Layer):
            wrong["twice"] += abs((session.scalar(select(func.count()).select_from(model)) or 0) - there)
    return wrong


def flips(line: Line, database: Database, wafer: Wafer) -> Iterator[str]:
    """What becomes of a map with a warning as the rules say one thing after the other: recorded, stopped, recorded."""
    with line.opened() as client:
        for n, stops in enumerate(([], ["code-undefined"], [])):
            with database.transaction() as session:
                session.execute(delete(MapRule))
                session.add(MapRule(name="flipped", ordinal=1, stops=stops, holds=[], hold_code=None))
            odd = replace(wafer, name=f"{wafer.name}-odd-{n}", key=f"{wafer.key}-odd-{n}")
            answer = line.post(client, odd, odd=True)
            told = answer.json()
            yield told["code"] if answer.status_code == 409 else told["warnings"][-1]["caused"]


def run(size: Size) -> Report:
    """What is wrong in the end, and what it took."""
    with demonstration() as bench:
        key = engineer(bench)
        with mes_serve(bench) as served:
            line, sent = Line(TO, lambda: served.client(key)), wafers(MAPS[size], SHAPE)
            with Meter(served.pid, bench.server.pid).measuring() as spent:
                wrong = exchange(line, bench.database, sent)
            caused = list(flips(line, bench.database, sent[0]))
            peak_mb = _peak_mb(served.pid)
    more: dict[str, float | int | str] = {"maps": len(sent), "clients": CLIENTS, "wall_s": round(spent.wall_s, 1)}
    return Report(
        (
            Figure("lost, twice, mixed or answered otherwise", wrong.total(), "", budget=0, more=more | dict(wrong)),
            Figure("flips of a rule that did not flip the outcome", _unflipped(caused), "", budget=0),
            Figure("CPU of the servers for a map", 1000 * spent.server_cpu_s / len(sent), "ms"),
            Figure("peak memory of the web server", peak_mb, "MB"),
        ),
    )


def _unflipped(caused: list[str]) -> int:
    return sum(one != expected for one, expected in zip(caused, ("recorded", "map_stopped", "recorded"), strict=True))


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024
