"""Future holds: whatever brings a lot to the operation holds it in the same transaction; before, they are withdrawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused, StartRefused
from mes.lots.create import NewLot, create, release
from mes.lots.gate import start_gate
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import hold, release_hold
from mes.lots.ladder import ladder
from mes.lots.looks import look
from mes.lots.models import FutureHold, Lot
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.split import split
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import track_in
from mes.people.roles import Role
from mes.runs.models import Run
from mes.units.arrival import Arrival
from tests.lots.test_split import told
from tests.shop import BEGIN, PLACED, Floor, fill_packages

TEST, BAKE = "board/20", "board/10"


def planned(floor: Floor, lot: str, operation: str = TEST, owner: str = "process_engineer") -> FutureHold:
    """A future hold on a lot."""
    given = floor.id_of(Lot, lot), operation, "height", "first of the bath", owner
    found: FutureHold = floor.do(set_future_hold, *given)
    return found


def refused(floor: Floor, error: type[MesError], lot: str, operation: str) -> str:
    """Why a future hold is not set, which changes nothing."""
    before = floor.everything()
    with pytest.raises(error) as raised:
        planned(floor, lot, operation)
    assert floor.everything() == before
    return raised.value.message


def against(floor: Floor, lot: str, equipment: str = "CELL-1") -> list[tuple[str, str]]:
    """Why the lot does not start, and who can clear it."""
    with floor.database.reading() as session:
        ids, at = (floor.id_of(Lot, lot), floor.id_of(Equipment, equipment)), BEGIN + timedelta(hours=floor.hours)
        return [(reason.code, reason.who) for reason in start_gate.reasons(session, *ids, at)]


def test_the_first_report_that_brings_it_there_holds_the_lot(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    set_at = planned(floor, "B1")
    with floor.database.reading() as session:
        (shown,) = look(session, floor.id_of(Lot, "B1"))["future_holds"]
        rungs = [rung.future_holds for rung in ladder(session, floor.id_of(Lot, "B1"))]
    assert (shown["operation"], shown["code"], shown["owner"], shown["by"]) == (
        TEST,
        "height",
        "process_engineer",
        "tester",
    )
    assert (rungs, against(floor, "B1", "OVEN-1")) == ([[], ["height"]], [])
    run = floor.begin("OVEN-1", "B1")
    assert floor.holds("B1") == []
    floor.report(run, "S1")
    (held,) = floor.holds("B1")
    assert (held.code, held.comment, held.owner_role, held.held_by) == (
        "height", "first of the bath", "process_engineer", "tester",
    )  # fmt: skip
    assert held.held_at == BEGIN + timedelta(hours=floor.hours)
    (event,) = told(floor, "B1", "hold")
    assert (event["before"], event["after"]["hold"]) == ({"future_hold": set_at.id}, held.id)
    floor.report(run, "S2")
    floor.end(run)
    assert [h.id for h in floor.holds("B1")] == [held.id]
    assert ("held", "process_engineer") in against(floor, "B1")
    with pytest.raises(StartRefused):
        floor.do(track_in, floor.wanted("CELL-1", "B1"))
    with pytest.raises(Refused):
        floor.do(release_hold, held.lot_id, held.id, "seen", Role.LINE_ENGINEER)
    floor.do(release_hold, held.lot_id, held.id, "seen", Role.PROCESS_ENGINEER)
    assert ("held", "process_engineer") not in against(floor, "B1")
    assert (floor.lot("B1").future_holds, floor.problems()) == (0, [])


def test_a_lot_is_held_as_it_is_released_as_a_person_reports_and_as_loads_are_filled(floor: Floor) -> None:
    lot = floor.do(create, NewLot("B1", "alpha", "board", (Arrival("S1"),))).id
    planned(floor, "B1", BAKE)
    planned(floor, "B1", TEST)
    floor.do(release, lot)
    assert [h.held_at for h in floor.holds("B1")] == [BEGIN + timedelta(hours=floor.hours)]
    floor.do(release_hold, lot, floor.holds("B1")[0].id, "seen", Role.ADMINISTRATOR)
    run = floor.order("OVEN-1", "B1")
    with floor.database.transaction() as session:
        finish(session, session.get_one(Run, run), lot, Told(), floor.act())
    assert (len(floor.holds("B1")), floor.lot("B1").future_holds) == (1, 0)
    floor.arrive("P1", "package", "I1")
    floor.stock("D1", "die", "W1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    planned(floor, "P1", "package/30")
    floor.report(run, "I1", moves=fill_packages("W1", "I1"))
    floor.end(run)
    run = floor.begin("CELL-1", "P1")
    assert refused(floor, Refused, "P1", "package/20") == "Lot P1 has reached package/20; hold it now."
    loads = [f"P1.0{n}" for n in (1, 2)]
    diced = [("I1", n % 2, n // 2, loads[n // 2], n % 2, 0, 0, 0, 0, PLACED) for n in range(4)]
    floor.report(run, "I1", moves=diced)
    assert floor.holds("P1") == []
    planned(floor, "P1", "package/30")
    floor.end(run)
    assert (len(floor.holds("P1")), floor.lot("P1").operation_id is None) == (2, False)
    assert floor.problems() == []


def test_where_the_lot_stands_or_has_passed_none_is_set(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    assert refused(floor, Refused, "B1", BAKE) == "Lot B1 has reached board/10; hold it now."
    assert refused(floor, Malformed, "B1", "die/10").endswith("has no operation die/10; it has board/10, board/20.")
    run = floor.begin("OVEN-1", "B1", only=["S1"])
    floor.report(run, "S1")
    floor.end(run)
    assert refused(floor, Refused, "B1", TEST) == "Lot B1 has reached board/20; hold it now."
    run = floor.begin("OVEN-1", "B1", only=["S2"])
    floor.report(run, "S2")
    floor.end(run)
    assert refused(floor, Refused, "B1", BAKE) == "No substrate of lot B1 comes to board/10 any more."
    floor.stock("D1", "die", "W1")
    assert refused(floor, Refused, "D1", "die/10") == "No substrate of lot D1 comes to die/10 any more."


def test_who_would_release_the_hold_withdraws_it_until_it_has_taken_effect(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1")
    first, second = planned(floor, "B1"), planned(floor, "B1")

    def withdraw(number: int, role: Role, why: str = "seen elsewhere") -> None:
        floor.do(withdraw_future_hold, lot, number, why, role)

    with pytest.raises(Refused) as raised:
        withdraw(first.id, Role.LINE_ENGINEER)
    assert [reason.who for reason in raised.value.reasons] == ["process_engineer"]
    with pytest.raises(Malformed):
        withdraw(first.id, Role.PROCESS_ENGINEER, " ")
    with pytest.raises(NotFound):
        withdraw(99, Role.PROCESS_ENGINEER)
    withdraw(first.id, Role.PROCESS_ENGINEER)
    with pytest.raises(Refused, match="was withdrawn by tester"):
        withdraw(first.id, Role.PROCESS_ENGINEER)
    floor.pass_through("OVEN-1", "B1", "S1")
    (held,) = floor.holds("B1")
    with pytest.raises(Refused, match=f"took effect; release hold {held.id}"):
        withdraw(second.id, Role.PROCESS_ENGINEER)
    assert floor.problems() == []


def test_a_split_copies_it_and_a_merge_brings_it_along(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2", "S3")
    first = planned(floor, "B1")
    new = floor.do(split, lot, ["S3"], None).id
    assert (told(floor, "B1.1", "split")[0]["after"]["future_holds"], floor.lot("B1.1").future_holds) == (
        [first.id + 1],
        1,
    )
    floor.do(withdraw_future_hold, lot, first.id, "seen", Role.PROCESS_ENGINEER)
    floor.pass_through("OVEN-1", "B1", "S1")
    assert (floor.holds("B1"), floor.lot("B1").future_holds) == ([], 0)
    assert refused(floor, Refused, "B1", TEST) == "Lot B1 has reached board/20; hold it now."
    floor.do(merge, lot, new)  # S1 waits at the test already
    assert [h.code for h in floor.holds("B1")] == ["height"]
    assert told(floor, "B1", "merge")[0]["after"]["future_holds"] == [first.id + 1]
    assert (floor.lot("B1.1").future_holds, floor.problems()) == (0, [])


def test_a_hold_says_by_when_it_is_to_be_looked_at_again(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    days = [BEGIN + timedelta(days=n) for n in (2, 3)]
    for day in days:
        with floor.database.transaction() as session:
            hold(session, lot, "height", "low", None, floor.act(), day)
    floor.do(split, lot, ["S2"], None)
    with floor.database.reading() as session:
        for name in ("B1", "B1.1"):
            shown = look(session, floor.id_of(Lot, name))
            assert [h["review_by"] for h in shown["holds"]] == days
            assert shown["review_by"] == days[0]
    for wrong in (BEGIN, BEGIN + timedelta(days=40000)):
        with pytest.raises(Malformed), floor.database.transaction() as session:
            hold(session, lot, "height", "low", None, floor.act(), wrong)
    assert floor.problems() == []
