"""Opening the database: the embedded server, first use of a bare one, and what is refused."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from mes.cli import app
from mes.cli.database import open_database, password_file
from mes.errors import Refused
from mes.settings import Settings
from tests.cli.conftest import Mes


def url(of: URL) -> str:
    return of.render_as_string(hide_password=False)


def test_embedded_database_is_made_on_first_use_and_found_again(data_dir: Path) -> None:
    settings = Settings(database_url=None, app_password=None, data_dir=data_dir)
    with open_database(settings) as database:
        with database.reading() as session:
            assert session.scalar(text("select current_user")) == "mes_staff"
        first = password_file(settings).read_text()
        with open_database(settings) as attached, attached.reading() as session:
            assert session.scalar(text("select count(*) from lot")) == 0
    assert stat.S_IMODE(password_file(settings).stat().st_mode) == 0o600
    with open_database(settings) as database, database.reading() as session:
        assert session.scalar(text("select session_user")) == "mes_app"
    assert password_file(settings).read_text() == first


def test_bare_database_gets_its_schema_and_an_old_one_is_refused_until_upgraded(
    empty_url: URL, environment: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings(database_url=url(empty_url), app_password=environment["MES_APP_PASSWORD"], data_dir=tmp_path)
    with open_database(settings) as database, database.reading() as session:
        assert session.scalar(text("select count(*) from lot")) == 0
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0000'"))
    engine.dispose()
    with (
        pytest.raises(Refused, match=r"version 0000, this release works with .*; run mes db upgrade"),
        open_database(settings),
    ):
        pass


@pytest.mark.parametrize(
    "command",
    [
        ["lot", "list"], ["report", "wip"], ["history", "show", "L-1"], ["db", "check"], ["db", "upgrade"],
        ["lot", "release", "L-1"], ["user", "password", "kim"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_database_is_made_where_one_is_looked_for(command: list[str], tmp_path: Path) -> None:
    mistyped = tmp_path / "mistyped"
    settings = {"MES_DATA_DIR": str(mistyped), "MES_DATABASE_URL": "", "MES_NEW_PASSWORD": "correct horse"}
    done = CliRunner(env=settings).invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"There is no database in {mistyped}. ")
    assert all(word in done.stderr for word in ("MES_DATA_DIR", "make demo", "mes db init"))
    assert done.stdout == ""
    assert not mistyped.exists()


def test_password_that_others_use_is_not_replaced_unasked(owner_url: URL, tmp_path: Path) -> None:
    settings = Settings(database_url=url(owner_url), app_password=None, data_dir=tmp_path)
    with pytest.raises(Refused, match="set MES_APP_PASSWORD"), open_database(settings):
        pass
    assert not password_file(settings).exists()


def test_init_and_upgrade_are_idempotent(mes: Mes) -> None:
    for command in ("init", "upgrade", "init"):
        assert '"schema"' in mes("db", command, "--json").stdout
    assert mes("db", "check").stdout.startswith("Clean.")
