"""A client of another make drives an equipment: node-opcua, which shares no code with the product."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipment.interface.codec import sha256_of
from equipment.interface.pki import make_connector
from equipment.sim.config import Kind
from tests.equipment.line_process import ROOT, LineProcess
from tests.equipment.shop import BODIES

SCRIPT = ROOT / "tests" / "node" / "check.js"
TIMEOUT_S = 60.0
DONE, INVALID = [[0, 1], ""], [1, 0]  # 64 bits as that client gives them: high and low half
BODY = BODIES[Kind.THERMAL]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("plant")
    process = LineProcess.of_plant(folder, "--stepped")
    try:
        yield drive(process, folder)
    finally:
        process.close()


def drive(line: LineProcess, folder: Path) -> dict[str, Any]:
    """What the other client found when it had the oven work two substrates."""
    address, rogue = line.address("oven-1"), make_connector(folder / "rogue")
    options = {
        "url": address.url,
        "serverCertificate": str(address.server_certificate),
        "certificate": str(address.client_certificate),
        "key": str(address.client_key),
        "rogueCertificate": str(rogue.certificate),
        "rogueKey": str(rogue.key),
        "user": address.user,
        "password": address.password,
        "recipe": {"name": "thermal", "version": 1, "body": BODY, "sha256": sha256_of(BODY)},
        "job": {"id": "N-1", "lot": "L-1", "substrates": ["T-1", "T-2"], "rows": 3, "columns": 4},
        "stepped": True,
        "now": "2026-11-02T06:00:00Z",
        "most_s": 20,
    }
    file = folder / "options.json"
    file.write_text(json.dumps(options))
    ended = subprocess.run(["node", str(SCRIPT), str(file)], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_it_is_refused_what_everyone_is_refused(findings: dict[str, Any]) -> None:
    assert set(findings["refused"]) == {"policy_none", "anonymous", "wrong_password", "untrusted_certificate"}
    assert all(findings["refused"].values())
    assert "BadUserAccessDenied" in findings["refused"]["wrong_password"]
    assert "BadCertificateUntrusted" in findings["refused"]["untrusted_certificate"]


def test_it_is_refused_another_recipe_and_told_why(findings: dict[str, Any]) -> None:
    assert findings["download_with_wrong_hash"][0] == INVALID
    assert findings["store_with_wrong_hash"] == [INVALID]
    assert "hash" in findings["why"][1]


def test_its_job_runs_and_leaves_numbered_records(findings: dict[str, Any]) -> None:
    assert findings["download"] == findings["load_map"] == DONE
    assert findings["store"] == findings["start"] == findings["clear"] == [DONE[0]]
    assert findings["held_before"] == {}
    assert findings["held"] == {"N-1": 1}
    assert findings["response"] == {"status": 1, "state": 5, "LastRecord": 5, "SubstrateResults": 2}
    assert [record["sequence"] for record in findings["records"]] == [1, 2, 3, 4, 5, 6]
    results = [record for record in findings["records"] if record["body"] == "SubstrateResultDataType"]
    assert [(one["job"], one["substrate"], one["touched"]) for one in results] == [
        ("N-1", "T-1", 12),
        ("N-1", "T-2", 12),
    ]
