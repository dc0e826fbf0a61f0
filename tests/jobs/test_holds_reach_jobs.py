"""Codes of holds reach the equipment: a running job is paused until no such hold stands, or broken off."""

from __future__ import annotations

import pytest

from equipment.client import EquipmentLost
from equipment.interface.states import JobState
from mes.history import History
from mes.lots.holds.hold import hold, release_hold
from mes.lots.models import Lot
from mes.people.roles import Role
from tests.jobs.conftest import Cell, connector
from tests.shop import code_of_holds


@pytest.fixture
def running(cell: Cell) -> int:
    """A job at work on a lot that may be held with any effect; its run."""
    with cell.floor.database.transaction() as session:
        for n, effect in enumerate(("finish", "pause", "abort"), 1):
            code_of_holds(session, effect, "line_engineer", place=n, running_job=effect)
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.sync()
    cell.sync()
    connector(cell).apply_all()
    assert (cell.floor.run(order).state, state(cell)) == ("running", JobState.RUNNING)
    return order


def state(cell: Cell) -> JobState:
    (job,) = cell.device.jobs()
    return job.state


def held(cell: Cell, code: str) -> int:
    return int(cell.floor.do(hold, cell.floor.id_of(Lot, "D1"), code, "look", None).id)


def free(cell: Cell, number: int) -> None:
    cell.floor.do(release_hold, cell.floor.id_of(Lot, "D1"), number, "well", Role.ADMINISTRATOR)


def told(cell: Cell) -> int:
    """How often the equipment was told something because of holds."""
    with cell.floor.database.reading() as session:
        return session.query(History).filter(History.verb == "tell_equipment").count()


def test_a_job_is_paused_as_long_as_such_a_hold_stands(cell: Cell, running: int) -> None:
    assert (held(cell, "finish"), cell.sync(), told(cell)) == (1, False, 0)
    first, second = held(cell, "pause"), held(cell, "pause")
    assert cell.sync() is True
    assert (state(cell), told(cell), cell.sync(), told(cell)) == (JobState.INTERRUPTED, 1, True, 1)
    connector(cell).apply_all()
    assert (cell.floor.run(running).state, cell.sync()) == ("running", False)
    free(cell, first)
    assert (cell.sync(), state(cell)) == (False, JobState.INTERRUPTED)
    free(cell, second)
    cell.sync()
    assert (state(cell), told(cell)) == (JobState.RUNNING, 2)
    cell.work()
    cell.sync()
    connector(cell).apply_all()
    assert (cell.floor.run(running).state, cell.floor.lot("D1").state) == ("ended", "stocked")
    assert cell.floor.problems() == []


def test_a_job_is_broken_off_and_its_lot_waits_held(cell: Cell, running: int) -> None:
    held(cell, "pause")
    cell.sync()
    held(cell, "abort")
    cell.equipment.lose_reply("abort")
    with pytest.raises(EquipmentLost):
        cell.sync()
    cell.equipment.mend()
    cell.sync()
    cell.sync()
    connector(cell).apply_all()
    assert (cell.floor.run(running).state, cell.floor.lot("D1").state) == ("aborted", "queued")
    cell.sync()
    assert (cell.device.jobs(), cell.order_state(running), len(cell.floor.holds("D1"))) == ((), "closed", 2)
    assert cell.floor.problems() == []
