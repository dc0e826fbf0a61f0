"""The process of one equipment: its own certificate, disk and device, serving until it is told to end."""

import asyncio
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

from asyncua import Server

from equipment.interface.pki import Application, read_user_hash, trusted_clients
from equipment.sim.config import DeviceConfig
from equipment.sim.device import Device
from equipment.sim.line import build_device, read_line
from equipment.sim.server import EquipmentServer
from equipment.sim.server_nodes import build_address_space

DISKS = "disks"
TRUTH = "truth"


@dataclass(frozen=True)
class RunningClock:
    """A plant clock that stood at ``epoch`` when the machine's clock showed ``wall0_s`` (seconds of the Unix epoch)
    and runs ``speed`` times as fast. Once made it follows the monotonic clock, so it never runs backwards."""

    epoch: datetime
    wall0_s: float
    speed: float

    def following(self) -> Callable[[], datetime]:
        """What tells the plant time from now on."""
        behind_s = time.time() - self.wall0_s - time.monotonic()
        return lambda: self.epoch + timedelta(seconds=(time.monotonic() + behind_s) * self.speed)


@dataclass(frozen=True)
class Post:
    """Where one equipment of the line stands. ``clock`` is None where a conductor steps it."""

    name: str
    url: str
    application: Application
    data_dir: Path
    clock: RunningClock | None


@cache
def configs_of(plant: Path) -> dict[str, DeviceConfig]:
    """Every equipment of a plant by its name, read once: processes forked after that know it. Raises as `read_line`."""
    return {config.name: config for config in read_line(plant)}


@dataclass(frozen=True)
class DeviceMaker:
    """Makes each equipment's device from its entry in the plant, in the process that runs it."""

    plant: Path
    data_dir: Path
    seed: int

    def __call__(self, name: str) -> Device:
        config = configs_of(self.plant)[name]
        return build_device(config, self.data_dir / DISKS, self.data_dir / TRUTH, self.seed, lambda: str(uuid.uuid4()))


def run_equipment(
    post: Post,
    make_device: Callable[[str], Device],
    space: Server | None,
    ready: Connection,
    lifeline: Connection,
    lifeline_of_parent: Connection,
) -> None:
    """Serve until SIGTERM comes or the parent is gone, whose end of the lifeline closes with it.

    ``space`` is the address space built before the fork; where there was no fork it is built here.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    lifeline_of_parent.close()
    asyncio.run(_serve(post, make_device, space, ready, lifeline))


async def _serve(
    post: Post,
    make_device: Callable[[str], Device],
    space: Server | None,
    ready: Connection,
    lifeline: Connection,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(lifeline.fileno(), stop.set)
    server = space or await build_address_space()
    clock = post.clock.following() if post.clock else None
    equipment = EquipmentServer(server, make_device(post.name), clock)
    user = read_user_hash(post.data_dir)
    await equipment.serve(
        post.url, post.application, user, trusted_clients(post.data_dir), lambda: ready.send(post.name), stop
    )
