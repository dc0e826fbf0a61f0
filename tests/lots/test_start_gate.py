"""Every reason of the start gate is produced by what people and equipment do, and gone when done what it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mes.db import Database
from mes.equipment import condition
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.errors import Malformed, NotFound, Reason, StartRefused
from mes.history import Act
from mes.lots.create import NewLot, create, release
from mes.lots.gate import start_gate
from mes.lots.holds.hold import hold, release_hold
from mes.lots.models import Lot
from mes.lots.work import run_course
from mes.lots.work.track_in import LotPart, TrackIn, track_in
from mes.people.roles import Role
from mes.recipes.approve import retire
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.units.arrival import Arrival
from tests.shop import BEGIN, MOST_WAIT_H, SHA256, Floor

Step = Callable[[Floor], object]


def refused(floor: Floor, wanted: TrackIn) -> list[Reason]:
    """The reasons; whatever they are, no row of any table may have changed."""
    before = floor.everything()
    with pytest.raises(StartRefused) as refusal:
        floor.do(track_in, wanted)
    assert floor.everything() == before
    return list(refusal.value.reasons)


def down(floor: Floor, state: EquipmentState) -> None:
    floor.do(condition.change_state, floor.id_of(Equipment, "CELL-1"), state)


def alarm(floor: Floor, severity: int) -> None:
    floor.do(condition.set_alarm, floor.id_of(Equipment, "CELL-1"), "DOOR", severity, "door open")


def quiet(floor: Floor) -> None:
    floor.do(condition.clear_alarm, floor.id_of(Equipment, "CELL-1"), "DOOR")


def held(floor: Floor) -> None:
    floor.do(hold, floor.id_of(Lot, "D1"), "height", "bump height", "process_engineer")


def released(floor: Floor) -> None:
    for standing in floor.holds("D1"):
        floor.do(release_hold, standing.lot_id, standing.id, "measured again, within limits", Role.ADMINISTRATOR)


def seen_on_equipment(sha256: str) -> Step:
    def see(floor: Floor) -> None:
        with floor.database.transaction() as session:
            key = {"equipment_id": floor.id_of(Equipment, "CELL-1")}
            recipe = floor.id_of(RecipeVersion, "bond@1")
            session.merge(RecipeOnEquipment(**key, recipe_version_id=recipe, sha256=sha256, verified_at=BEGIN))

    return see


CASES: dict[str, tuple[Step, str, str, Step]] = {
    "equipment_down": (
        lambda floor: down(floor, EquipmentState.UDT),
        "CELL-1 is UDT; bring it to standby first.",
        "line_engineer",
        lambda floor: down(floor, EquipmentState.SBY),
    ),
    "alarm": (
        lambda floor: alarm(floor, 700),
        "CELL-1 has alarm DOOR (door open); clear it first.",
        "line_engineer",
        quiet,
    ),
    "held": (
        held,
        "Lot D1 is held (height: bump height); release the hold, then track in.",
        "process_engineer",
        released,
    ),
    "places_full": (
        lambda floor: [floor.arrive(f"F{n}", "die", f"V{n}") and floor.order("CELL-1", f"F{n}") for n in (1, 2)],
        "CELL-1 has 2 open runs on 2 places; wait until one ends.",
        "operator",
        lambda floor: floor.do(run_course.abort, 1, "refused"),
    ),
    "nothing_waits": (
        lambda floor: floor.order("CELL-2", "D1"),
        "No substrate of lot D1 waits; all are on equipment.",
        "operator",
        lambda floor: floor.do(run_course.abort, 1, "refused"),
    ),
    "recipe_differs": (
        seen_on_equipment("00"),
        "CELL-1 holds another body under bond@1; put the approved one there, then verify.",
        "process_engineer",
        seen_on_equipment(SHA256),
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_reason_stands_until_what_it_says_is_done(floor: Floor, code: str) -> None:
    produce, message, who, clear = CASES[code]
    floor.arrive("D1", "die", "W1")
    wanted = floor.wanted("CELL-1", "D1")
    produce(floor)
    assert refused(floor, wanted) == [Reason(code, message, who)]
    clear(floor)
    floor.do(track_in, wanted)
    assert (floor.lot("D1").state, floor.member("W1").progress) == ("ordered", "ordered")


def test_lot_that_is_not_released_cannot_start(floor: Floor) -> None:
    lot = floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"),)))
    wanted = floor.wanted("CELL-1", "D1")
    (reason,) = refused(floor, wanted)
    assert reason.code == "lot_state" and "Lot D1 is created" in reason.message
    floor.do(release, lot.id)
    floor.do(track_in, wanted)


def test_wrong_class_names_both(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    message = "Operation board/10 needs equipment of class oven; CELL-1 is of class cell."
    assert refused(floor, floor.wanted("CELL-1", "B1")) == [Reason("wrong_class", message, "operator")]
    floor.order("OVEN-1", "B1")


def test_retired_recipe_starts_nothing_any_more_and_stops_nothing(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    run = floor.order("CELL-1", "D1", only=["W1"])
    floor.do(retire, floor.id_of(RecipeVersion, "bond@1"))
    message = "Recipe bond@1 is obsolete; it must be approved."
    wanted = floor.wanted("CELL-1", "D1")
    assert refused(floor, wanted) == [Reason("recipe_not_approved", message, "process_engineer")]
    floor.do(run_course.start, run)
    floor.report(run, "W1")
    floor.end(run)
    assert floor.work(run, "W1").units_good == 12


def test_mild_alarm_blocks_nothing(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    alarm(floor, 699)
    floor.order("CELL-1", "D1")


def test_queue_time_is_exceeded_one_second_after_its_limit(floor: Floor, database: Database) -> None:
    lot = floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    baked = BEGIN + timedelta(hours=floor.hours - 2)  # begun, reported, ended
    limit = baked + timedelta(hours=MOST_WAIT_H)
    cell = floor.id_of(Equipment, "CELL-1")
    ended_at = floor.work(1, "S1").ended_at
    assert ended_at == baked
    with database.reading() as session:
        assert start_gate.reasons(session, lot, cell, limit) == []
        (late,) = start_gate.reasons(session, lot, cell, limit + timedelta(hours=0.5))
    message = "Substrate S1 has waited 4.5 h since board/10; the limit is 4.0 h."
    assert late == Reason("queue_time_exceeded", message, "process_engineer")
    wanted, too_late = floor.wanted("CELL-1", "B1"), Act("tester", limit + timedelta(seconds=1))
    before = floor.everything()
    with pytest.raises(StartRefused), database.transaction() as session:
        track_in(session, wanted, too_late)
    assert floor.everything() == before


def test_sources_that_are_missing_wrong_in_use_or_empty(floor: Floor) -> None:
    floor.arrive("P1", "package", "I1", "I2", "I3", "I4")
    floor.stock("C1", "cap", "X1")
    wanted = floor.wanted("CELL-1", "P1", only=["I1"])
    free, named = refused(floor, wanted)
    assert free.message == "No unit of die is free; stock a lot of it or wait until a mounted source is free."
    assert named == Reason("source_missing", "No source of die is named for this run.")
    floor.arrive("D1", "die", "W1")
    unstocked = refused(floor, floor.wanted("CELL-1", "P1", only=["I1"], sources=["W1", "X1"]))
    wrong = [f"{name} is not stocked, or holds nothing this operation needs." for name in ("W1", "X1")]
    assert [r.message for r in unstocked if r.code == "source_wrong"] == wrong
    floor.pass_through("CELL-1", "D1", "W1")
    floor.stock("D2", "die", "W2")
    run = floor.order("CELL-1", "P1", only=["I1"], sources=["W1"])
    used = refused(floor, floor.wanted("CELL-2", "P1", only=["I2"], sources=["W1"]))
    assert used == [Reason("source_in_use", "W1 is mounted elsewhere and in use; wait until that run ends.")]
    empty = refused(floor, floor.wanted("CELL-1", "P1", only=["I2"], sources=["W1", "W2"]))
    assert empty == [Reason("source_empty", "W1 has no free unit left.")]
    floor.do(run_course.abort, run, "refused")
    floor.order("CELL-2", "P1", only=["I2"], sources=["W1"])


def test_source_of_a_held_lot_is_not_picked(floor: Floor) -> None:
    floor.arrive("P1", "package", "I1")
    floor.stock("D1", "die", "W1")
    held(floor)
    wanted = floor.wanted("CELL-1", "P1", sources=["W1"])
    assert {r.code for r in refused(floor, wanted)} == {"source_missing", "source_wrong"}
    released(floor)
    floor.do(track_in, wanted)


def test_all_reasons_at_once(floor: Floor) -> None:
    floor.arrive("P1", "package", "I1", "I2")
    floor.stock("D1", "die", "W1")
    floor.stock("C1", "cap", "X1")
    down(floor, EquipmentState.SDT)
    alarm(floor, 900)
    floor.do(retire, floor.id_of(RecipeVersion, "bond@1"))
    for code in ("height", "damage"):
        floor.do(hold, floor.id_of(Lot, "P1"), code, "see the picture", "line_engineer")
    found = refused(floor, floor.wanted("CELL-1", "P1", sources=["X1"]))
    assert [reason.code for reason in found] == [
        "held", "held", "equipment_down", "alarm", "recipe_not_approved", "source_wrong", "source_missing",
    ]  # fmt: skip


def test_substrates_that_do_not_wait_or_do_not_fit_are_named(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    floor.order("CELL-1", "D1", only=["W1"])
    busy = refused(floor, floor.wanted("CELL-1", "D1", only=["W1", "W2"]))
    message = "1 of the substrates asked for do not wait at the operation of lot D1."
    assert busy == [Reason("substrate_not_waiting", message, "operator")]
    floor.arrive("B1", "board", "S1", "S2", "S3", "S4")
    full = refused(floor, floor.wanted("OVEN-1", "B1", only=["S1", "S2", "S3", "S4"]))
    message = "4 substrates are asked for; OVEN-1 takes 3 at once."
    assert full == [Reason("too_many_substrates", message, "operator")]
    floor.order("OVEN-1", "B1")
    assert [floor.member(name).progress for name in ("S1", "S2", "S3", "S4")] == [*["ordered"] * 3, "queued"]


def test_equipment_could_not_tell_two_customers_substrates_of_one_name_apart(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", customer="alpha")
    floor.arrive("B2", "board", "S1", customer="beta")
    message = "Several substrates are named S1: equipment could not tell them apart; use separate runs."
    assert refused(floor, floor.wanted("OVEN-1", "B1", "B2")) == [Reason("same_name", message, "operator")]


CONTRADICTIONS: dict[str, Callable[[Floor], TrackIn]] = {
    "Name at least one lot": lambda floor: TrackIn(floor.id_of(Equipment, "CELL-1"), ()),
    "named twice": lambda floor: floor.wanted("CELL-1", "D1", "D1"),
    "a source is named twice": lambda floor: floor.wanted("CELL-1", "P1", sources=["W3", "W3"]),
    "takes one lot at a time; 2 were named": lambda floor: floor.wanted("CELL-1", "D1", "D2"),
    "wait at different operations": lambda floor: floor.wanted("CELL-1", "D1", "C1"),
}


@pytest.mark.parametrize("words", CONTRADICTIONS)
def test_request_that_contradicts_itself_changes_nothing(floor: Floor, words: str) -> None:
    floor.arrive("D1", "die", "W1")
    floor.arrive("D2", "die", "W2")
    floor.arrive("C1", "cap", "X1")
    floor.stock("D3", "die", "W3")
    floor.arrive("P1", "package", "I1")
    wanted, before = CONTRADICTIONS[words](floor), floor.everything()
    with pytest.raises(Malformed, match=words):
        floor.do(track_in, wanted)
    assert floor.everything() == before


def test_unknown_lot_equipment_or_source_is_not_found(floor: Floor) -> None:
    lot = floor.arrive("P1", "package", "I1")
    cell = floor.id_of(Equipment, "CELL-1")
    for wanted in (
        TrackIn(99, (LotPart(lot),)),
        TrackIn(cell, (LotPart(99),)),
        TrackIn(cell, (LotPart(lot),), (99,)),
    ):
        before = floor.everything()
        with pytest.raises(NotFound, match="with id 99"):
            floor.do(track_in, wanted)
        assert floor.everything() == before
