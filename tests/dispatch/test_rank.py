"""Lots are ranked by the criteria of the plant's text, one after the other, and the values of each are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, update

from mes.definitions.models import EquipmentClass, Site
from mes.dispatch.criteria import Criterion
from mes.dispatch.looks import look
from mes.dispatch.waiting import first_reasons
from mes.dispatch.what_if import WhatIf
from mes.dispatch.what_next import choose
from mes.equipment.condition import change_state
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.lots.work import run_course
from tests.shop import BEGIN, Floor, mapped


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """The shop with all its equipment connected."""
    with floor.database.transaction() as session:
        session.execute(update(Equipment).values(connected=True))
    return floor


def rank_by(floor: Floor, its_class: str, *criteria: str) -> None:
    with floor.database.transaction() as session:
        rule = update(EquipmentClass).where(EquipmentClass.name == its_class)
        session.execute(rule.values(ranking=list(criteria)))


def told(floor: Floor, equipment: str) -> list[tuple[str, dict[str, float | None]]]:
    """What may start, the first before the others, with what each criterion says of it."""
    with floor.database.reading() as session:
        ranked, _ = look(session, floor.id_of(Equipment, equipment), BEGIN + timedelta(hours=floor.hours))
    assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
    return [(row["lot"], {c["criterion"]: c["value"] for c in row["criteria"]}) for row in ranked]


def order(floor: Floor, equipment: str) -> list[str]:
    """What may start, the first before the others; the first of them is what starts."""
    found = [lot for lot, _ in told(floor, equipment)]
    with floor.database.reading() as session:
        chosen = choose(session, floor.id_of(Equipment, equipment), BEGIN + timedelta(hours=floor.hours)).start
        assert chosen is not None
        assert session.get_one(Lot, chosen.parts[0].lot_id).name == found[0]
    return found


def due(floor: Floor, lot: str, in_h: float) -> None:
    act = floor.act()
    floor.do(change_priority, floor.id_of(Lot, lot), None, act.at + timedelta(hours=in_h), act=act)


def test_usual_order_is_that_of_a_plant_which_says_nothing(floor: Floor) -> None:
    for n, name in enumerate(("D2", "D1", "D3")):
        floor.arrive(name, "die", f"W{n}")
    floor.do(change_priority, floor.id_of(Lot, "D3"), 1, None)
    usual = told(floor, "CELL-1")
    assert [(lot, list(values)) for lot, values in usual] == [
        (lot, ["priority", "first_in_first_out"]) for lot in ("D3", "D2", "D1")
    ]
    assert usual[1][1] == {"priority": 5, "first_in_first_out": 5.0}
    with floor.database.transaction() as session:
        session.execute(update(Site).values(ranking=["first_in_first_out"]))
    assert order(floor, "CELL-1") == ["D2", "D1", "D3"]
    rank_by(floor, "cell", "priority", "first_in_first_out")
    assert told(floor, "CELL-1") == usual


def test_critical_ratio_is_time_until_due_over_work_that_is_left(floor: Floor) -> None:
    rank_by(floor, "cell", "critical_ratio", "first_in_first_out")
    rank_by(floor, "oven", "critical_ratio")
    floor.arrive("B1", "board", "S1")
    for n, in_h in enumerate((30, None, 20, 10), 1):
        floor.arrive(f"D{n}", "die", f"W{n}")
        if in_h is not None:
            due(floor, f"D{n}", in_h)
    due(floor, "B1", 20)
    assert told(floor, "OVEN-1") == [("B1", {"critical_ratio": 2.0})]
    found = told(floor, "CELL-1")
    assert [lot for lot, _ in found] == ["D4", "D3", "D1", "D2"]
    assert found[0][1]["critical_ratio"] is not None
    assert found[-1][1]["critical_ratio"] is None
    assert order(floor, "CELL-1") == ["D4", "D3", "D1", "D2"]


def test_lot_whose_queue_time_runs_out_first_goes_first(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    rank_by(floor, "cell", "queue_time_left", "first_in_first_out")
    for n in (1, 2):
        floor.arrive(f"B{n}", "board", f"S{n}")
    floor.pass_through("OVEN-1", "B1", "S1")
    floor.hours -= 3
    floor.pass_through("OVEN-1", "B2", "S2")
    assert [(lot, values["queue_time_left"]) for lot, values in told(floor, "CELL-1")] == [
        ("B1", 1.0),
        ("B2", 2.0),
        ("D1", None),
    ]


def test_what_needs_no_change_of_setup_goes_first(floor: Floor) -> None:
    rank_by(floor, "cell", "setup_change", "first_in_first_out")
    floor.arrive("C1", "cap", "X1")
    floor.arrive("D1", "die", "W1")
    assert order(floor, "CELL-1") == ["C1", "D1"]
    run = floor.order("CELL-1", "D1")
    floor.do(run_course.abort, run, "not begun")
    assert [(lot, values["setup_change"]) for lot, values in told(floor, "CELL-1")] == [("D1", 0), ("C1", 1)]
    assert order(floor, "CELL-2") == ["C1", "D1"]


def test_batch_fills_up_in_the_order_of_its_ranking(floor: Floor) -> None:
    rank_by(floor, "oven", "critical_ratio")
    for n in range(1, 5):
        floor.arrive(f"B{n}", "board", f"S{n}")
    for lot, in_h in (("B4", 10), ("B2", 20), ("B3", 30)):
        due(floor, lot, in_h)
    at = BEGIN + timedelta(hours=floor.hours)
    with floor.database.reading() as session:
        start = choose(session, floor.id_of(Equipment, "OVEN-1"), at).start
        assert start is not None
        assert [session.get_one(Lot, part.lot_id).name for part in start.parts] == ["B4", "B2", "B3"]


def test_excluded_lots_have_their_values_too(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", "W1")
    floor.do(hold, lot, "height", "bump height", "line_engineer")
    with floor.database.reading() as session:
        _, excluded = look(session, floor.id_of(Equipment, "CELL-1"), BEGIN + timedelta(hours=floor.hours))
    assert excluded[0]["criteria"] == [
        {"criterion": "priority", "value": 5, "unit": None},
        {"criterion": "first_in_first_out", "value": 1.0, "unit": "h"},
    ]


def test_every_criterion_takes_as_many_statements_for_many_lots_as_for_few(floor: Floor) -> None:
    rank_by(floor, "cell", "queue_time_left", "setup_change", "critical_ratio", "priority")

    def statements(first: int, end: int) -> int:
        for n in range(first, end):
            floor.arrive(f"D{n}", "die", mapped(f"W{n}", [[1] * 4] * 3))
        seen: list[str] = []
        with floor.database.reading() as session:
            event.listen(session.connection(), "before_cursor_execute", lambda *args: seen.append(args[2]))
            assert len(first_reasons(session, BEGIN + timedelta(hours=floor.hours))) == end
        return len(seen)

    assert statements(0, 2) == statements(2, 12) <= 20


def test_what_if_asks_and_does_nothing(floor: Floor) -> None:
    """Another ranking, equipment that is down and full, and a time that has not come."""
    for n in (1, 2):
        floor.arrive(f"D{n}", "die", f"W{n}")
    due(floor, "D2", 9)
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    floor.do(change_state, floor.id_of(Equipment, "CELL-1"), EquipmentState.UDT)
    before = floor.everything()

    def would(what_if: WhatIf, later_h: float = 0) -> list[str]:
        at = BEGIN + timedelta(hours=floor.hours + later_h)
        with floor.database.reading() as session:
            return [row["lot"] for row in look(session, floor.id_of(Equipment, "CELL-1"), at, what_if)[0]]

    assert would(WhatIf()) == []
    assert would(WhatIf(free=True)) == ["D1", "D2", "B1"]
    assert would(WhatIf([Criterion.CRITICAL_RATIO], free=True)) == ["D2", "B1", "D1"]
    assert would(WhatIf(free=True), later_h=5) == ["D1", "D2"]
    assert floor.everything() == before
