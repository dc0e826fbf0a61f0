"""Packages lie open no longer than their moisture level allows, from the bake until they are sealed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from mes.definitions.models import EquipmentClass, Layout, Product
from mes.definitions.moisture import FLOOR_LIFE_H
from mes.equipment.models import Equipment
from mes.lots.gate import start_gate
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.looks import LotFilter, look, select_lots
from mes.lots.models import Lot
from mes.lots.regrouping.rework import rework
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.recipes.models import RecipeVersion
from mes.routes.models import QueueLimit
from mes.runs.models import Run
from tests.shop import BEGIN, Floor, _product, _route

LEVEL_3_H = 168


@pytest.fixture
def packages(floor: Floor) -> Floor:
    """Lot P of packages of level 3: baked, then marked, then sealed; what waits to be sealed may be baked again."""
    with floor.database.transaction() as session:
        product = _product(session, "bga", session.scalars(select(Layout).where(Layout.name == "sites")).one())
        product.moisture_level = "3"
        oven, cell = (
            {
                "kind": "process", "class_id": session.scalars(select(EquipmentClass.id).filter_by(name=name)).one(),
                "recipe_version_id": session.scalars(select(RecipeVersion.id).filter_by(name=recipe)).one(),
            }
            for name, recipe in (("oven", "bake@1"), ("cell", "bond@1"))
        )  # fmt: skip
        again = {"back_to": 10, "most": 2, "most_per_lot": None, "reasons": ["moist"]}
        baked, _, sealed = _route(session, product, "completed", oven, cell, cell | {"rework": again})
        session.add(QueueLimit(from_operation_id=baked.id, to_operation_id=sealed.id, floor_life=True))
    floor.arrive("P", "bga", "S1")
    floor.pass_through("OVEN-1", "P", "S1")
    return floor


def clocks(floor: Floor) -> list[tuple[str | None, datetime, datetime]]:
    """Level, beginning and end of each clock that is shown; the list of lots tells the first end."""
    with floor.database.reading() as session:
        shown = look(session, floor.id_of(Lot, "P"))["queue_times"]
        (row,) = session.execute(select_lots(LotFilter(q="P"))).mappings()
    assert row["queue_ends_at"] == min((one["ends_at"] for one in shown), default=None)
    return [(one["moisture_level"], one["since"], one["ends_at"]) for one in shown]


def against(floor: Floor) -> list[tuple[str, str, str]]:
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, "P"), floor.id_of(Equipment, "CELL-1")
        found = start_gate.reasons(session, *ids, BEGIN + timedelta(hours=floor.hours))
        return [(reason.code, reason.message, reason.who) for reason in found]


def baked_in(floor: Floor, run_id: int) -> datetime:
    """When the substrate came out of the oven."""
    ended = floor.work(run_id, "S1").ended_at
    assert ended is not None
    return ended


def test_floor_life_runs_from_the_bake_and_a_bake_begins_it_anew(packages: Floor) -> None:
    baked = baked_in(packages, packages.id_of(Run, "J-0000001"))
    assert clocks(packages) == [("3", baked, baked + timedelta(hours=LEVEL_3_H))]
    packages.hours += LEVEL_3_H
    assert against(packages) == []
    packages.pass_through("CELL-1", "P", "S1")
    over = "Packages on substrate S1 have lain open for {:.1f} h since bga/10; bake them again: floor life at"
    waited_h = (BEGIN + timedelta(hours=packages.hours) - baked).total_seconds() / 3600
    said = f"{over.format(waited_h)} moisture level 3 is 168.0 h."
    assert against(packages) == [("queue_time_exceeded", said, "process_engineer")]
    packages.do(rework, packages.id_of(Lot, "P"), ["S1"], "moist")
    again = baked_in(packages, packages.pass_through("OVEN-1", "P", "S1"))
    assert again > baked + timedelta(hours=LEVEL_3_H)
    assert clocks(packages) == [("3", again, again + timedelta(hours=LEVEL_3_H))]
    packages.pass_through("CELL-1", "P", "S1")
    packages.pass_through("CELL-1", "P", "S1")
    assert packages.lot("P").state == "completed"
    assert packages.problems() == []


def test_the_level_says_how_long(packages: Floor) -> None:
    def said(level: str | None) -> list[float]:
        """Hours of each clock."""
        with packages.database.transaction() as session:
            session.execute(update(Product).where(Product.name == "bga").values(moisture_level=level))
        return [(end - since) / timedelta(hours=1) for _, since, end in clocks(packages)]

    assert {level: said(level) for level in FLOOR_LIFE_H} == {
        "1": [], "2": [8760], "2a": [672], "3": [168], "4": [72], "5": [48], "5a": [24], "6": [],
    }  # fmt: skip
    assert said(None) == []


def test_a_process_engineer_may_sign_what_lay_open_too_long(packages: Floor) -> None:
    packages.pass_through("CELL-1", "P", "S1")
    packages.hours += 2 * LEVEL_3_H
    engineer = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)
    act = packages.act("the humidity card is blue")
    packages.do(dispose_queue_time, packages.id_of(Lot, "P"), (), None, engineer, act=act)
    assert against(packages) == []
    packages.pass_through("CELL-1", "P", "S1")
    assert packages.lot("P").state == "completed"
