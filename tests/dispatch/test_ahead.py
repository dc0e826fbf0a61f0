"""What must follow within a time is not begun where the equipment for it is down or has too much to do."""

from __future__ import annotations

from datetime import timedelta

from mes.dispatch.what_next import choose
from mes.equipment.condition import change_state
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from tests.shop import BEGIN, Floor


def against(floor: Floor, equipment: str = "OVEN-1") -> dict[str, str]:
    """What may not start there by the look ahead: why."""
    with floor.database.reading() as session:
        choice = choose(session, floor.id_of(Equipment, equipment), BEGIN + timedelta(hours=floor.hours))
    found = {lot.lot: lot.reasons for lot in choice.excluded}
    assert all([reason.code for reason in reasons] == ["queue_time_ahead"] for reasons in found.values())
    return {lot: reasons[0].message for lot, reasons in found.items()}


def test_equipment_that_is_down_is_not_baked_for(floor: Floor) -> None:
    """Boards are to be tested within four hours after the oven, by one of the cells."""
    floor.arrive("B1", "board", "S1")
    for cell in ("CELL-1", "CELL-2"):
        assert against(floor) == {}
        floor.do(change_state, floor.id_of(Equipment, cell), EquipmentState.UDT)
    assert against(floor) == {
        "B1": "board/20 must follow within 4 h, and no Cell is able to take work; bring one to standby first."
    }
    floor.do(change_state, floor.id_of(Equipment, "CELL-2"), EquipmentState.SBY)
    assert against(floor) == {}


def test_equipment_that_has_too_much_to_do_is_not_baked_for(floor: Floor) -> None:
    """Two cells of two places; the oven takes eight hours, a wafer of dies two: from 25 on they come too late."""
    floor.arrive("B1", "board", "S1")
    for n in range(24):
        floor.arrive(f"D{n}", "die", f"W{n}")
    assert against(floor) == {}
    floor.arrive("D24", "die", "W24")
    too_much = "board/20 must follow within 4 h, and each Cell has 12.5 h of work before it; start this later."
    assert against(floor) == {"B1": too_much}
    floor.do(hold, floor.id_of(Lot, "D1"), "height", "bump height", "line_engineer")
    assert against(floor) == {}
    floor.arrive("D25", "die", "W25")
    assert against(floor) == {"B1": too_much}
    floor.begin("CELL-1", "D2")
    assert against(floor) == {"B1": too_much}
    floor.hours += 2
    assert against(floor) == {}


def test_work_of_which_no_route_says_how_long_it_takes_counts_for_nothing(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    for n in range(30):
        floor.arrive(f"C{n}", "cap", f"X{n}")
    assert against(floor) == {}
