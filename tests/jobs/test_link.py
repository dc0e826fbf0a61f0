"""What the link says and hears, and what it makes of lost answers, other recipes and new disks."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from equipment.client import EquipmentLost
from equipment.interface.codec import sha256_of
from equipment.interface.messages import JobOrder, JobSubstrate
from mes.errors import StartRefused
from mes.lots.holds.hold import release_hold
from mes.lots.models import Lot
from mes.lots.work import run_course
from mes.people.roles import Role
from tests.jobs.conftest import Cell, connector, run
from tests.shop import SHA256

ALL_APPLIED = {"applied"}


def finish(cell: Cell) -> None:
    """Let the cell work, hear of it, apply it, and say what is left to say."""
    cell.work()
    cell.sync()
    connector(cell).apply_all()
    cell.sync()


def test_order_is_sent_worked_and_forgotten(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1", "W2")
    order = cell.order("D1")
    assert cell.order_state(order) == "to_send"
    cell.sync()
    assert (cell.order_state(order), len(cell.device.jobs()), cell.record().connected) == ("sent", 1, True)
    assert [(r.name, r.sha256) for r in cell.device.recipes()] == [("bond", SHA256)]
    finish(cell)
    assert (cell.order_state(order), cell.device.jobs(), cell.journal()) == ("closed", (), ())
    assert (cell.floor.lot("D1").state, cell.floor.run(order).state) == ("stocked", "ended")
    assert {state for _, _, state, _ in cell.records()} == ALL_APPLIED
    assert cell.sync() is False
    assert cell.floor.problems() == []


@pytest.mark.parametrize(
    "method", ["connect", "records", "recipes", "download_recipe", "jobs", "store", "load_map", "start", "acknowledge"]
)
def test_lost_answer_does_nothing_twice(cell: Cell, method: str) -> None:
    """The call was executed and the link broke: whoever looks before repeating finds it done."""
    cell.floor.arrive("D1", "die", "W1")
    if method == "acknowledge":
        cell.floor.arrive("D0", "die", "W0")
        cell.order("D0")
        cell.sync()
        cell.work()
    order = cell.order("D1")
    cell.equipment.lose_reply(method)
    with pytest.raises(EquipmentLost):
        cell.sync()
    assert not cell.record().connected
    cell.equipment.mend()
    cell.sync()
    assert (cell.order_state(order), cell.record().connected) == ("sent", True)
    finish(cell)
    sequences = [sequence for sequence, *_ in cell.records()]
    assert sequences == list(range(1, len(sequences) + 1))
    assert {state for _, _, state, _ in cell.records()} == ALL_APPLIED
    assert (cell.order_state(order), cell.device.jobs(), cell.journal()) == ("closed", (), ())
    assert cell.floor.ledger("D1") == {"received": 12, "completed": 12}
    assert cell.floor.problems() == []


def test_lost_answer_of_a_start_whose_begin_is_known_meanwhile(cell: Cell) -> None:
    """The record that it began arrives before the order is said again: the order was accepted, and its end is told."""
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.equipment.lose_reply("start")
    with pytest.raises(EquipmentLost):
        cell.sync()
    cell.equipment.mend()
    run(cell.link.receive())
    connector(cell).apply_all()
    assert (cell.floor.run(order).state, cell.order_state(order)) == ("running", "to_send")
    cell.sync()
    assert cell.order_state(order) == "sent"
    finish(cell)
    assert (cell.order_state(order), cell.device.jobs()) == ("closed", ())


def test_order_that_a_person_breaks_off_is_taken_back(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.equipment.lose_reply("store")
    with pytest.raises(EquipmentLost):
        cell.sync()
    cell.floor.do(run_course.abort, order, "wrong lot")
    cell.equipment.mend()
    cell.sync()
    assert (cell.device.jobs(), cell.order_state(order)) == ((), "closed")


def test_running_order_that_a_person_breaks_off_is_stopped_and_what_it_did_recorded(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.sync()
    cell.sync()
    connector(cell).apply_all()
    assert cell.floor.run(order).state == "running"
    cell.floor.do(run_course.abort, order, "wrong lot")
    begun, ends = cell.device.now, cell.device.next_event()
    assert ends is not None
    cell.device.advance(begun + (ends - begun) / 2)
    cell.sync()
    finish(cell)
    assert (cell.device.jobs(), cell.order_state(order)) == ((), "closed")
    assert {state for _, _, state, _ in cell.records()} == ALL_APPLIED
    work = cell.floor.work(order, "W1")
    assert (work.work, work.units_in, work.units_good, work.units_suspect) == ("partial", 6, 0, 6)
    assert (cell.floor.run(order).state, cell.floor.lot("D1").state) == ("aborted", "queued")
    assert [hold.code for hold in cell.floor.holds("D1")] == ["in_doubt"]
    assert cell.floor.problems() == []


def test_another_body_under_the_name_of_the_recipe_is_refused(cell: Cell) -> None:
    body = "force = 50 N"
    assert cell.device.download_recipe("bond", 1, body, sha256_of(body)).accepted
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.sync()
    (hold,) = cell.floor.holds("D1")
    assert (hold.code, hold.comment) == ("equipment_refused", "J-0000001: CELL-1 holds another body under bond@1")
    assert cell.floor.run(order).reason == "refused by the equipment: CELL-1 holds another body under bond@1"
    assert (cell.floor.run(order).state, cell.floor.lot("D1").state) == ("aborted", "queued")
    assert (cell.floor.member("W1").progress, cell.device.jobs()) == ("queued", ())
    cell.floor.do(release_hold, hold.lot_id, hold.id, "recipe deleted on the cell", Role.ADMINISTRATOR)
    with pytest.raises(StartRefused) as refused:
        cell.order("D1")
    assert [reason.code for reason in refused.value.reasons] == ["recipe_differs"]
    assert cell.floor.problems() == []


def test_cell_without_a_place_refuses_with_its_own_sentence(cell: Cell) -> None:
    """Somebody filled both places at the machine itself."""
    assert cell.device.download_recipe("bond", 1, "force = 40 N", SHA256).accepted
    for n in (1, 2):
        part = JobSubstrate("X", f"X{n}", 1)
        assert cell.device.store(JobOrder(f"local-{n}", "o", "bond@1", SHA256, (), (part,))).accepted
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.sync()
    (hold,) = cell.floor.holds("D1")
    assert hold.comment == "J-0000001: CELL-1 has no place: it holds local-1, local-2"
    assert (cell.floor.run(order).state, cell.floor.lot("D1").state) == ("aborted", "queued")
    cell.sync()
    assert cell.order_state(order) == "closed"


def test_new_disk_puts_open_runs_in_doubt(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1", "W2")
    cell.floor.arrive("D2", "die", "V1")
    sent = cell.order("D1")
    cell.sync()
    unsent = cell.order("D2")
    cell.restart(new_disk=True)
    cell.link = cell.new_link()
    cell.sync()
    assert (cell.floor.run(sent).state, cell.floor.run(unsent).state) == ("in_doubt", "ordered")
    assert cell.order_state(unsent) == "sent"
    (hold,) = cell.floor.holds("D1")
    why = "CELL-1 came back with a new journal and does not remember it"
    assert (hold.code, hold.comment) == ("in_doubt", f"J-0000001: {why}")
    assert [cell.floor.member(name).progress for name in ("W1", "W2")] == ["in_doubt", "in_doubt"]
    cell.work()
    cell.floor.do(run_course.abort, sent, "nothing was done, seen under the microscope")
    assert (cell.floor.lot("D1").state, cell.floor.member("W1").progress) == ("queued", "queued")
    finish(cell)
    assert cell.floor.lot("D2").state == "stocked"
    assert cell.floor.problems() == []


def test_restart_on_its_disk_forgets_nothing(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1")
    order = cell.order("D1")
    cell.sync()
    cell.restart()
    finish(cell)
    assert (cell.floor.run(order).state, cell.floor.holds("D1")) == ("ended", [])


def test_old_disk_that_comes_back_is_another_one_again(cell: Cell) -> None:
    cell.floor.arrive("D1", "die", "W1")
    cell.sync()
    cell.restart(new_disk=True)
    order = cell.order("D1")
    cell.sync()
    assert cell.order_state(order) == "sent"
    cell.restart(disk=0)
    cell.sync()
    assert (cell.floor.run(order).state, len(cell.floor.holds("D1"))) == ("in_doubt", 1)


def test_loss_and_return_are_told_once(cell: Cell) -> None:
    with capture_logs() as logs:
        cell.sync()
        for _ in range(3):
            cell.sync()
        cell.equipment.cut()
        for _ in range(3):
            with pytest.raises(EquipmentLost):
                cell.sync()
        assert not cell.record().connected
        cell.equipment.mend()
        for _ in range(3):
            cell.sync()
    assert [entry["event"] for entry in logs] == ["equipment lost", "equipment back"]
    assert cell.record().connected


def test_equipment_that_does_not_answer_delays_no_other(cells: list[Cell]) -> None:
    one, other = cells
    other.floor.arrive("D1", "die", "W1")
    one.equipment.cut()
    line = connector(one, other)
    with pytest.raises(EquipmentLost):
        run(line.settle())
    order = other.order("D1")
    other.sync()
    assert other.order_state(order) == "sent"
    assert other.floor.id_of(Lot, "D1") == other.floor.lot("D1").id
