"""On a stepped clock: all that can start starts, and nobody looks again where nothing more can."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from equipment.interface.codec import sha256_of
from mes.definitions.clock import set_plant_clock
from mes.dispatch.line import read_line
from tests.jobs.conftest import Cell, connector, run
from tests.shop import BEGIN


@pytest.fixture
def one_place(cell: Cell) -> Cell:
    """The cell with a place for one job, at a time that stands still."""
    with cell.floor.database.transaction() as session:
        session.execute(text("update equipment_class set places = 1 where name = 'cell'"))
        set_plant_clock(session, BEGIN, 0)
    cell.sync()
    return cell


def test_the_place_that_a_refused_order_leaves_is_given_to_another_lot_at_once(one_place: Cell) -> None:
    body = "force = 50 N"
    assert one_place.device.download_recipe("bond", 1, body, sha256_of(body)).accepted
    one_place.floor.arrive("D1", "die", "W1")
    one_place.floor.arrive("C1", "cap", "V1")
    run(connector(one_place).settle())
    assert [hold.code for hold in one_place.floor.holds("D1")] == ["equipment_refused"]
    assert one_place.floor.lot("C1").state == "running"


def test_the_line_is_not_read_again_because_jobs_begin(one_place: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []

    def counted(*given: Any) -> Any:
        read.append(given)
        return read_line(*given)

    monkeypatch.setattr("mes.dispatch.what_next.read_line", counted)
    line = connector(one_place)
    one_place.floor.arrive("D1", "die", "W1")
    run(line.settle())
    assert (one_place.floor.lot("D1").state, len(read)) == ("running", 1)
    one_place.work()
    one_place.floor.arrive("D2", "die", "W2")
    run(line.settle())
    assert (one_place.floor.lot("D1").state, one_place.floor.lot("D2").state) == ("stocked", "running")
    assert len(read) == 2


def test_all_places_of_an_equipment_are_filled_at_one_time(cell: Cell) -> None:
    cell.sync()
    cell.floor.arrive("D1", "die", "W1")
    cell.floor.arrive("D2", "die", "W2")
    run(connector(cell).settle())
    assert [cell.floor.lot(name).state for name in ("D1", "D2")] == ["running", "running"]


def test_an_order_that_fails_against_expectation_keeps_no_other_from_starting(cells: list[Cell]) -> None:
    one, other = cells
    for cell in cells:
        cell.sync()
    with one.floor.database.transaction() as session:
        set_plant_clock(session, BEGIN, 0)
    one.refuse("run", f"new.equipment_id = {one.id}")
    one.floor.arrive("D1", "die", "W1")
    with capture_logs() as logs:
        run(connector(one, other).settle())
    assert "order failed" in {log["event"] for log in logs}
    assert (one.device.jobs(), len(other.device.jobs()), one.floor.lot("D1").state) == ((), 1, "running")
