"""Records are stored once, acknowledged only then, and take effect once, in order, wholly or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from equipment.interface.codec import record_text
from equipment.interface.messages import AlarmChange, EquipmentChange, Identity, JobChange, Record, RecordBatch
from equipment.interface.states import E10State, JobState
from mes.errors import Away
from mes.jobs import results
from mes.jobs.connector import Unapplied
from mes.lots.work.identify import Unidentified
from tests.jobs.conftest import Cell, connector, run
from tests.shop import BEGIN


def worked(cell: Cell, lot: str = "D1", substrate: str = "W1") -> int:
    """A run whose order was sent and worked; its records are still on the cell."""
    cell.floor.arrive(lot, "die", substrate)
    order = cell.order(lot)
    cell.sync()
    cell.work()
    return order


def meet(cell: Cell) -> int:
    """The journal of the cell."""
    with cell.floor.database.transaction() as session:
        return results.meet(session, cell.id, Identity(cell.name, "cell", "j", "b", 0), BEGIN).id


def receive(cell: Cell, journal: int, *records: Record) -> int:
    with cell.floor.database.transaction() as session:
        return results.receive(session, journal, RecordBatch("j", "b", 9, records))


def entry(sequence: int, minutes: float, body: Any, job: str = "") -> Record:
    return Record("j", sequence, BEGIN + timedelta(minutes=minutes), job, body)


def state(sequence: int, to: E10State = E10State.ENG, minutes: float | None = None) -> Record:
    return entry(sequence, sequence if minutes is None else minutes, EquipmentChange(to))


# --- stored ---------------------------------------------------------------------------------------------------------


def test_record_is_stored_once_however_often_and_in_whatever_order_it_comes(cell: Cell) -> None:
    journal = meet(cell)
    one, two, three = (state(n) for n in (1, 2, 3))
    assert receive(cell, journal, two, one) == 2
    assert receive(cell, journal, one) == 1
    assert receive(cell, journal, three, two, two) == 3
    assert receive(cell, journal) == 0
    assert sorted(sequence for sequence, *_ in cell.records()) == [1, 2, 3]
    assert cell.alarms() == []
    assert cell.floor.problems() == []


def test_record_that_comes_back_changed_raises_an_alarm_and_the_first_stands(cell: Cell) -> None:
    journal = meet(cell)
    receive(cell, journal, state(1))
    receive(cell, journal, state(1, E10State.UDT))
    assert cell.alarms() == [("RECORD_CHANGED", "Record 1 came again with another content; the first one stands.")]
    connector(cell).apply_all()
    assert cell.record().state == "ENG"


def test_record_that_never_came_raises_an_alarm(cell: Cell) -> None:
    journal = meet(cell)
    receive(cell, journal, state(1))
    assert receive(cell, journal, state(4)) == 4
    assert cell.alarms() == [("RECORDS_MISSING", "Records 2 to 3 never came; what they told is not known.")]


class Witness:
    """A device that looks into the database whenever it may forget."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.seen = cell, list[tuple[int, int]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell.device, name)

    def acknowledge(self, journal: str, upto: int) -> None:
        self.seen.append((upto, len(self.cell.records())))
        self.cell.device.acknowledge(journal, upto)


def test_acknowledged_only_when_another_connection_sees_it(cell: Cell) -> None:
    worked(cell)
    witness, written = Witness(cell), len(cell.journal())
    cell.equipment.plug(witness)
    cell.sync()
    assert (witness.seen, cell.journal()) == ([(written, written)], ())


def test_what_could_not_be_stored_stays_on_the_equipment(cell: Cell) -> None:
    worked(cell)
    before = [record_text(record) for record in cell.journal()]
    cell.refuse("received_record", "new.kind = 'result'")
    with pytest.raises(DBAPIError, match="disk on fire"):
        cell.sync()
    assert ([record_text(record) for record in cell.journal()], cell.records()) == (before, [])
    cell.accept("received_record")
    cell.sync()
    assert (cell.journal(), len(cell.records())) == ((), len(before))


# --- applied --------------------------------------------------------------------------------------------------------


def test_order_of_the_journal_goes_before_its_clock(cell: Cell) -> None:
    """A clock that was set back does not let a later record take effect first."""
    journal = meet(cell)
    receive(cell, journal, state(1, E10State.UDT, minutes=30), state(2, E10State.ENG, minutes=10))
    connector(cell).apply_all()
    assert cell.record().state == "ENG"


def test_records_of_several_equipment_are_applied_by_time(cells: list[Cell]) -> None:
    one, other = cells
    journals = [meet(cell) for cell in cells]
    receive(one, journals[0], state(1, minutes=2), state(2, minutes=4))
    receive(other, journals[1], state(1, minutes=1), state(2, minutes=3), state(3, minutes=4))
    with one.floor.database.reading() as session:
        found = [(p.equipment, p.sequence) for p in results.pending(session)]
    assert found == [("CELL-2", 1), ("CELL-1", 1), ("CELL-2", 2), ("CELL-1", 2), ("CELL-2", 3)]


def test_every_kind_of_record_takes_effect(cell: Cell) -> None:
    journal = meet(cell)
    alarm = AlarmChange("DOOR", 700, "door open", is_set=True)
    receive(cell, journal, state(1, E10State.UDT), entry(2, 2, alarm))
    connector(cell).apply_all()
    assert (cell.record().state, cell.alarms()) == ("UDT", [("DOOR", "door open")])
    receive(cell, journal, entry(3, 3, replace(alarm, is_set=False)))
    connector(cell).apply_all()
    with cell.floor.database.reading() as session:
        assert session.scalar(text("select count(*) from alarm where cleared_at is null")) == 0
    assert {s for _, _, s, _ in cell.records()} == {"applied"}


