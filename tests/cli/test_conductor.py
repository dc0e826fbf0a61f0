"""The conductor asks only who may have something to come, and tells the time to all who may be given work."""

from __future__ import annotations

import asyncio
from datetime import datetime

from equipment.client.memory import MemoryEquipment
from equipment.sim.config import Kind
from equipment.sim.device import Device
from mes.cli.conductor import Conductor
from mes.cli.persons import Looked
from mes.cli.signatures import Signature
from mes.definitions.clock import set_plant_clock
from tests.equipment.shop import SHIFT_BEGINS, Shop, begin, config, maps_of, order
from tests.shop import Floor


def no_signature(signature: Signature) -> None:
    raise AssertionError(f"nobody signs here: {signature}")


class Counted(MemoryEquipment):
    """Counts how often it is asked for its next event."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.asked = 0

    async def next_event(self) -> datetime | None:
        self.asked += 1
        return await super().next_event()


def test_idle_equipment_is_asked_once_and_told_every_time(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    with floor.database.transaction() as session:
        set_plant_clock(session, SHIFT_BEGINS, 0)
    with Shop() as shop:
        devices = [shop.device(config(Kind.HANDLING, name)) for name in ("CELL-1", "CELL-2", "ELSEWHERE")]
        busy, idle, _ = line = [Counted(device) for device in devices]
        runs: list[int] = []

        async def settle(_: datetime) -> None:
            """What the connector does: order, and when the equipment has done it all, say so."""
            if not runs:
                job = order(Kind.HANDLING, substrates=("W1", "W2"))
                begin(devices[0], job, maps_of(job))
                runs.append(floor.begin("CELL-1", "D1"))
            elif devices[0].next_event() is None:
                for wafer in ("W1", "W2"):
                    floor.report(runs[0], wafer)
                floor.end(runs[0])

        times: list[datetime] = []
        conductor = Conductor(floor.database, line, settle, lambda _session, _at: Looked(done=False), no_signature)
        asyncio.run(conductor.run([lot], lambda now, _left: times.append(now)))
        assert floor.lot("D1").state == "stocked"
        assert times == sorted(set(times)) and len(times) >= 3
        assert (busy.asked, idle.asked) == (len(times) - 1, 1)
        assert [device.now for device in devices] == [times[-1], times[-1], SHIFT_BEGINS]
