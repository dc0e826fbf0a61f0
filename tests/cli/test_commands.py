"""Commands that print: JSON parses, exit codes and streams are as promised, secrets stay masked."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from openpyxl import load_workbook
from sqlalchemy import text
from typer.testing import CliRunner

from mes.cli import app
from mes.db import Database
from mes.people.passwords import matches
from mes.reports.catalog import REPORTS
from mes.settings import Settings
from mes.settings import told as told_settings
from mes.units.formats.e142_write import write_e142
from mes.units.formats.frame import Frame, Origin
from mes.units.formats.mapfile import (
    BinCodes,
    BinDefinition,
    BinType,
    DeviceIds,
    Layout,
    MapFile,
    SubstrateMap,
    TransferList,
)
from tests.cli.conftest import DEMONSTRATION, Mes

Told = Callable[..., Any]
NOBODY = {"MES_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_plant_is_compared_applied_once_and_exported(mes: Mes, told: Told, tmp_path: Path) -> None:
    assert all(difference["verb"] == "add" for difference in told("plant", "diff", str(DEMONSTRATION)))
    assert len(told("plant", "apply", str(DEMONSTRATION))) > 50
    assert told("plant", "apply", str(DEMONSTRATION)) == []
    told("plant", "export", str(tmp_path / "out"))
    assert mes("plant", "diff", str(tmp_path / "out")).stdout == "Nothing differs.\n"
    assert told("plant", "check", str(tmp_path / "out")) == []


def test_mistakes_of_a_plant_are_told_by_line_with_code_1(mes: Mes, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("site: 5\n")
    checked = mes("plant", "check", str(tmp_path), "--json", code=1)
    assert "site.yaml:1:" in checked.stderr
    assert any(problem["file"] == "site.yaml" for problem in json.loads(checked.stdout))


@pytest.mark.usefixtures("demonstration")
def test_equipment_is_shown_and_taken_down_with_a_reason(mes: Mes, told: Told) -> None:
    assert {e["state"] for e in told("equipment", "list", "--class", "oven")} == {"SBY"}
    assert told("equipment", "state", "oven-1", "SDT", "--why", "profile check")["state"] == "SDT"
    assert told("equipment", "show", "oven-1")["runs"] == []
    assert told("history", "show", "oven-1", "--kind", "equipment")[-1]["why"] == "profile check"
    mes("equipment", "state", "oven-1", "BROKEN", code=2)


@pytest.mark.usefixtures("demonstration")
def test_recipes_are_listed_and_shown(mes: Mes, told: Told) -> None:
    listed = told("recipe", "list", "--state", "approved")
    shown = told("recipe", "show", listed[0]["recipe"])
    assert shown["sha256"] == listed[0]["sha256"]
    assert {"name", "unit", "low", "high"} <= set(shown["parameters"][0])
    assert mes("recipe", "show", "moon@1", code=1).stderr.startswith("There is no recipe version moon@1")


@pytest.mark.usefixtures("demonstration")
def test_recipe_is_drafted_submitted_signed_and_retired(mes: Mes, told: Told, tmp_path: Path) -> None:
    mes("user", "password", "process.engineer", typed="correct horse\ncorrect horse\n")
    before = told("recipe", "show", "mark@1")
    body = tmp_path / "mark.txt"
    body.write_text(before["body"] + "# finer\n")
    assert told("recipe", "new", "mark@1", "--body", str(body))["state"] == "draft"
    assert told("recipe", "submit", "mark@2")["state"] == "in_review"
    approving = ("recipe", "approve", "mark@2", "--by", "process.engineer")
    assert "No user has that name and password" in mes(*approving, typed="battery staple\n", code=1).stderr
    mes(*approving, typed="correct horse\n")
    assert told("recipe", "show", "mark@2")["approved_by"] == "process.engineer"
    assert told("history", "show", "mark@2")[-1]["actor"] == "process.engineer"
    assert told("recipe", "retire", "mark@2", "--why", "illegible")["state"] == "obsolete"
    body.write_text("speed = fast\n")
    assert "write name = value unit" in mes("recipe", "new", "mark@1", "--body", str(body), code=1).stderr


def test_user_signs_in_with_the_password_typed_twice(mes: Mes, told: Told, database: Database) -> None:
    typed = "correct horse\ncorrect horse\n"
    mes("user", "create", "kim", "--role", "operator", "--title", "Kim Minji", typed=typed)
    assert told("user", "list") == [
        {
            "name": "kim", "title": "Kim Minji", "role": "operator", "customer": None, "password": True, "pin": False,
            "from_text": False,
        }
    ]  # fmt: skip
    mes("user", "password", "kim", typed="battery staple\nbattery staple\n")
    with database.reading() as session:
        kept = session.scalar(text("select password_hash from user_account"))
    assert matches(kept, "battery staple")
    assert not matches(kept, "correct horse")
    assert "at least 10" in mes("user", "password", "kim", typed="short\nshort\n", code=1).stderr
    assert "already a user kim" in mes("user", "create", "kim", "--role", "operator", typed=typed, code=1).stderr
    assert "belongs to a customer" in mes("user", "create", "lee", "--role", "customer", typed=typed, code=1).stderr
    assert "user_created" in mes("user", "create", "park", "--role", "administrator", typed=typed).stderr
    assert told("user", "role", "kim", "--role", "manager")["role"] == "manager"
    assert "only administrator" in mes("user", "end", "park", code=1).stderr
    mes("user", "end", "kim")
    assert {row["name"]: row["password"] for row in told("user", "list")} == {"kim": False, "park": True}


@pytest.mark.usefixtures("demonstration")
def test_history_is_sealed_and_a_cut_chain_is_found(mes: Mes, told: Told, database: Database, tmp_path: Path) -> None:
    seal = str(tmp_path / "now.seal")
    assert told("history", "seal", seal)["chains"] > 10
    assert told("history", "verify", "--seal", seal) == {"whole": True, "problems": []}
    said = mes("history", "verify").stdout
    assert all(word in said for word in ("Every chain is whole", "Not proven", "mes history seal FILE"))
    assert "every entry that was sealed stands" in mes("history", "verify", "--seal", seal).stdout
    lines = Path(seal).read_text()
    Path(seal).write_text(lines.replace("equipment 1 1", "equipment 1 2"))
    assert "has been changed" in mes("history", "verify", "--seal", seal, code=1).stderr
    assert "Nothing happened to L-1" in mes("history", "show", "L-1", code=1).stderr


@pytest.mark.usefixtures("demonstration")
def test_reports_in_every_format(mes: Mes, told: Told) -> None:
    mes("lot", "create", "L-1", "--customer", "hanbit", "--route", "hbm_core", "--substrate", "W-1", "--release")
    assert told("report", "wip")["rows"][0]["units_queued"] == 360
    assert (
        mes("report", "wip", "--format", "csv")
        .stdout.splitlines()[1]
        .startswith("hbm_core,hbm_core/10,Receive,1,1,360")
    )
    assert "Work in process" in mes("report", "wip").stdout
    assert [r["name"] for r in told("report", "list")] == list(REPORTS)
    assert "there are wip, yield" in mes("report", "moon", code=1).stderr
    assert "Report wip has no parameter from" in mes("report", "wip", "--from", "2026-11-01", code=1).stderr
    mes("report", "yield", "--format", "markdown", code=2)
    mes("report", "yield", "--format", "table", "-o", "yield.txt", code=2)
    assert "say which with --format" in mes("report", "yield", "-o", "yield.doc", code=2).stderr


@pytest.mark.usefixtures("demonstration")
def test_report_is_written_to_a_file_in_the_format_of_its_name(mes: Mes, told: Told, tmp_path: Path) -> None:
    mes("lot", "create", "L-1", "--customer", "hanbit", "--route", "hbm_core", "--substrate", "W-1", "--release")
    (row,) = told("report", "wip")["rows"]
    for name in ("wip.xlsx", "wip.parquet", "wip.csv", "wip.json"):
        mes("report", "wip", "-o", str(tmp_path / name))
    (_, *cells) = load_workbook(tmp_path / "wip.xlsx").worksheets[0].iter_rows(values_only=True)
    assert cells == [tuple(row.values())]
    (stored,) = pyarrow.parquet.read_table(tmp_path / "wip.parquet").to_pylist()
    assert stored == row
    assert (tmp_path / "wip.csv").read_text() == mes("report", "wip", "--format", "csv").stdout
    assert json.loads((tmp_path / "wip.json").read_text())["rows"] == [row]
    assert mes("report", "wip", "--json").stdout.endswith("}\n")
    assert mes("report", "wip", "--format", "xlsx").stdout_bytes[:2] == b"PK"
    assert told("report", "yield", "--period", "last_week")["parameters"]["period"] == "last_week"
    both = mes("report", "yield", "--period", "last_week", "--from", "2026-11-01", code=1)
    assert "by its name or by from and to" in both.stderr


def test_settings_say_where_they_come_from_and_keep_secrets(mes: Mes, environment: dict[str, str]) -> None:
    shown = mes("settings", "--json").stdout
    found = {setting["variable"]: setting for setting in json.loads(shown)}
    assert found["MES_DATABASE_URL"]["source"] == "environment"
    assert found["MES_PORT"] == {
        "variable": "MES_PORT", "value": "8000", "default": "8000", "source": "default",
        "meaning": "Port on which the web server listens.",
    }  # fmt: skip
    assert found["MES_APP_PASSWORD"]["value"] == "***"
    assert environment["MES_APP_PASSWORD"] not in shown
    assert ":***@" in found["MES_DATABASE_URL"]["value"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ann:secret@db.example.com:5432/mes", "postgresql://ann:***@db.example.com:5432/mes"),
        (
            "postgresql+psycopg://ann:se@cr/et:1@db/mes?sslmode=require",
            "postgresql+psycopg://ann:***@db/mes?sslmode=require",
        ),
        ("postgresql://ann:54/secret@db", "postgresql://ann:***@db"),
        ("postgresql://ann:secret", "postgresql://ann:***"),
        ("postgresql://ann@[::1]:5432/mes", "postgresql://ann@[:***"),
        ("postgresql://[::1]:5432/mes", "postgresql://[::1]:5432/mes"),
        ("postgresql://db:5432/mes?sslmode=require", "postgresql://db:5432/mes?sslmode=require"),
    ],
)
def test_no_password_is_shown_however_an_address_is_written(address: str, shown: str) -> None:
    told_of = {one.variable: one.value for one in told_settings(Settings(database_url=address))}
    assert told_of["MES_DATABASE_URL"] == shown


def test_file_sets_what_the_environment_does_not(elsewhere: CliRunner) -> None:
    Path("mes.env").write_text("MES_PORT=8123\nMES_HOST=0.0.0.0\n")
    done = elsewhere.invoke(app, ["settings", "--json"], env={"MES_HOST": "127.0.0.1"})
    found = {setting["variable"]: (setting["value"], setting["source"]) for setting in json.loads(done.stdout)}
    assert found["MES_PORT"] == ("8123", "mes.env")
    assert found["MES_HOST"] == ("127.0.0.1", "environment")


def test_wrong_setting_is_wrong_use(elsewhere: CliRunner) -> None:
    done = elsewhere.invoke(app, ["settings"], env={"MES_PORT": "eighty"})
    assert done.exit_code == 2
    assert done.stderr.startswith("MES_PORT is 'eighty'")
    assert done.stdout == ""


def test_map_is_shown_without_a_database(elsewhere: CliRunner) -> None:
    Path("broken.xml").write_text("<MapData")
    done = elsewhere.invoke(app, ["map", "show", "broken.xml"], env=NOBODY)
    assert done.exit_code == 1
    assert "well-formed XML" in done.stderr
    assert elsewhere.invoke(app, ["map", "show", "missing.xml"], env=NOBODY).exit_code == 2


def test_map_is_converted_and_says_how_it_was_drawn(elsewhere: CliRunner) -> None:
    codes = np.array([[1, 2, 1]], np.uint16)
    bins = BinCodes(
        name="Bins", bin_type=BinType.ASCII, null_bin=None, codes=codes + 0x30,
        definitions=(BinDefinition(0x31), BinDefinition(0x32)),
    )  # fmt: skip
    frame = Frame(orientation=90, origin=Origin.CENTER)
    wafer = SubstrateMap(id="W-1", type="Wafer", layout="L", rows=1, columns=3, overlays=(bins,), frame=frame)
    turned = write_e142(MapFile((Layout("L", 3, 1),), (wafer,)))
    Path("came.xml").write_bytes(turned)
    shown = elsewhere.invoke(app, ["map", "show", "came.xml"], env=NOBODY)
    assert "picture turned by 90 degrees; origin center, axis up and right" in shown.stdout
    for option, expected in (((), b"<BinCode>121</BinCode>"), (("--as-it-came",), b"<BinCode>1</BinCode>")):
        done = elsewhere.invoke(app, ["map", "convert", "came.xml", "out.xml", "--json", *option], env=NOBODY)
        assert json.loads(done.stdout)["read"][0]["conversion"].startswith("picture turned by 90 degrees;")
        assert expected in Path("out.xml").read_bytes()
    assert Path("out.xml").read_bytes() == turned


def test_strip_is_shown_with_where_its_units_came_from(mes: Mes, tmp_path: Path) -> None:
    x, y = np.array([0, 1], np.int32), np.array([0, 0], np.int32)
    came = TransferList(name="WaferToStrip", from_substrate="W-5", from_type="Wafer", fx=x + 7, fy=y + 9, tx=x, ty=y)
    ids = DeviceIds(name="Ids", x=x, y=y, texts=("first-id", "last-id"))
    strip = SubstrateMap(id="S-1", type="Strip", layout="Strip", rows=1, columns=2, overlays=(came, ids))
    file = tmp_path / "strip.xml"
    file.write_bytes(write_e142(MapFile(layouts=(Layout("Strip", 2, 1, top_level=True),), substrates=(strip,))))
    shown = mes("map", "show", str(file)).stdout
    assert re.search(r"WaferToStrip .* Wafer W-5 .* 2 ", shown)
    assert re.search(r"Ids .* 2 .* first-id .* last-id", shown)
    assert "\nbins\n" not in shown


def test_server_that_is_not_there_is_told_by_the_program_without_where_in_it(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    call = [sys.executable, "-m", "mes.cli", "lot", "list"]
    env = {**os.environ, "PYTHONPATH": root, **NOBODY}
    done = subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("The database does not answer")
    assert "Traceback" not in done.stderr


def test_help_says_as_whom_commands_act(mes: Mes) -> None:
    said = " ".join(re.sub(r"[^\w\" .,:]", " ", mes("--help").stdout).split())
    assert "act as the administrator" in said
    assert 'history says "administrator", whoever typed' in said
