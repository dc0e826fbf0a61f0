"""The processes of the command line start, answer, and stop in order."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from mes.cli import app
from mes.cli.centre import Centre
from mes.cli.database import open_database
from mes.cli.demo import already
from mes.cli.ports import wait_for_listening
from mes.cli.processes import Program
from mes.db import Database
from mes.errors import Away
from mes.settings import Settings
from tests.cli.conftest import DEMONSTRATION, Mes
from tests.demo.penny import PENNY
from tests.web.conftest import serving

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def stranger(owner_url: URL) -> Iterator[URL]:
    """The address with the login of somebody who may connect and nothing else."""
    owner = owner_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("create role stranger login password 'unknown'")
        yield owner_url.set(username="stranger", password="unknown")
        connection.execute("drop role stranger")


@pytest.fixture
def server(environment: dict[str, str], database: Database, port: int) -> Iterator[subprocess.Popen[str]]:
    """`mes serve`, which knows the application's login and no other."""
    login = {"MES_DATABASE_URL": database.url.render_as_string(hide_password=False), "MES_APP_PASSWORD": ""}
    own = {"PYTHONPATH": str(ROOT), "MES_PORT": str(port), "MES_LOG_FORMAT": "json"}
    env = {**os.environ, **environment, **login, **own}
    call = [sys.executable, "-m", "mes.cli", "serve"]
    with subprocess.Popen(call, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_serve_answers_and_stops_on_sigterm_with_the_applications_login(
    server: subprocess.Popen[str], port: int
) -> None:
    assert server.stderr is not None
    logged = iter(server.stderr.readline, "")
    assert next(line for line in logged if "running on" in json.loads(line)["event"])
    assert ready(f"http://127.0.0.1:{port}")
    server.send_signal(signal.SIGTERM)
    _, said = server.communicate(timeout=PATIENCE_S)
    assert server.returncode in (0, -signal.SIGTERM), said
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["level"] for line in lines] == ["info"] * len(lines)
    (request,) = [line for line in lines if line["event"] == "request"]
    assert (request["path"], request["status"], len(request["request_id"])) == ("/health/ready", 200, 32)


def test_serve_works_as_mes_app_whoever_the_address_names(environment: dict[str, str], stranger: URL) -> None:
    address = stranger.render_as_string(hide_password=False)
    with (
        open_database(Settings(database_url=address, app_password=environment["MES_APP_PASSWORD"])) as database,
        serving(database) as site,
    ):
        assert ready(site.address)


def ready(address: str) -> bool:
    """Whether the pages have their database."""
    with urllib.request.urlopen(f"{address}/health/ready", timeout=PATIENCE_S) as page:
        return bool(page.status == 200)


def test_what_only_the_owner_may_do_is_refused_to_others(
    environment: dict[str, str], owner_url: URL, empty_url: URL, stranger: URL, database: Database
) -> None:
    def refused(login: URL, *words: str) -> str:
        settings = environment | {"MES_DATABASE_URL": login.render_as_string(hide_password=False)}
        done = CliRunner(env=settings).invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 1, done.output
        return done.stderr

    sentence = "may not make roles and tables here"
    assert f"The role mes_app {sentence}" in refused(database.url, "db", "init")
    assert f"The role stranger {sentence}" in refused(stranger, "db", "upgrade")
    bare = database.url.set(database=empty_url.database)
    assert f"The role mes_app {sentence}" in refused(bare, "plant", "apply", str(DEMONSTRATION))
    assert "holds nothing of Interposer yet; mes db init makes it ready" in refused(bare, "lot", "list")
    assert "This login does not see every row" in refused(stranger, "db", "check")


