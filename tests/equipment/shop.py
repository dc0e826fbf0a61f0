"""A small shop to test equipment in: devices in one world, recipes, orders and maps that fit together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipment.interface.codec import sha256_of
from equipment.interface.messages import (
    AttachSite,
    JobOrder,
    JobSubstrate,
    Parameter,
    PositionMap,
    Record,
    SubstrateResult,
)
from equipment.interface.states import MapRole
from equipment.sim.config import DeviceConfig, Kind
from equipment.sim.device import Device
from equipment.sim.disk import Disk
from equipment.sim.orders import roles_of
from equipment.sim.world import World

SHIFT_BEGINS = datetime(2026, 1, 5, 6, tzinfo=UTC)
SEED = 7

BODIES = {
    Kind.PLACEMENT: "bond_force = 60 N\nhead_temperature = 280 Cel\ndwell_time = 1 s\n",
    Kind.THERMAL: "# profile\npeak_temperature = 245 Cel\ntime_at_peak = 60 s\nprofile_time = 6 min\n",
    Kind.TEST: "unit_time = 4 s\n",
    Kind.HANDLING: "unit_time = 0.5 s\n",
    Kind.DISPENSE: "unit_time = 3 s\n",
    Kind.REMOVAL: "feed_speed = 20 mm/s\nunit_time = 2 s\nthickness = 100 um\n",
    Kind.DEPOSITION: "thickness = 4 um\ndeposit_time = 10 min\n",
    Kind.INSPECTION: "unit_time = 1 s\n",
}


def config(kind: Kind, name: str = "", **numbers: float) -> DeviceConfig:
    """An equipment of that kind with two heads and, if not told otherwise, everyday figures."""
    return DeviceConfig(name or f"{kind}-1", f"{kind}_class", kind, 1, 25, 2, numbers)


BONDER = config(Kind.PLACEMENT, "bonder-1")


def full(rows: int = 6, columns: int = 8) -> NDArray[np.bool_]:
    return np.ones((rows, columns), np.bool_)


def order(
    kind: Kind,
    job: str = "J-1",
    substrates: Iterable[str] = ("T-1", "T-2"),
    *,
    lot: str = "L-1",
    visit: int = 1,
    sites: tuple[AttachSite, ...] = (),
    sources: tuple[tuple[str, str], ...] = (),
    loads: tuple[str, ...] = (),
    parameters: tuple[Parameter, ...] = (),
) -> JobOrder:
    parts = tuple(JobSubstrate(lot, substrate, visit) for substrate in substrates)
    sha256 = sha256_of(BODIES[kind])
    return JobOrder(job, f"route/{kind}", f"{kind}@1", sha256, parameters, parts, sites, sources, loads)


TWO_PRODUCTS = (AttachSite(1, 1, "logic"), AttachSite(2, 1, "memory"), AttachSite(2, 2, "memory"))
SOURCES = (("S-logic", "logic"), ("S-memory-1", "memory"), ("S-memory-2", "memory"))


def assembly(job: str = "J-1", substrates: Iterable[str] = ("T-1", "T-2")) -> JobOrder:
    """Two sites of which one has two levels, from three source wafers."""
    return order(Kind.PLACEMENT, job, substrates, sites=TWO_PRODUCTS, sources=SOURCES)


def maps_of(
    job: JobOrder, targets: NDArray[np.bool_] | None = None, sources: NDArray[np.bool_] | None = None
) -> list[PositionMap]:
    """Every map that an order needs: 6 x 8 targets and loads, 12 x 12 sources where nothing else is given."""
    shapes = {
        MapRole.WORK: targets if targets is not None else full(),
        MapRole.LOAD: full(),
        MapRole.SOURCE: sources if sources is not None else full(12, 12),
    }
    return [PositionMap(name, role, shapes[role]) for name, role in roles_of(job).items()]


@dataclass
class Shop:
    """Devices that share a world; their disks are files in ``folder``, or in memory where it is None."""

    folder: Path | None = None
    seed: int = SEED
    world: World = field(init=False)
    _open: list[Disk | World] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(self.folder / "world.sqlite" if self.folder else ":memory:")
        self._open.append(self.world)

    def device(self, its_config: DeviceConfig = BONDER, boot: str = "boot-1", journal: str = "") -> Device:
        """The device on its disk, with the recipe of its kind, at the begin of the shift or where it was."""
        path = self.folder / f"{its_config.name}.sqlite" if self.folder else ":memory:"
        disk = Disk(path, journal or f"journal-of-{its_config.name}")
        self._open.append(disk)
        device = Device(its_config, disk, self.world, self.seed, boot)
        device.advance(SHIFT_BEGINS)
        body = BODIES[its_config.kind]
        assert device.download_recipe(its_config.kind.value, 1, body, sha256_of(body)).accepted
        return device

    def close(self) -> None:
        for opened in self._open:
            opened.close()

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def begin(device: Device, job: JobOrder, maps: Iterable[PositionMap]) -> None:
    """Store, load maps and start; every answer must accept."""
    answers = [device.store(job), *(device.load_map(job.job_order_id, m) for m in maps), device.start(job.job_order_id)]
    assert [answer.text for answer in answers if not answer.accepted] == []


def run_out(device: Device) -> tuple[Record, ...]:
    """Step the device until nothing happens by itself any more; all its records."""
    while (event := device.next_event()) is not None:
        device.advance(event)
    return device.records(0, 10_000).records


def work(device: Device, job: JobOrder, maps: Iterable[PositionMap]) -> dict[str, SubstrateResult]:
    """Run one job order to its end: the results by substrate."""
    begin(device, job, maps)
    mine = [record.body for record in run_out(device) if record.job_order_id == job.job_order_id]
    return {body.substrate: body for body in mine if isinstance(body, SubstrateResult)}
