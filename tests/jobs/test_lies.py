"""What equipment says that cannot be true, or not even be read: it stops neither the equipment nor the others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from equipment.interface.codec import read_record, record_text
from equipment.interface.messages import AlarmChange, BadMessage, EquipmentChange, Record, RecordBatch
from equipment.interface.states import E10State
from mes.definitions.clock import set_plant_clock
from mes.jobs.connector import PAUSE_S, Connector
from tests.jobs.conftest import Cell, connector, run
from tests.jobs.test_results import entry, meet, receive, state, worked
from tests.shop import BEGIN

INCOMPRESSIBLE = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(4000))
"""Longer than any index takes, however it is packed."""

LIES = {
    "a severity beyond all": entry(1, 1, AlarmChange("HOT", 10**12, "hot", is_set=True)),
    "a severity below none": entry(1, 1, AlarmChange("HOT", -5, "hot", is_set=True)),
    "a code without end": entry(1, 1, AlarmChange(INCOMPRESSIBLE, 5, INCOMPRESSIBLE, is_set=True)),
    "a reason without end": entry(1, 1, EquipmentChange(E10State.UDT, INCOMPRESSIBLE)),
    "the first moment": Record("j", 1, datetime(1, 1, 1, tzinfo=UTC), "", EquipmentChange(E10State.UDT)),
    "the last moment": Record("j", 1, datetime(9999, 12, 31, tzinfo=UTC), "", EquipmentChange(E10State.UDT)),
}


@pytest.mark.parametrize("lie", LIES)
def test_lie_takes_effect_as_far_as_it_can_and_nothing_waits_for_it(cells: list[Cell], lie: str) -> None:
    one, other = cells
    receive(one, meet(one), read_record(record_text(LIES[lie])), state(2))
    receive(other, meet(other), state(1))
    connector(one, other).apply_all()
    assert {s for _, _, s, _ in one.records()} == {"applied"}
    assert (one.record().state, other.record().state) == ("ENG", "ENG")
    assert one.floor.problems() == []


def test_alarm_with_a_code_without_end_goes_away_again(cell: Cell) -> None:
    set_, cleared = (AlarmChange(INCOMPRESSIBLE, 5000, "hot", is_set=is_set) for is_set in (True, False))
    receive(cell, meet(cell), entry(1, 1, set_), entry(2, 2, set_), entry(3, 3, cleared), entry(4, 4, set_))
    connector(cell).apply_all()
    assert cell.alarms() == [(INCOMPRESSIBLE[:200], "hot")] * 2


class Babbling:
    """A device that answers what nobody can read, until it comes to its senses."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.left, self.understood = cell, 2, asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell.device, name)

    def records(self, after: int, most: int) -> RecordBatch:
        if self.left:
            self.left -= 1
            raise BadMessage("record 1 has a body that is none")
        return self.cell.device.records(after, most)

    def acknowledge(self, journal: str, upto: int) -> None:
        self.cell.device.acknowledge(journal, upto)
        self.understood.set()


def test_equipment_that_nobody_understands_is_asked_again_and_said_so(cell: Cell) -> None:
    worked(cell)
    with cell.floor.database.transaction() as session:
        set_plant_clock(session, BEGIN, 1.0)
    babbling, written = Babbling(cell), len(cell.journal())
    cell.equipment.plug(babbling)
    with capture_logs() as logs:
        run(_until_understood(connector(cell), babbling))
    assert len(cell.records()) == written > 0
    told = [(log["event"], log["equipment"]) for log in logs if log["log_level"] == "error"]
    assert told == [("equipment not served", "CELL-1")] * 2


async def _until_understood(line: Connector, babbling: Babbling) -> None:
    work = asyncio.ensure_future(line.run())
    await asyncio.wait_for(babbling.understood.wait(), 100 * PAUSE_S)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
