"""What deploy/ says agrees with the program: settings that exist, files that are there, units that systemd accepts."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mes.schema import ROOT
from mes.settings import PREFIX, Settings

DEPLOY = ROOT / "deploy"
FILES = [f for f in sorted(DEPLOY.rglob("*")) if f.is_file() and "plants" not in f.parts]
UNITS = DEPLOY / "systemd"
OF_COMPOSE = {"MES_OWNER_PASSWORD"}
"""Variables of compose alone."""


def test_every_setting_that_is_named_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OF_COMPOSE
    named = {name for file in FILES for name in re.findall(r"\bMES_[A-Z_]+", file.read_text())}
    assert len(named) > 5
    assert named <= known


def test_the_image_holds_what_is_there_and_does_not_run_as_root() -> None:
    words = (DEPLOY / "Dockerfile").read_text()
    _, build, final = words.split("FROM ")
    sources = re.findall(r"/app/(\S+)", " ".join(re.findall(r"^COPY --from=build (.*) \S+$", final, re.MULTILINE)))
    assert {"mes", "alembic.ini", "migrations"} <= set(sources)
    missing = [source for source in sources if source != ".venv" and not (ROOT / source).exists()]
    assert missing == []
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{source}" for source in sources if source != ".venv"} <= set(ignored)
    assert re.findall(r"^USER (\S+)", final, re.MULTILINE) == ["mes"]
    assert "/health/live" in final.partition("HEALTHCHECK")[2]
    assert {build.split()[0], final.split()[0]} == {"python:3.11-slim"}


def test_compose_starts_in_order_and_gives_nobody_more_than_needed() -> None:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    images = {service["image"] for service in services.values()}
    assert images == {"interposer", "postgres:18", "nginx:1.28"}
    owners = {name for name, service in services.items() if "mes_owner" in str(service)}
    assert owners == {"database", "owner"}
    for service in services.values():
        for name in service.get("depends_on", {}):
            assert name in services
        if service["image"] == "interposer":
            assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert [name for name, service in services.items() if "ports" in service] == ["web"]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("NO SYSTEMD: its units were not verified.")
    for unit in UNITS.iterdir():  # the program is not where they look for it
        here = re.sub(r"^ExecStart=/opt\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(here)

    def judged() -> subprocess.CompletedProcess[str]:
        units = [str(tmp_path / unit.name.replace("@", "@8000")) for unit in sorted(UNITS.iterdir())]
        return subprocess.run([verify, "verify", "--man=no", *units], capture_output=True, text=True)

    found = judged()
    assert (found.returncode, found.stderr) == (0, "")
    broken = tmp_path / "mes-serve@.service"
    broken.write_text(broken.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
    assert "NoNewPrivilege" in judged().stderr


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_units_are_hardened_alike(unit: Path) -> None:
    told = set(unit.read_text().splitlines())
    assert {"User=interposer", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= told
