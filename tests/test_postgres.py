"""The embedded server: it starts, survives a kill, is shared, and refuses data it cannot read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from mes import postgres
from mes.postgres import EmbeddedPostgres, PostgresError, tell_lost_clusters


def connect(server: EmbeddedPostgres) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.url.replace("+psycopg", ""))


def test_first_start_makes_a_durable_server_on_loopback_with_a_password(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir) as server, connect(server) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync'),"
            " current_setting('synchronous_commit'), current_setting('password_encryption')"
        ).fetchone()
        assert row == (18, "on", "on", "scram-sha-256")
        listening = [c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == "LISTEN"]
        assert listening == ["127.0.0.1"]
        assert psutil.Process(server.pid).uids().effective != 0
        assert (data_dir / "pg18.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(connection.info.dsn, password="guess")
    assert not server.alive()


def test_kill_loses_nothing_committed_and_revive_keeps_the_url(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir) as server:
        with connect(server) as connection:
            connection.execute("CREATE TABLE lot AS SELECT 7 AS id")
        url, first_pid = server.url, server.pid
        os.kill(first_pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(first_pid)] if psutil.pid_exists(first_pid) else [])
        assert not server.alive()
        server.revive()
        assert server.alive() and server.pid != first_pid and server.url == url
        with connect(server) as connection:
            assert connection.execute("SELECT id FROM lot").fetchone() == (7,)


def test_second_start_attaches_and_its_stop_leaves_the_server_running(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir) as server:
        with EmbeddedPostgres.start(data_dir) as attached:
            assert (attached.pid, attached.owned) == (server.pid, False)
            with pytest.raises(PostgresError, match="belongs to another process"):
                attached.revive()
        assert server.alive()
        connect(server).close()


def test_server_whose_owner_was_killed_is_adopted_and_then_stopped(data_dir: Path) -> None:
    program = (
        "import sys, pathlib; from mes.postgres import EmbeddedPostgres;"
        "print(EmbeddedPostgres.start(pathlib.Path(sys.argv[1])).pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    with EmbeddedPostgres.start(data_dir) as adopted:
        assert (adopted.pid, adopted.owned) == (pid, True)
    assert not adopted.alive()


def test_another_port_is_taken_when_the_old_one_is_not_free(data_dir: Path) -> None:
    EmbeddedPostgres.start(data_dir).stop()
    with EmbeddedPostgres.start(data_dir) as first:
        taken = json.loads((data_dir / "pg18.json").read_text())["port"]
        second_dir = data_dir / "second"
        second_dir.mkdir(mode=0o755)
        (second_dir / "pg18.json").write_text(json.dumps({"password": "unused", "port": taken}))
        with EmbeddedPostgres.start(second_dir) as second:
            assert second.url != first.url
            connect(second).close()


@pytest.mark.parametrize("folder", ["pg17", "pg18"])
def test_data_of_another_version_are_refused_and_left_alone(data_dir: Path, folder: str) -> None:
    (data_dir / folder).mkdir()
    (data_dir / folder / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresError, match=r"PostgreSQL 17; this release runs 18.*mes db restore"):
        EmbeddedPostgres.start(data_dir)
    assert [file.name for file in (data_dir / folder).iterdir()] == ["PG_VERSION"]


def test_data_directory_closed_to_others_is_served_from_where_the_server_user_can_read(
    data_dir: Path, home: Path
) -> None:
    closed = data_dir / "closed"
    for _ in range(2):
        closed.mkdir(mode=0o700)
        with EmbeddedPostgres.start(closed) as server:
            connect(server).close()
            cluster = (closed / "pg18").resolve()
            assert (closed in cluster.parents) == (os.geteuid() != 0)
        shutil.rmtree(closed)


@pytest.fixture
def home(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for clusters of closed data directories."""
    home = data_dir / "home"
    home.mkdir(mode=0o755)
    monkeypatch.setattr(postgres, "CLUSTER_HOME", home)
    return home


def clustered(home: Path, data_dir: Path) -> Path:
    """A cluster in ``home`` as a start leaves it, with the data directory that it belongs to."""
    cluster = home / f"pg18-{data_dir.name}"
    cluster.mkdir()
    data_dir.mkdir()
    (data_dir / "pg18").symlink_to(cluster)
    (cluster / postgres.NOTE).write_text(str(data_dir))
    return cluster


def test_cluster_whose_data_directory_is_gone_is_told_and_kept(
    data_dir: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept, deleted, made_anew, renamed = (data_dir / name for name in ("kept", "deleted", "made_anew", "renamed"))
    clusters = {place: clustered(home, place) for place in (kept, deleted, made_anew, renamed)}
    shutil.rmtree(deleted)
    shutil.rmtree(made_anew)
    made_anew.mkdir()
    renamed.rename(data_dir / "another")
    tell_lost_clusters()
    assert set(home.iterdir()) == set(clusters.values())
    (told,) = caplog.messages
    assert [str(cluster) in told for cluster in clusters.values()] == [False, True, True, False]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's databases stand elsewhere")
def test_data_directory_that_was_moved_keeps_its_database(data_dir: Path, home: Path) -> None:
    before, after = data_dir / "before" / "mes-data", data_dir / "after" / "mes-data"
    for place in (before.parent, after.parent):
        place.mkdir(mode=0o700)
    with EmbeddedPostgres.start(before) as server, connect(server) as connection:
        connection.execute("create table kept ()")
    before.rename(after)
    with EmbeddedPostgres.start(after) as server, connect(server) as connection:
        connection.execute("select from kept")


def test_data_directory_whose_cluster_is_gone_says_so_and_makes_no_other(data_dir: Path, home: Path) -> None:
    clustered(home, data_dir / "whole").rename(home / "elsewhere")
    with pytest.raises(PostgresError, match=r"pg18 leads to .*pg18-whole, which is gone.*mes db restore"):
        EmbeddedPostgres.start(data_dir / "whole")
    assert [file.name for file in home.iterdir()] == ["elsewhere"]
