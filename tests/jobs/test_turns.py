"""On a running clock applying and dispatching take turns."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, update

from equipment.interface.messages import AlarmChange
from mes.definitions.clock import set_plant_clock
from mes.equipment.models import Equipment
from mes.history import History
from mes.jobs import connector as connectors
from mes.jobs.connector import Connector
from mes.jobs.states import RecordState
from tests.jobs.conftest import Cell
from tests.jobs.test_results import entry, meet, receive
from tests.shop import BEGIN

CHATTER = 40


def test_equipment_that_reports_without_end_keeps_no_other_from_its_work(
    cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectors, "TURN_S", 0.0)
    quiet, loud = cells
    floor = quiet.floor
    alarms = [entry(n, n, AlarmChange("CHATTER", 100, "door", n % 2 == 1)) for n in range(1, CHATTER + 1)]
    receive(loud, meet(loud), *alarms)
    floor.arrive("D1", "die", "W1")
    with floor.database.transaction() as session:
        set_plant_clock(session, BEGIN, 1)
        session.execute(update(Equipment).where(Equipment.id == quiet.id).values(connected=True))
    asyncio.run(asyncio.wait_for(until_applied(quiet), 20))
    with floor.database.reading() as session:
        verbs = list(session.scalars(select(History.verb).where(History.actor != "tester").order_by(History.id)))
    assert 0 < verbs.index("track_in") < CHATTER / 2
    assert verbs.count("alarm_set") + verbs.count("alarm_cleared") == CHATTER


async def until_applied(cell: Cell) -> None:
    """Let a connector run without equipment until every stored record has taken effect."""
    line = asyncio.create_task(Connector(cell.floor.database, []).run())
    while any(state == RecordState.RECEIVED for _, _, state, _ in await asyncio.to_thread(cell.records)):
        await asyncio.sleep(0.05)
    line.cancel()
    await asyncio.gather(line, return_exceptions=True)
