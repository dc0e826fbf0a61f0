"""The command line on a real database, in this process; sub-processes where that is the point."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.engine import URL
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from mes.cli import app
from mes.db import Database
from mes.definitions.clock import set_plant_clock
from mes.people.models import User
from mes.postgres import EmbeddedPostgres
from tests.api.conftest import Api, everybody
from tests.conftest import MIGRATED
from tests.databases import APP_PASSWORD, copy
from tests.shop import BEGIN, Floor, mapped
from tests.web.conftest import CHEAPLY, hashed, serving

PLANTED = "template_planted"
DEMONSTRATION = Path(__file__).parents[2] / "deploy" / "plants" / "demonstration_centre"

Mes = Callable[..., Result]
As = Callable[..., Result]


@pytest.fixture(autouse=True)
def _passwords_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of a password takes longer than most commands, and is no matter of theirs."""
    monkeypatch.setattr("mes.people.passwords._HASHER", CHEAPLY)


@pytest.fixture
def environment(owner_url: URL, database: Database, tmp_path: Path) -> dict[str, str]:
    """Settings that name the test's own database and folders."""
    password = database.url.password
    assert isinstance(password, str)
    return {
        "MES_DATABASE_URL": owner_url.render_as_string(hide_password=False),
        "MES_APP_PASSWORD": password,
        "MES_DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def mes(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Mes:
    """`mes` with these words; by default it must succeed. What one command has compiled, the next need not."""
    monkeypatch.setattr("mes.cli.database.Database", cache(Database))

    def call(*words: str, code: int = 0, typed: str | None = None) -> Result:
        done = CliRunner(env=environment).invoke(app, words, input=typed, catch_exceptions=False)
        assert done.exit_code == code, f"mes {' '.join(words)}: {done.exit_code}\n{done.output}"
        return done

    return call


@pytest.fixture
def told(mes: Mes) -> Callable[..., Any]:
    """What `mes … --json` says."""
    return lambda *words, code=0: json.loads(mes(*words, "--json", code=code).stdout)


@pytest.fixture(scope="session")
def planted(postgres: EmbeddedPostgres, migrated: URL) -> str:
    """A template in which the demonstration centre stands."""
    copy(postgres, MIGRATED, PLANTED)
    url = migrated.set(database=PLANTED).render_as_string(hide_password=False)
    environment = {"MES_DATABASE_URL": url, "MES_APP_PASSWORD": APP_PASSWORD}
    applied = CliRunner(env=environment).invoke(app, ["plant", "apply", str(DEMONSTRATION), "--why", "a test"])
    assert applied.exit_code == 0, applied.output
    return PLANTED


@pytest.fixture
def demonstration(database: Database) -> None:
    """The demonstration centre, applied."""


@pytest.fixture
def api(floor: Floor) -> Iterator[Api]:
    """A server over the floor, with a key of each role and customer, on a clock that stands."""
    keys = everybody(floor.database)
    with floor.database.transaction() as session:
        set_plant_clock(session, BEGIN, 0)
        session.execute(update(User).values(password_hash=hashed()))
    with capture_logs(), serving(floor.database) as site:  # or the server writes between the lines of commands
        yield Api(site.address, keys)


@pytest.fixture
def over_http(api: Api, tmp_path: Path) -> As:
    """`mes` with these words over HTTP, as a user; without any database, and by default it must succeed."""

    def call(
        *words: str, user: str = "administrator", address: str | None = None, code: int = 0, typed: str | None = None
    ) -> Result:
        environment = {
            "MES_ADDRESS": address or api.address,
            "MES_API_KEY": api.keys.get(user, user),
            "MES_DATA_DIR": str(tmp_path / "none"),
        }
        done = CliRunner(env=environment).invoke(app, words, input=typed, catch_exceptions=False)
        assert done.exit_code == code, f"mes {' '.join(words)}: {done.exit_code}\n{done.output}"
        return done

    return call


@pytest.fixture
def line(floor: Floor) -> Floor:
    """D1 has been baked by one run and is in another; A1 waits, beta's B1 is held; packages were made of D2's dies."""
    floor.stock("D2", "die", mapped("W2", [[1, 1, 1, 9]] * 3))
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-2", "P1", sources=["W2"])
    moves = [
        ("W2", n, 0, "I1", x, y, site, 1, 1, 0) for n, (x, y, site) in enumerate([(0, 0, 1), (0, 0, 2), (1, 0, 1)])
    ]
    floor.report(run, "I1", moves=moves)
    floor.arrive("D1", "die", "W1")
    floor.order("CELL-1", "D1")
    floor.arrive("A1", "board", "X1", "X2")
    floor.arrive("B1", "die", "V1", customer="beta")
    return floor


@pytest.fixture
def both(mes: Mes, over_http: As) -> Callable[..., str]:
    """What a command prints, in the same words on the database and over HTTP."""

    def call(*words: str, code: int = 0) -> str:
        here, there = mes(*words, code=code), over_http(*words, code=code)
        assert there.stderr == here.stderr
        assert there.stdout_bytes == here.stdout_bytes
        return here.stdout + here.stderr

    return call
