"""Alternatives: another class or recipe that serves an operation; gate and dispatch take it, and what ran is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mes.definitions.models import Area, EquipmentClass, Layout, Product
from mes.dispatch.waiting import first_reasons
from mes.dispatch.what_next import choose, next_start
from mes.equipment.models import Equipment
from mes.errors import StartRefused
from mes.jobs.orders import order, words
from mes.lots.gate.reserve import reserve
from mes.lots.gate.start_gate import reasons
from mes.lots.ladder import ladder
from mes.lots.models import Lot
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.routes.models import OperationAlternative
from tests.shop import BEGIN, Floor, _added, _recipe, _route

SQUEEZE = "force = 20 N"


@pytest.fixture
def presses(floor: Floor) -> Floor:
    """Plates are bonded in a cell, or with the recipe seal, or in a press; then they are sealed in a cell."""
    with floor.database.transaction() as session:
        layout = session.scalars(select(Layout).where(Layout.name == "sites")).one()
        plate = _added(session, Product(name="plate", title="Plate", unit="plate", layout_id=layout.id))
        cell = session.scalars(select(EquipmentClass).where(EquipmentClass.name == "cell")).one()
        press = EquipmentClass(name="press", title="Press", kind="handling", places=1, most_substrates=1, batch=False)
        area = session.scalars(select(Area.id)).one()
        place = {"class_id": _added(session, press).id, "area_id": area, "state_since": BEGIN}
        session.add_all(Equipment(name=n, title=n, connected=True, **place) for n in ("PRESS-1",))
        bond, seal = (session.scalars(select(RecipeVersion).where(RecipeVersion.name == n)).one()
                      for n in ("bond@1", "seal@1"))  # fmt: skip
        squeeze = _recipe(session, "squeeze", press, SQUEEZE, [])
        step = {"class_id": cell.id, "kind": "process"}
        first, _ = _route(
            session, plate, "completed", step | {"recipe_version_id": bond.id}, step | {"recipe_version_id": seal.id}
        )
        for ordinal, (of_class, recipe) in enumerate(((cell, seal), (press, squeeze)), 1):
            of = {"operation_id": first.id, "class_id": of_class.id, "recipe_version_id": recipe.id}
            session.add(OperationAlternative(ordinal=ordinal, **of))
    floor.arrive("P1", "plate", "S1", "S2")
    return floor


def codes(floor: Floor, equipment: str) -> list[str]:
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, "P1"), floor.id_of(Equipment, equipment)
        return [reason.code for reason in reasons(session, *ids, BEGIN + timedelta(hours=floor.hours))]


def waits_at(session: Session, lot: int) -> int | None:
    return session.get_one(Lot, lot).operation_id


def retired(floor: Floor, recipe: str) -> None:
    with floor.database.transaction() as session:
        session.execute(update(RecipeVersion).where(RecipeVersion.name == recipe).values(state="obsolete"))


def ran(floor: Floor, run_id: int) -> str:
    with floor.database.reading() as session:
        return session.get_one(RecipeVersion, floor.run(run_id).recipe_version_id).name


def test_gate_takes_every_class_that_serves_and_runs_its_recipe(presses: Floor) -> None:
    assert (codes(presses, "CELL-1"), codes(presses, "PRESS-1")) == ([], [])
    assert codes(presses, "OVEN-1") == ["wrong_class"]
    with pytest.raises(StartRefused) as refused:
        presses.order("OVEN-1", "P1")
    assert "needs equipment of class cell or press" in refused.value.reasons[0].message
    run = presses.do(order, presses.wanted("PRESS-1", "P1"))
    with presses.database.reading() as session:
        job, _ = words(session, run.id)
    assert (job.recipe, job.operation) == ("squeeze@1", "plate/10")
    presses.report(run.id, "S1")
    presses.end(run.id)
    with presses.database.reading() as session:
        rungs = ladder(session, presses.id_of(Lot, "P1"))
    assert [(rung.equipment, rung.recipes) for rung in rungs] == [(["PRESS-1"], ["squeeze@1"]), ([], [])]
    assert presses.problems() == []


def test_another_recipe_runs_where_the_first_may_not(presses: Floor) -> None:
    assert ran(presses, presses.order("CELL-1", "P1", only=["S1"])) == "bond@1"
    with presses.database.transaction() as session:
        bond = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        here = {"equipment_id": presses.id_of(Equipment, "CELL-2"), "recipe_version_id": bond}
        session.add(RecipeOnEquipment(sha256="other", verified_at=BEGIN, **here))
    assert codes(presses, "CELL-2") == []
    assert ran(presses, presses.order("CELL-2", "P1", only=["S2"])) == "seal@1"


def test_what_no_way_serves_is_told_of_the_first(presses: Floor) -> None:
    for recipe in ("bond@1", "seal@1"):
        retired(presses, recipe)
    assert codes(presses, "CELL-1") == ["recipe_not_approved"]
    assert codes(presses, "PRESS-1") == []


def test_dispatch_starts_on_the_other_class_and_what_waits_has_one_first_reason(presses: Floor) -> None:
    at = BEGIN + timedelta(hours=presses.hours)
    with presses.database.reading() as session:
        press, lot = presses.id_of(Equipment, "PRESS-1"), presses.id_of(Lot, "P1")
        start = choose(session, press, at).start
        assert start is not None and [len(part.substrate_ids) for part in start.parts] == [1]
        assert next_start(session, at) == (press, start)
        assert first_reasons(session, at) == {(lot, waits_at(session, lot)): None}
    presses.do(reserve, lot, press, BEGIN + timedelta(days=9))
    assert codes(presses, "CELL-1") == []
