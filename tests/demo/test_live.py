"""The running demonstration: pages answer, lots move, Ctrl-C ends all of it, and it goes on where it stopped."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from equipment.interface.codec import sha256_of
from equipment.interface.endpoints import read_endpoints
from equipment.interface.pki import make_connector, make_credentials
from mes.schema import ROOT
from tests.demo.runs import Database, Demo, demo
from tests.demo.small_plant import edit, small_plant

SPEED = 80
"""A reflow takes five seconds at that speed: time enough to look at it."""
TRACKED_IN_S = 180.0
"""After which a first lot is tracked in, as everybody is promised, whatever else the machine does."""
OVEN = "reflow-1"
BODY = "peak_temperature = 245 Cel\ntime_at_peak = 10 s\nprofile_time = 30 s\n"
SCRIPT = ROOT / "tests" / "node" / "check.js"
NODE_S = 120.0
BEGUN = f"""
select r.name from run r join equipment e on e.id = r.equipment_id join plant_clock on true
where e.name = '{OVEN}' and r.state = 'running'
and plant_at + (clock_timestamp() - wall_at) * speed - r.started_at < interval '200 s'
"""
PRODUCTION = f"select r.name from run r join equipment e on e.id = r.equipment_id where e.name = '{OVEN}'"


@pytest.fixture(scope="module")
def place(folder: Path) -> Path:
    """The data directory of all demonstrations here."""
    return folder / "live"


@pytest.fixture(scope="module")
def lively(folder: Path) -> Path:
    """The small plant; its reflow ovens take a job order more than they have places for."""

    def change(content: Any) -> None:
        (reflow,) = (one for one in content["classes"] if one["name"] == "reflow_oven")
        reflow["simulation"]["waiting"] = 1

    plant = small_plant(folder / "lively")
    edit(plant / "equipment.yaml", change)
    return plant


def words(plant: Path) -> list[str]:
    """How it is asked for."""
    return ["--plant", str(plant), "--speed", str(SPEED), "--port", "0"]


@pytest.fixture(scope="module")
def first(lively: Path, place: Path) -> Iterator[tuple[Demo, Database]]:
    """A demonstration that has tracked in a lot."""
    with demo(place, *words(lively)) as running, closing(Database(place)) as database:
        running.until(lambda: database.rows("select 1 from run limit 1") or None, TRACKED_IN_S)
        yield running, database


def read(address: str) -> str:
    """A page."""
    with urllib.request.urlopen(address, timeout=TRACKED_IN_S) as page:
        assert page.status == 200
        return str(page.read(), "utf-8")


def test_it_says_where_it_is_and_how_to_sign_in(first: tuple[Demo, Database]) -> None:
    running, _ = first
    told = running.told()
    assert {"address", "log_ins", "processes", "opcua", "incoming", "truth", "seed"} <= set(told)
    assert {"postgres", "line", "connector", "web"} == set(told["processes"])
    running.until(lambda: told["address"] in running.said or None)
    assert all(who["password"] in running.said for who in told["log_ins"])
    assert (running.folder / "demo.json").stat().st_mode & 0o077 == 0


def test_its_pages_answer(first: tuple[Demo, Database]) -> None:
    address = first[0].told()["address"]
    first[0].until(lambda: _answers(f"{address}health/ready"))
    assert "Interposer" in read(address)


def _answers(address: str) -> bool | None:
    try:
        return bool(read(address))
    except OSError:
        return None


def test_no_run_starts_before_its_order(first: tuple[Demo, Database]) -> None:
    running, database = first
    running.until(lambda: database.rows("select 1 from run where started_at is not null offset 4 limit 1") or None)
    assert database.rows("select name, ordered_at, started_at from run where started_at < ordered_at") == []
    assert database.rows("select code from alarm where code = 'CLOCK_BEHIND'") == []


def test_its_equipment_serves_a_client_of_another_make(first: tuple[Demo, Database], tmp_path: Path) -> None:
    running, database = first
    running.until(lambda: database.rows(BEGUN) or None)
    found = drive(running.folder, tmp_path)
    assert found["held_before"]
    assert set(found["held_before"]) <= {name for (name,) in database.rows(PRODUCTION)}
    assert set(found["refused"]) == {"policy_none", "anonymous", "wrong_password", "untrusted_certificate"}
    assert all(found["refused"].values())
    assert "hash" in found["why"][1]
    assert (found["response"]["state"], found["response"]["SubstrateResults"]) == (5, 2)
    last = found["response"]["LastRecord"]
    seen = running.until(
        lambda: database.rows("select max(sequence) from received_record where run = 'N-1' and state = 'rejected'")
    )
    assert last >= 1
    assert seen


def drive(data_dir: Path, folder: Path) -> dict[str, Any]:
    """What node-opcua found when it had an oven of the running line work two substrates."""
    endpoint = read_endpoints(data_dir)[OVEN]
    connector, user, rogue = make_connector(data_dir), make_credentials(data_dir), make_connector(folder / "rogue")
    options = {
        "url": endpoint.url,
        "serverCertificate": endpoint.certificate,
        "certificate": str(connector.certificate),
        "key": str(connector.key),
        "rogueCertificate": str(rogue.certificate),
        "rogueKey": str(rogue.key),
        "user": user.user,
        "password": user.password,
        "recipe": {"name": "independent", "version": 1, "body": BODY, "sha256": sha256_of(BODY)},
        "job": {"id": "N-1", "lot": "L-1", "substrates": ["T-1", "T-2"], "rows": 3, "columns": 4},
        "stepped": False,
        "most_s": NODE_S,
    }
    file = folder / "options.json"
    file.write_text(json.dumps(options))
    ended = subprocess.run(["node", str(SCRIPT), str(file)], capture_output=True, text=True, timeout=2 * NODE_S)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_ctrl_c_ends_everything_and_it_goes_on_later(first: tuple[Demo, Database], lively: Path, place: Path) -> None:
    running, database = first
    everyone = psutil.Process(running.process.pid).children(recursive=True)
    everyone += [psutil.Process(pid) for pid in running.pids().values()]
    (runs, at) = database.rows("select (select count(*) from run), (select max(happened_at) from history)")[0]
    assert running.interrupt() == 0, running.complained
    gone, stayed = psutil.wait_procs(everyone, 10.0)
    assert stayed == []
    assert len(gone) > len(running.told()["opcua"])
    with demo(place, *words(lively)) as again:
        later = Database(place)
        more = again.until(
            lambda: later.rows(f"select count(*) from run where started_at > '{at}' having count(*) > 0") or None
        )
        assert more[0][0] >= 1
        assert later.rows("select count(*) from run")[0][0] >= runs
        assert later.rows("select count(*) from received_record where state = 'received' and problem <> ''") == [(0,)]
        later.close()
