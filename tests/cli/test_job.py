"""`mes job`: records of equipment on the command line."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from equipment.interface.messages import AlarmChange, Body, EquipmentChange, Identity, Record, RecordBatch
from equipment.interface.states import E10State
from mes.equipment.models import Equipment
from mes.jobs import results
from tests.cli.conftest import Mes
from tests.shop import BEGIN, Floor


@pytest.fixture
def numbers(floor: Floor) -> list[int]:
    """Two records of CELL-1 that wait."""
    bodies: tuple[Body, ...] = (AlarmChange("DOOR", 700, "door open", is_set=True), EquipmentChange(E10State.UDT))
    records = tuple(Record("j", n, BEGIN + timedelta(minutes=n), "", body) for n, body in enumerate(bodies, 1))
    with floor.database.transaction() as session:
        journal = results.meet(
            session, floor.id_of(Equipment, "CELL-1"), Identity("CELL-1", "cell", "j", "b", 2), BEGIN
        )
        results.receive(session, journal.id, RecordBatch("j", "b", 2, records))
        return [waiting.record_id for waiting in results.pending(session)]


def test_record_is_set_aside_and_tried_again(mes: Mes, told: Callable[..., Any], numbers: list[int]) -> None:
    first, second = map(str, numbers)
    head = mes("job", "records").stdout.splitlines()[0]
    assert "happened at (plant time)" in head
    assert "came at (true time)" in head
    assert [r["record"] for r in told("job", "records", "--state", "received")] == [int(second), int(first)]
    aside = told("job", "set-aside", first, "--why", "fails since the update")
    assert (aside["equipment"], aside["sequence"], aside["state"]) == ("CELL-1", 1, "rejected")
    assert aside["problem"] == "Set aside by administrator: fails since the update"
    assert [r["record"] for r in told("job", "records", "--state", "rejected", "--equipment", "CELL-1")] == [int(first)]
    assert told("job", "records", "--equipment", "CELL-2") == told("job", "records", "--run", "J-1") == []
    assert told("job", "retry", first)["state"] == "received"
    assert [entry["verb"] for entry in told("history", "show", "CELL-1")] == ["set_aside", "retry"]


def test_what_cannot_be_is_refused(mes: Mes, numbers: list[int]) -> None:
    first = str(numbers[0])
    assert mes("job", "retry", first, code=1).stderr == f"Record {first} is received; retry needs it to be rejected.\n"
    assert "There is no record 999" in mes("job", "set-aside", "999", "--why", "gone", code=1).stderr
    mes("job", "set-aside", first, code=2)
    mes("job", "records", "--state", "lost", code=2)
