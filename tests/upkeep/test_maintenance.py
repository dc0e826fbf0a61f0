"""Maintenance is due by time and by use, blocks the gate until it is done, and keeps what was found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from mes.definitions.models import EquipmentClass, MaintenancePlan
from mes.equipment.condition import change_state
from mes.equipment.maintenance.due import Upkeep
from mes.equipment.maintenance.looks import last_done, plans_of
from mes.equipment.maintenance.maintain import maintain
from mes.equipment.maintenance.models import Maintenance
from mes.equipment.maintenance.states import MaintenanceState
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.errors import Malformed, NotFound, Refused
from mes.history import Act
from mes.lots.gate import start_gate
from mes.lots.models import Lot
from tests.shop import BEGIN, Floor

CHECKS: list[dict[str, Any]] = [
    {"name": "force", "title": "Force", "unit": "N", "low": 48.0, "high": 52.0},
    {"name": "lines", "title": "Vacuum lines cleaned", "unit": None, "low": None, "high": None},
]
GOOD: dict[str, float | bool] = {"force": 50.0, "lines": True}


def plan(floor: Floor, name: str = "weekly", *, begun: bool = True, **every: float) -> None:
    """A plan for the cells, in force since the shop was built."""
    with floor.database.transaction() as session:
        cell = session.scalars(select(EquipmentClass).where(EquipmentClass.name == "cell")).one()
        row = MaintenancePlan(name=name, title=name.title(), class_id=cell.id, warning=0.5, checks=CHECKS, **every)
        session.add(row)
        session.flush()
        for of in session.scalars(select(Equipment.id).where(Equipment.class_id == cell.id)) if begun else ():
            zero = {"runs_done": 0, "units_done": 0, "found": [], "passed": True}
            session.add(Maintenance(equipment_id=of, plan_id=row.id, happened_at=BEGIN, **zero))


def standing(floor: Floor, at: datetime | None = None) -> list[tuple[str, str]]:
    """Plan and state of the first cell."""
    with floor.database.reading() as session:
        rows = plans_of(session, [floor.id_of(Equipment, "CELL-1")], at or now(floor))
        return [(row["plan"], row["state"]) for row in rows]


def now(floor: Floor) -> datetime:
    return BEGIN + timedelta(hours=floor.hours)


def against(floor: Floor, at: datetime | None = None) -> list[tuple[str, str, str]]:
    """Code, sentence and who of what speaks against lot D on the first cell."""
    with floor.database.reading() as session:
        lot, cell = floor.id_of(Lot, "D"), floor.id_of(Equipment, "CELL-1")
        return [(r.code, r.message, r.who) for r in start_gate.reasons(session, lot, cell, at or now(floor))]


def done(floor: Floor, name: str = "weekly", found: Any = GOOD) -> None:
    floor.do(maintain, floor.id_of(Equipment, "CELL-1"), name, found)


def test_time_warns_then_blocks_until_it_is_done(floor: Floor) -> None:
    plan(floor, every_s=10 * 3600.0)
    floor.arrive("D", "die", "W")
    hour = timedelta(hours=1)
    for hours, state in ((5 - 0.1, "fine"), (5, "soon"), (10 - 0.1, "soon"), (10, "due")):
        assert standing(floor, BEGIN + hours * hour) == [("weekly", state)]
    assert against(floor, BEGIN + 9.9 * hour) == []
    said = "Weekly of CELL-1 is due (since 2026-03-01 10:00 UTC); do it, and record what was found."
    assert against(floor, BEGIN + 10 * hour) == [("maintenance_due", said, "line_engineer")]
    floor.hours = 12
    done(floor)
    assert (against(floor), standing(floor)) == ([], [("weekly", "fine")])
    with floor.database.reading() as session:
        (row,) = last_done(session, floor.id_of(Equipment, "CELL-1"), 9)
    assert (row["done_by"], row["passed"], [f["value"] for f in row["found"]]) == ("tester", True, [50.0, True])


def test_use_counts_what_has_ended_and_both_are_told(floor: Floor) -> None:
    plan(floor, "by_units", every_units=24)
    plan(floor, "by_both", every_runs=2, every_s=1000 * 3600.0)
    floor.arrive("D", "die", "W")
    floor.arrive("E", "die", "V1", "V2")
    run = floor.begin("CELL-1", "E", only=["V1"])
    floor.report(run, "V1")
    assert standing(floor) == [("by_units", "fine"), ("by_both", "fine")]
    floor.end(run)
    assert standing(floor) == [("by_units", "soon"), ("by_both", "soon")]
    run = floor.begin("CELL-1", "E", only=["V2"])
    floor.report(run, "V2")
    floor.end(run)
    told = [(code, said) for code, said, _ in against(floor)]
    assert told == [
        ("maintenance_due", "By_Units of CELL-1 is due (after 24 units); do it, and record what was found."),
        ("maintenance_due", "By_Both of CELL-1 is due (after 2 runs); do it, and record what was found."),
    ]
    done(floor, "by_units")
    assert [code for code, *_ in against(floor)] == ["maintenance_due"]
    done(floor, "by_both")
    assert against(floor) == []
    idle = floor.begin("CELL-1", "D")
    floor.end(idle)  # nothing was worked on: that is no use
    with floor.database.reading() as session:
        cell = session.get_one(Equipment, floor.id_of(Equipment, "CELL-1"))
        assert (cell.runs_done, cell.units_done) == (2, 24)
    assert floor.problems() == []


def test_what_is_outside_its_limits_is_kept_and_blocks(floor: Floor) -> None:
    plan(floor, every_s=1000 * 3600.0)
    floor.arrive("D", "die", "W")
    done(floor, found=GOOD | {"force": 52.5, "lines": False})
    said = "Weekly of CELL-1 found what must not be (force 52.5 N, lines False); mend it, and do it again."
    assert against(floor) == [("maintenance_failed", said, "line_engineer")]
    done(floor, found=GOOD | {"force": 52.0})
    assert against(floor) == []


def test_equipment_for_which_no_plan_was_put_in_force_is_due(floor: Floor) -> None:
    plan(floor, every_runs=5, begun=False)
    floor.arrive("D", "die", "W")
    assert [said for _, said, _ in against(floor)] == [
        "Weekly of CELL-1 is due (it was never done); do it, and record what was found."
    ]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"force": 50.0}, "lines is missing"),
    "unknown": (GOOD | {"paint": True}, "it has no check paint"),
    "yes for a number": ({"force": True, "lines": True}, "force is a number in N"),
    "no number at all": ({"force": float("nan"), "lines": True}, "force is a number in N"),
    "a number for yes": ({"force": 50.0, "lines": 1.0}, "lines is done or not: yes or no"),
}


def test_check_list_is_filled_in_wholly_while_the_equipment_rests(floor: Floor) -> None:
    plan(floor, every_runs=5)
    cell, before = floor.id_of(Equipment, "CELL-1"), floor.everything()
    for found, said in WRONG.values():
        with pytest.raises(Malformed, match=said):
            done(floor, found=found)
    with pytest.raises(NotFound, match="There is no maintenance yearly of CELL-1; it has weekly"):
        done(floor, "yearly")
    assert floor.everything() == before
    floor.do(change_state, cell, EquipmentState.PRD)
    with pytest.raises(Refused) as refusal:
        done(floor)
    assert [(r.code, r.who) for r in refusal.value.reasons] == [("equipment_works", "operator")]


def test_share_is_of_time_or_use_whichever_is_more() -> None:
    cell = Equipment(name="C", runs_done=30, units_done=700)
    both = MaintenancePlan(name="p", every_s=100.0, every_runs=40, every_units=1000, warning=0.9)
    last = Maintenance(happened_at=BEGIN, runs_done=10, units_done=100, passed=True)
    one = Upkeep(cell, both, last)
    assert one.share(BEGIN + timedelta(seconds=10)) == pytest.approx(0.6)
    assert one.share(BEGIN + timedelta(seconds=90)) == pytest.approx(0.9)
    assert one.state(BEGIN + timedelta(seconds=90)) == MaintenanceState.SOON
    assert (one.runs_left, one.units_left) == (20, 400)
    assert Upkeep(cell, both, None).state(BEGIN) == MaintenanceState.DUE


def test_act_is_the_one_that_is_recorded(floor: Floor) -> None:
    plan(floor, every_runs=5)
    act = Act("lee", BEGIN + timedelta(hours=3), "monday")
    floor.do(maintain, floor.id_of(Equipment, "CELL-1"), "weekly", GOOD, act=act)
    with floor.database.reading() as session:
        rows = plans_of(session, [floor.id_of(Equipment, "CELL-1")], act.at)
    assert (rows[0]["since"], rows[0]["done_by"], rows[0]["runs_left"]) == (act.at, "lee", 5)
    assert floor.problems() == []
