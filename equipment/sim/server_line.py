"""The processes of a line: started together, started again where one died, ended together."""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from asyncua import Server

from equipment.interface.endpoints import Endpoint, write_endpoints
from equipment.sim.device import Device
from equipment.sim.server_nodes import build_address_space
from equipment.sim.server_process import Post, run_equipment

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 5.0
QUICK_DEATH_S = 5.0
LONGEST_PAUSE_S = 5.0
FIRST_PORTS = range(20_000, 32_000)
"""Below the ports that the system hands out by itself."""

logger = logging.getLogger(__name__)


class LineError(RuntimeError):
    """The line could not be started; the text says which part of it."""


def free_ports(count: int, base: int | None) -> list[int]:
    """A block of ports that are free on loopback now, from ``base`` where it is given. Raises `LineError`."""
    start = FIRST_PORTS.start + os.getpid() * 40 % len(FIRST_PORTS)
    for first in (base,) if base is not None else (*range(start, FIRST_PORTS.stop, count), *FIRST_PORTS[::count]):
        block = list(range(first, first + count))
        if all(map(_is_free, block)):
            return block
    raise LineError(f"no {count} free ports in a row from {base or FIRST_PORTS.start}; give another --port-base")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass
class Station:
    """One equipment's process, and how often it died young."""

    post: Post
    process: BaseProcess
    started_s: float
    quick_deaths: int = field(default=0)


class Line:
    """All equipment of a line as children of this process; ``endpoints.json`` says where they are.

    They are forked from one address space; without ``fork``, or where there is none, each builds its own.
    """

    def __init__(
        self, data_dir: Path, posts: Iterable[Post], make_device: Callable[[str], Device], *, fork: bool = True
    ) -> None:
        self._data_dir = data_dir
        self._posts = tuple(posts)
        self._make_device = make_device
        forks = fork and "fork" in multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("fork" if forks else "spawn")
        self._space: Server | None = None
        self._stations: dict[str, Station] = {}
        self._lifeline_of_child, self._lifeline = self._context.Pipe(duplex=False)
        self._wake, self._wake_up = self._context.Pipe(duplex=False)
        self._ending = False

    def run(self, when_up: Callable[[], None]) -> None:
        """Start the line and keep it alive until SIGTERM or SIGINT comes. Raises `LineError` where it cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        if self._context.get_start_method() == "fork":
            gc.disable()  # hardly anything of it is garbage
            self._space = asyncio.run(build_address_space())
            gc.collect()
            gc.freeze()  # the children share these pages as long as nobody touches them
            gc.enable()
        try:
            self._start(self._posts)
            when_up()
            while not self._ending:
                wait([self._wake, *(station.process.sentinel for station in self._stations.values())])
                self._revive()
        finally:
            self._stop()

    def _end(self, number: int, frame: object) -> None:  # noqa: ARG002
        self._ending = True
        self._wake_up.send_bytes(b".")

    def _start(self, posts: Iterable[Post]) -> None:
        """Start processes side by side, wait until all of them serve, then tell where they are."""
        waiting: dict[Connection, str] = {}
        for post in posts:
            ready, ready_of_child = self._context.Pipe(duplex=False)
            process = self._context.Process(  # type: ignore[attr-defined]  # both contexts have it, their base has not
                target=run_equipment, name=post.name,
                args=(post, self._make_device, self._space, ready_of_child, self._lifeline_of_child, self._lifeline),
            )  # fmt: skip
            process.start()
            ready_of_child.close()
            known = self._stations.get(post.name)
            self._stations[post.name] = Station(post, process, time.monotonic(), known.quick_deaths if known else 0)
            waiting[ready] = post.name
        deadline = time.monotonic() + START_TIMEOUT_S
        while waiting and not self._ending:
            done = wait([*waiting, self._wake], max(0.0, deadline - time.monotonic()))
            if not done:
                raise LineError(f"not serving after {START_TIMEOUT_S:.0f} s: {', '.join(waiting.values())}")
            for ready in [pipe for pipe in waiting if pipe in done]:
                _expect_ready(ready, waiting.pop(ready))
        self._write_endpoints()

    def _revive(self) -> None:
        """Start again what died, after a pause that grows while it dies young."""
        for station in [s for s in self._stations.values() if not s.process.is_alive()]:
            lived_s = time.monotonic() - station.started_s
            station.quick_deaths = station.quick_deaths + 1 if lived_s < QUICK_DEATH_S else 0
            logger.warning("%s ended with code %s; starting it again", station.post.name, station.process.exitcode)
            pause_s = min(0.1 * 2**station.quick_deaths, LONGEST_PAUSE_S)
            if self._ending or (station.quick_deaths and self._wake.poll(pause_s)):
                return
            try:
                self._start([station.post])
                logger.warning("%s serves again", station.post.name)
            except LineError as error:
                logger.warning("%s", error)  # it died again before it served: the next round tries once more

    def _write_endpoints(self) -> None:
        endpoints = {}
        for name, station in self._stations.items():
            application, pid = station.post.application, station.process.pid
            assert pid is not None
            endpoints[name] = Endpoint(station.post.url, application.uri, str(application.certificate), pid)
        write_endpoints(self._data_dir, endpoints)

    def _stop(self) -> None:
        processes = [station.process for station in self._stations.values()]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + END_TIMEOUT_S
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def _expect_ready(ready: Connection, name: str) -> None:
    try:
        ready.recv()
    except EOFError as error:
        raise LineError(f"{name} ended before it served; its message stands above") from error
    finally:
        ready.close()