def test_programs_of_a_centre_know_no_login_but_the_applications(
    environment: dict[str, str], owner_url: URL, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = owner_url.password
    assert isinstance(owners, str)
    monkeypatch.setenv("MES_DATABASE_URL", environment["MES_DATABASE_URL"])
    monkeypatch.setenv("PGPASSWORD", owners)
    settings = Settings(
        database_url=environment["MES_DATABASE_URL"], app_password=environment["MES_APP_PASSWORD"], data_dir=data_dir
    )
    centre = Centre(data_dir, PENNY, settings, seed=1, port=0)
    with centre.running(speed=0):
        centre.connect()
        programs = json.loads((data_dir / "demo.json").read_text())["processes"]
        assert set(programs) == {"line", "web", "connector"}
        for name, pid in programs.items():
            told = psutil.Process(pid).environ()
            assert owners not in " ".join(told.values()), name
            assert ("//mes_app:" in told.get("MES_DATABASE_URL", "")) == (name != "line")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("command", [["demo"], ["demo", "--headless", "--lots", "1"], ["serve"]])
def test_taken_port_is_refused_before_anything_starts(command: list[str], taken: int, tmp_path: Path) -> None:
    settings = {"MES_DATA_DIR": str(tmp_path / "data"), "MES_DATABASE_URL": ""}
    done = CliRunner(env=settings).invoke(app, [*command, "--port", str(taken)], catch_exceptions=False)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Port {taken} of 127.0.0.1 cannot be listened on")
    assert "--port" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "data").exists()


def test_pages_that_die_at_start_are_told_with_their_last_words(port: int, tmp_path: Path) -> None:
    program = Program("web", ["http.server", "--no-such-option"], {}, tmp_path / "web.log")
    program.start()
    with pytest.raises(Away, match=rf"(?s)did not start on port {port}; everything was ended.*unrecognized arguments"):
        wait_for_listening(program, port, PATIENCE_S)


def test_pages_are_there_when_their_own_process_listens(taken: int, port: int, tmp_path: Path) -> None:
    program = Program("web", ["http.server", str(port), "--bind", "127.0.0.1"], {}, tmp_path / "web.log")
    program.start()
    try:
        wait_for_listening(program, port, PATIENCE_S)
        with pytest.raises(Away):
            wait_for_listening(program, taken, 0.2)
    finally:
        program.end()


@pytest.mark.usefixtures("demonstration")
def test_a_run_that_goes_on_says_so(mes: Mes, database: Database, data_dir: Path) -> None:
    centre = Centre(data_dir, DEMONSTRATION, Settings(), seed=1, port=0)
    centre.database = database
    assert already(centre) == ""
    mes("lot", "create", "L-1", "--customer", "hanbit", "--route", "hbm_core", "--substrate", "W-1")
    assert already(centre).startswith(f"{data_dir} already holds 1 lot: it goes on there")


@pytest.mark.usefixtures("demonstration")
def test_password_that_was_set_anew_is_not_told_as_it_was(
    mes: Mes, database: Database, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre = Centre(data_dir, DEMONSTRATION, Settings(), seed=1, port=0)

    def told() -> dict[str, str]:
        with database.transaction() as session:
            centre._log_ins = centre._give_passwords(session)
        centre._write({})
        return {who["name"]: who["password"] for who in centre._log_ins}

    first = told()
    with monkeypatch.context() as without:
        without.delattr("mes.cli.centre.matches")  # to try a password takes long
        assert told() == first
    mes("user", "password", "manager", typed="correct horse\ncorrect horse\n")
    assert told() == {**first, "manager": "as it was set"}


def test_connect_without_equipment_says_what_to_do(mes: Mes, tmp_path: Path) -> None:
    refused = mes("connect", "--line", str(tmp_path), code=1)
    assert "has no endpoints.json; start the equipment first" in refused.stderr


def test_json_logs_are_one_object_a_line() -> None:
    program = (
        "from mes.cli import logs; import structlog; logs.set_up('json'); structlog.get_logger().info('é', lot='L-1')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    logged = json.loads(done.stderr)
    assert (logged["event"], logged["lot"], logged["level"]) == ("é", "L-1", "info")
    assert done.stdout == ""