def test_start_before_the_order_keeps_its_time_and_is_told_until_the_clocks_agree(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1")
    cell.floor.arrive("D2", "die", "W2")
    early, in_time = (cell.floor.run(cell.order(lot)) for lot in ("D1", "D2"))
    ordered = (early.ordered_at - BEGIN) / timedelta(minutes=1)
    journal = meet(cell)
    receive(cell, journal, entry(1, ordered - 6, JobChange(JobState.RUNNING), early.name))
    connector(cell).apply_all()
    told = ("CLOCK_BEHIND", f"{early.name} started 360 s before its order: the clock here is behind.")
    assert (cell.alarms(), cell.floor.run(early.id).started_at) == ([told], early.ordered_at - timedelta(minutes=6))
    at_once = (in_time.ordered_at - BEGIN) / timedelta(minutes=1)
    receive(cell, journal, entry(2, at_once, JobChange(JobState.RUNNING), in_time.name))
    connector(cell).apply_all()
    with cell.floor.database.reading() as session:
        assert session.scalar(text("select count(*) from alarm where cleared_at is null")) == 0


UNIDENTIFIED = {
    "CELL-1 has no run J-9.": entry(1, 1, JobChange(JobState.RUNNING), "J-9"),
    "CELL-1 has no run (none named).": entry(1, 1, JobChange(JobState.ENDED)),
    "CELL-1 has no run J-0000001.": entry(1, 1, JobChange(JobState.RUNNING), "J-0000001"),
}


@pytest.mark.parametrize("sentence", UNIDENTIFIED)
def test_record_of_no_known_job_is_kept_as_rejected_with_a_sentence(cells: list[Cell], sentence: str) -> None:
    """J-0000001 is a run, but of the other cell."""
    cell, other = cells
    other.floor.arrive("D1", "die", "W1")
    other.order("D1")
    receive(cell, meet(cell), UNIDENTIFIED[sentence], state(2))
    connector(cell).apply_all()
    kind = UNIDENTIFIED[sentence].kind
    assert cell.records() == [(1, kind, "rejected", sentence), (2, "equipment", "applied", "")]
    assert cell.floor.lot("D1").state == "ordered"


def test_unreadable_record_is_rejected(cell: Cell) -> None:
    receive(cell, meet(cell), state(1))
    cell.plant("update received_record set body = 'nonsense'")
    connector(cell).apply_all()
    ((_, _, rejected, problem),) = cell.records()
    assert (rejected, bool(problem)) == ("rejected", True)


def test_record_that_fails_stays_and_what_follows_on_that_equipment_waits(cells: list[Cell]) -> None:
    one, other = cells
    worked(one)
    worked(other, "D2", "V1")
    for cell in cells:
        cell.sync()
    one.refuse("run_substrate", f"new.substrate_id = {one.floor.substrate('W1')} and new.work = 'done'")
    line = connector(one, other)
    with capture_logs([merge_contextvars]) as logs:
        assert line.apply_all() is True
        assert line.apply_all() is False
        with pytest.raises(Unapplied, match=r"Records of CELL-1 could not be applied; the log says which and why\."):
            run(line.settle())
    ((event, equipment, record, sequence),) = {
        (log["event"], log["equipment"], log["record"], log["sequence"]) for log in logs
    }
    assert (event, equipment, one.sequence_of(record), sequence) == ("record not applied", "CELL-1", 3, 3)
    assert (one.floor.lot("D1").state, one.floor.lot("D2").state) == ("running", "stocked")
    assert [kind for _, kind, state, _ in one.records() if state == "received"] == ["result", "job", "equipment"]
    one.accept("run_substrate")
    run(line.settle())
    assert one.floor.lot("D1").state == "stocked"
    assert {state for _, _, state, _ in one.records()} == {"applied"}
    assert one.floor.problems() == []


def test_applying_is_all_or_nothing(cell: Cell) -> None:
    """The connection is cut when all is written and nothing committed."""
    worked(cell)
    cell.sync()
    line, database = connector(cell), cell.floor.database
    with database.reading() as session:
        (
            start,
            *_,
        ) = results.pending(session)
    with database.transaction() as session:
        results.apply(session, start)
    before = cell.floor.everything()
    with database.reading() as session:
        (result, *_) = results.pending(session)
    with pytest.raises(Away), database.transaction() as session:
        results.apply(session, result)
        session.flush()
        pid = session.scalar(text("select pg_backend_pid()"))
        cell.plant(f"select pg_terminate_backend({pid}, 5000)")
    assert cell.floor.everything() == before
    line.apply_all()
    assert cell.floor.lot("D1").state == "stocked"
    assert cell.floor.problems() == []


def test_record_takes_effect_once(cell: Cell) -> None:
    worked(cell)
    cell.sync()
    with cell.floor.database.reading() as session:
        found = results.pending(session)
    connector(cell).apply_all()
    before = cell.floor.everything()
    for waiting in found:
        with pytest.raises(results.AlreadyApplied), cell.floor.database.transaction() as session:
            results.apply(session, waiting)
        with pytest.raises(results.AlreadyApplied), cell.floor.database.transaction() as session:
            results.reject(session, waiting, "twice")
    assert cell.floor.everything() == before


def test_result_beside_its_run_is_turned_away(cells: list[Cell]) -> None:
    one, other = cells
    worked(one)
    journal = meet(other)
    stolen = next(r for r in one.journal() if r.kind == "result")
    receive(other, journal, replace(stolen, journal="j", sequence=1))
    with one.floor.database.reading() as session:
        (waiting,) = results.pending(session)
    with pytest.raises(Unidentified, match="CELL-2 has no run"), one.floor.database.transaction() as session:
        results.apply(session, waiting)
