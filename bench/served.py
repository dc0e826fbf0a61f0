"""Servers in processes of their own: `mes serve` over the database of a benchmark, and the echo."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx

from bench.database import Bench
from mes.people.keys import create_key
from mes.people.models import User
from mes.people.passwords import hash_password
from mes.people.permissions import ALLOWED, Permission
from mes.people.roles import Role
from mes.schema import ROOT

START_S = 60.0
NAME, SECRET = "bench_engineer", "of-the-benchmark"


@dataclass(frozen=True)
class Served:
    """A server that answers: its address and its process."""

    address: str
    pid: int

    def client(self, key: str = "") -> httpx.Client:
        """One connection that is kept."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)


def engineer(bench: Bench) -> str:
    """A line engineer who can sign in as `NAME` with `SECRET`; the key of a program that acts as one."""
    with bench.database.transaction() as session:
        hashed = hash_password(SECRET)
        session.add(User(name=NAME, title="Line engineer", role=Role.LINE_ENGINEER, password_hash=hashed))
        session.flush()
        scopes = [p for p in Permission if Role.LINE_ENGINEER in ALLOWED[p]]
        return create_key(session, "bench", NAME, scopes, timedelta(days=1), by="bench")


@contextmanager
def mes_serve(bench: Bench) -> Iterator[Served]:
    """`mes serve` over the database of a benchmark."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MES_")}
    url = bench.database.url.render_as_string(hide_password=False)
    port = _free_port()
    environment = own | {"MES_DATABASE_URL": url, "MES_PORT": str(port), "MES_DATA_DIR": str(bench.folder)}
    with _running([sys.executable, "-m", "mes.cli", "serve"], environment, port, "/health/ready") as served:
        yield served


@contextmanager
def echo_serve() -> Iterator[Served]:
    """The echo, on the same uvicorn as it comes."""
    port = _free_port()
    with _running([sys.executable, "-m", "bench.echo", str(port)], dict(os.environ), port, "/docs") as served:
        yield served


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str], port: int, path: str) -> Iterator[Served]:
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait(process, address + path)
            yield Served(address, process.pid)
        finally:
            process.terminate()


def _wait(process: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
