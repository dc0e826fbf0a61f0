"""What starts next: priority first, then first in, first out; and why what is passed over cannot start."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from mes.dispatch.candidates import candidates
from mes.dispatch.what_next import Choice, choose
from mes.equipment.condition import change_state
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.lots.work import run_course
from mes.lots.work.track_in import TrackIn, track_in
from mes.units.models import Substrate
from tests.shop import BEGIN, MOST_WAIT_H, Floor


def look(floor: Floor, equipment: str) -> Choice:
    with floor.database.reading() as session:
        return choose(session, floor.id_of(Equipment, equipment), BEGIN + timedelta(hours=floor.hours))


def chosen(floor: Floor, equipment: str) -> tuple[dict[str, list[str]], list[str]] | None:
    """The substrates by lot and the sources that the equipment should start, by name."""
    start = look(floor, equipment).start
    if start is None:
        return None
    with floor.database.reading() as session:
        lots = {session.get_one(Lot, p.lot_id).name: p.substrate_ids for p in start.parts}
        names = {lot: [session.get_one(Substrate, i).name for i in ids] for lot, ids in lots.items()}
        return names, [session.get_one(Substrate, i).name for i in start.source_ids]


def excluded(floor: Floor, equipment: str) -> dict[str, list[str]]:
    return {e.lot: [reason.code for reason in e.reasons] for e in look(floor, equipment).excluded}


def start(floor: Floor, equipment: str) -> int:
    """Start what is chosen: a choice must never be refused while nobody else acts."""
    wanted = look(floor, equipment).start
    assert isinstance(wanted, TrackIn)
    run: int = floor.do(track_in, wanted).id
    return run


def urgent(floor: Floor, lot: str, priority: int) -> None:
    with floor.database.transaction() as session:
        session.execute(update(Lot).where(Lot.name == lot).values(priority=priority))


def test_nothing_waits(floor: Floor) -> None:
    assert look(floor, "CELL-1") == Choice(floor.id_of(Equipment, "CELL-1"), None)


def test_priority_goes_before_time_and_time_before_name(floor: Floor) -> None:
    for n, lot in enumerate(("D2", "D1", "D3")):
        floor.arrive(lot, "die", f"W{n}")
    with floor.database.reading() as session:
        assert [c.lot for c in candidates(session)] == ["D2", "D1", "D3"]
    urgent(floor, "D3", 1)
    assert chosen(floor, "CELL-1") == ({"D3": ["W2"]}, [])
    start(floor, "CELL-1")
    assert chosen(floor, "CELL-1") == ({"D2": ["W0"]}, [])


def test_lot_that_may_not_start_is_passed_over_with_its_reasons(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    floor.arrive("D2", "die", "W2")
    floor.do(hold, floor.id_of(Lot, "D1"), "height", "bump height", "line_engineer")
    assert chosen(floor, "CELL-1") == ({"D2": ["W2"]}, [])
    assert excluded(floor, "CELL-1") == {"D1": ["held"]}


def test_oven_fills_up_with_lots_of_the_same_recipe(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", customer="alpha")
    floor.arrive("B2", "board", "S1", "T2", customer="beta")
    floor.arrive("B3", "board", "U1", "U2", customer="beta")
    assert chosen(floor, "OVEN-1") == ({"B1": ["S1"], "B2": ["T2"], "B3": ["U1"]}, [])
    run = start(floor, "OVEN-1")
    assert excluded(floor, "OVEN-1") == {"B2": ["places_full"], "B3": ["places_full"]}
    floor.do(run_course.abort, run, "not heated")
    urgent(floor, "B3", 1)
    assert chosen(floor, "OVEN-1") == ({"B3": ["U1", "U2"], "B1": ["S1"]}, [])


def test_cell_takes_one_lot_and_no_more_than_it_holds(floor: Floor) -> None:
    floor.arrive("D1", "die", *(f"W{n}" for n in range(9)))
    floor.arrive("D2", "die", "V1")
    assert chosen(floor, "CELL-1") == ({"D1": [f"W{n}" for n in range(8)]}, [])
    start(floor, "CELL-1")
    assert chosen(floor, "CELL-2") == ({"D1": ["W8"]}, [])


def test_assembly_starts_what_free_sources_fill_and_takes_no_more(floor: Floor) -> None:
    """Nine dies for four positions of two sites: eight, and three in a hundred to spare."""
    floor.arrive("P1", "package", "I1", "I2", "I3")
    assert excluded(floor, "CELL-1") == {"P1": ["source_missing"]}
    floor.stock("D1", "die", "W1")
    assert chosen(floor, "CELL-1") == ({"P1": ["I1"]}, ["W1"])
    floor.stock("D2", "die", "W2", "W3", customer="beta")
    assert chosen(floor, "CELL-1") == ({"P1": ["I1", "I2", "I3"]}, ["W1", "W2", "W3"])
    start(floor, "CELL-1")
    floor.arrive("P2", "package", "I4")
    assert excluded(floor, "CELL-2") == {"P2": ["source_missing"]}


def test_too_few_sources_for_one_substrate_wait_for_more(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    floor.stock("C1", "cap", "X1")
    floor.arrive("Q1", "pair", "I1", "I2", "I3")
    assert chosen(floor, "CELL-1") == ({"Q1": ["I1", "I2"]}, ["W1", "X1"])
    start(floor, "CELL-1")
    floor.stock("D2", "die", "W2")
    assert excluded(floor, "CELL-2") == {"Q1": ["source_missing"]}


def test_sources_that_are_mounted_here_are_used_up_first(floor: Floor) -> None:
    floor.stock("D1", "die", "W1", "W2")
    floor.arrive("P1", "package", "I1")
    run = floor.order("CELL-1", "P1", sources=["W2"])
    floor.do(run_course.abort, run, "not begun")
    assert chosen(floor, "CELL-1") == ({"P1": ["I1"]}, ["W2"])
    assert chosen(floor, "CELL-2") == ({"P1": ["I1"]}, ["W1"])


def test_sources_of_one_name_are_not_given_together(floor: Floor) -> None:
    floor.stock("D1", "die", "W1", customer="alpha")
    floor.stock("D2", "die", "W1", customer="beta")
    floor.arrive("P1", "package", "I1", "I2")
    assert chosen(floor, "CELL-1") == ({"P1": ["I1"]}, ["W1"])
    start(floor, "CELL-1")
    assert chosen(floor, "CELL-2") == ({"P1": ["I2"]}, ["W1"])


def test_substrate_that_waited_too_long_is_not_started(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    assert chosen(floor, "CELL-1") == ({"B1": ["S1"]}, [])
    floor.hours += int(MOST_WAIT_H)
    assert excluded(floor, "CELL-1") == {"B1": ["queue_time_exceeded"]}


def test_what_has_gone_ahead_of_its_lot_does_not_wait_for_the_rest(floor: Floor) -> None:
    """One board is baked, the rest of its lot is held up at the oven: the baked one is judged meanwhile."""
    floor.arrive("B1", "board", "S1", "S2")
    run_id = floor.begin("OVEN-1", "B1", only=["S1"])
    floor.report(run_id, "S1")
    floor.end(run_id)
    floor.do(change_state, floor.id_of(Equipment, "OVEN-1"), EquipmentState.UDT)
    assert chosen(floor, "OVEN-1") is None
    assert chosen(floor, "CELL-1") == ({"B1": ["S1"]}, [])
    start(floor, "CELL-1")
    assert floor.member("S1").progress == "ordered"
    assert floor.problems() == []
