"""A cell of the miniature shop as a simulated device, with the link that the MES keeps to it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import URL

from equipment.client.memory import MemoryEquipment
from equipment.interface.messages import Record
from equipment.sim.config import DeviceConfig, Kind
from equipment.sim.device import Device
from equipment.sim.disk import Disk
from equipment.sim.world import World
from mes.definitions.clock import set_plant_clock
from mes.equipment.models import Alarm, Equipment
from mes.jobs import orders
from mes.jobs.connector import Connector
from mes.jobs.link import Link
from mes.jobs.models import ReceivedRecord, SentOrder
from mes.runs.models import Run
from tests.shop import BEGIN, Floor

T = TypeVar("T")


@dataclass
class Cell:
    """One cell: its device in memory, the link to it, and what stands in the database about it."""

    floor: Floor
    owner_url: URL
    name: str
    world: World
    boots: int = 0
    disks: list[Disk] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.device = self._device(self._disk())
        self.equipment = MemoryEquipment(self.device)
        self.link = self.new_link()

    def _disk(self) -> Disk:
        self.disks.append(Disk(":memory:", f"{self.name}-journal-{len(self.disks) + 1}"))
        return self.disks[-1]

    def _device(self, disk: Disk) -> Device:
        self.boots += 1
        config = DeviceConfig(self.name, "cell", Kind.HANDLING, 2, 8)
        device = Device(config, disk, self.world, 7, f"boot-{self.boots}")
        device.advance(BEGIN)
        return device

    def restart(self, *, new_disk: bool = False, disk: int = -1) -> None:
        """Power off and on again; with another disk it remembers nothing, or what that one knows."""
        self.device = self._device(self._disk() if new_disk else self.disks[disk])
        self.equipment.plug(self.device)

    def new_link(self) -> Link:
        """The link of a connector that starts."""
        return Link(self.floor.database, self.id, self.equipment)

    @property
    def id(self) -> int:
        return self.floor.id_of(Equipment, self.name)

    def sync(self) -> bool:
        return run(self.link.sync())

    def order(self, *lots: str) -> int:
        """Order a run on this cell; its id."""
        ordered: Run = self.floor.do(orders.order, self.floor.wanted(self.name, *lots))
        return ordered.id

    def work(self) -> None:
        """Let everything happen that happens by itself."""
        while (at := self.device.next_event()) is not None:
            self.device.advance(at)

    def journal(self) -> tuple[Record, ...]:
        """The records that nobody has acknowledged."""
        return self.device.records(0, 1000).records

    def order_state(self, run_id: int) -> str:
        with self.floor.database.reading() as session:
            return session.get_one(SentOrder, run_id).state

    def records(self) -> list[tuple[int, str, str, str]]:
        """Sequence, kind, state and problem of all that is stored."""
        with self.floor.database.reading() as session:
            rows = session.scalars(select(ReceivedRecord).order_by(ReceivedRecord.id)).all()
            return [(r.sequence, r.kind, r.state, r.problem) for r in rows]

    def sequence_of(self, record_id: int) -> int:
        """The place of a stored record in its journal."""
        with self.floor.database.reading() as session:
            return session.get_one(ReceivedRecord, record_id).sequence

    def alarms(self) -> list[tuple[str, str]]:
        with self.floor.database.reading() as session:
            return [(alarm.code, alarm.text) for alarm in session.scalars(select(Alarm).order_by(Alarm.id))]

    def record(self) -> Equipment:
        with self.floor.database.reading() as session:
            return session.get_one(Equipment, self.id)

    def plant(self, *statements: str) -> None:
        """Do something to the database that only its owner can."""
        engine = create_engine(self.owner_url)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def refuse(self, table: str, when: str) -> None:
        """From now on every insert or update of such rows of the table fails, for no reason the MES knows."""
        self.plant(
            "create or replace function fail() returns trigger language plpgsql as"
            " $$ begin raise exception 'disk on fire'; end $$",
            f"create trigger fail before insert or update on {table} for each row"
            f" when ({when}) execute function fail()",
        )

    def accept(self, table: str) -> None:
        """End of `refuse`."""
        self.plant(f"drop trigger fail on {table}")


def run(work: Coroutine[Any, Any, T]) -> T:
    """One asynchronous call to its end."""
    return asyncio.run(work)


def connector(*cells: Cell) -> Connector:
    """A connector that has just started."""
    return Connector(cells[0].floor.database, [cell.new_link() for cell in cells])


@pytest.fixture
def cells(floor: Floor, owner_url: URL) -> Iterator[list[Cell]]:
    """Two cells on a plant clock that stands."""
    database, world = floor.database, World(":memory:")
    with database.transaction() as session:
        set_plant_clock(session, BEGIN, 0)
    cells = [Cell(floor, owner_url, name, world) for name in ("CELL-1", "CELL-2")]
    yield cells
    for disk in (disk for cell in cells for disk in cell.disks):
        disk.close()
    world.close()


@pytest.fixture
def cell(cells: list[Cell]) -> Cell:
    return cells[0]
