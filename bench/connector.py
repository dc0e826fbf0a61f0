"""Records per second and CPU of the connector over real OPC UA, beside a client that only decodes the same records.

A simulated prober has worked many lots and keeps its records. The bare client reads and decodes them and does no more;
then the connector receives, stores and acknowledges them, and applies them to maps, ledgers and history.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.database import BEGIN, PLACES, PLANT_DIR, Bench, demonstration
from bench.line_at_work import Lots
from bench.measure import Figure, Meter, Report, Size, Spent, beside, middle
from equipment.client.opcua import OpcuaEquipment, open_line
from mes.definitions.clock import set_plant_clock
from mes.jobs import orders
from mes.jobs.connector import Connector
from mes.jobs.link import Link, links
from mes.schema import ROOT

ROUNDS, QUICK_ROUNDS = 5, 1
LOTS, QUICK_LOTS = 8, 5
"""Of each round; ten substrates of each are probed."""
PROBER = "prober-1"


def run(size: Size) -> Report:
    """Receiving and applying, each by record."""
    with demonstration() as bench, _line(bench.folder / "line") as data_dir:
        rounds = asyncio.run(_rounds(bench, data_dir, quick=size is Size.QUICK))
    return Report(
        (_figure("receive, store, acknowledge", rounds.received, rounds), _figure("apply", rounds.applied, rounds)),
        "a client that only reads and decodes the same records",
        (f"{rounds.records[-1]} records a round, of which five in six are probed wafers of 360 dies",),
    )


@dataclass
class _Rounds:
    """By round: how many records, and what was spent on all of them."""

    records: list[int] = field(default_factory=list)
    bare: list[Spent] = field(default_factory=list)
    received: list[Spent] = field(default_factory=list)
    applied: list[Spent] = field(default_factory=list)


@contextmanager
def _line(folder: Path) -> Iterator[Path]:
    """One prober of the demonstration centre in its own process, with a place for every job. Its data directory."""
    plant = yaml.safe_load((PLANT_DIR / "equipment.yaml").read_text())
    equipment = [entry for entry in plant["equipment"] if entry["name"] == PROBER]
    classes = [entry | {"places": PLACES} for entry in plant["classes"] if entry["name"] == equipment[0]["class"]]
    folder.mkdir()
    (folder / "equipment.yaml").write_text(yaml.safe_dump({"classes": classes, "equipment": equipment}))
    options = ["--plant", str(folder), "--data-dir", str(folder), "--seed", "7", "--stepped"]
    command = [sys.executable, "-m", "equipment.sim", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as line:
        try:
            assert line.stdout is not None
            if "serving" not in line.stdout.readline():
                raise AssertionError("the simulated prober did not start; it said why on standard error")
            yield folder
        finally:
            line.terminate()


async def _rounds(bench: Bench, data_dir: Path, *, quick: bool) -> _Rounds:
    with bench.database.transaction() as session:
        set_plant_clock(session, BEGIN, 0)
    prober, bare = (open_line(data_dir)[PROBER] for _ in range(2))
    (link,) = links(bench.database, {PROBER: prober})
    connector = Connector(bench.database, [link])
    found = _Rounds()
    try:
        await bare.connect()
        await link.receive()
        await prober.advance(BEGIN)
        for number in range((QUICK_ROUNDS if quick else ROUNDS) + 1):
            count = QUICK_LOTS if quick else LOTS
            await _probe(bench, link, prober, tuple(f"CORE-{number}-{n}" for n in range(count)))
            await _measure(bench, connector, link, bare, found)
    finally:
        await connector.close()
        await bare.close()
    return found


async def _probe(bench: Bench, link: Link, prober: OpcuaEquipment, names: tuple[str, ...]) -> None:
    """Order a job for each of new lots, and let the prober work all of them; nothing is received meanwhile."""
    lots = Lots(bench, "hbm_core", "hanbit", (20, 18), names)
    bench.transact(lots.create())
    bench.transact(lots.release())
    lots.move_to(40)
    bench.transact(lots.track_in(PROBER, orders.order))
    with bench.database.reading() as session:
        errands = orders.errands(session, [link.equipment_id])[link.equipment_id]
    await link.say(errands)
    while (event := await prober.next_event()) is not None:
        await prober.advance(event)


async def _measure(bench: Bench, connector: Connector, link: Link, bare: OpcuaEquipment, found: _Rounds) -> None:
    meter = Meter(bench.server.pid)
    with meter.measuring() as spent:
        found.records.append(await _decode(bare))
    found.bare.append(spent)
    with meter.measuring() as spent:
        await link.receive()
    found.received.append(spent)
    with meter.measuring() as spent:
        while connector.apply_all():
            pass
    found.applied.append(spent)
    _refuse_unapplied(bench, sum(found.records))


async def _decode(bare: OpcuaEquipment) -> int:
    """Read every record that the equipment keeps; how many. Acknowledged ones are gone."""
    count = last = 0
    while records := (await bare.records(last)).records:
        count, last = count + len(records), records[-1].sequence
    return count


def _refuse_unapplied(bench: Bench, records: int) -> None:
    with bench.as_owner() as connection:
        row = connection.execute("select count(*) from received_record where state = 'applied'").fetchone()
    if row != (records,):
        raise AssertionError(f"{records} records were given, {row} were applied")


def _figure(name: str, spent: list[Spent], rounds: _Rounds) -> Figure:
    """CPU milliseconds a record, without the first round, which warms up."""
    counts = rounds.records[1:]
    pairs = list(zip(spent[1:], rounds.bare[1:], counts, strict=True))
    more: dict[str, float | int | str] = {
        "records_per_s": middle((n / s.wall_s for s, _, n in pairs), 0),
        "bare_records_per_s": middle((n / b.wall_s for _, b, n in pairs), 0),
        "application_cpu_ms": middle(1000 * s.own_cpu_s / n for s, _, n in pairs),
        "postgresql_cpu_ms": middle(1000 * s.server_cpu_s / n for s, _, n in pairs),
        "records": sum(counts),
    }
    measured, bare = [1000 * s.cpu_s / n for s, _, n in pairs], [1000 * b.cpu_s / n for _, b, n in pairs]
    return beside(name, "ms CPU", measured, bare, more=more)
