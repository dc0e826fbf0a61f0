"""Tools that wear beside the shop in miniature: plates need a collet and a stencil in the cells."""

from typing import Any

from sqlalchemy import select

from mes.definitions.models import DurableKind, EquipmentClass, Layout
from mes.equipment.models import Equipment
from mes.materials.durables.care import mount_durable, register
from mes.materials.durables.models import Durable
from mes.recipes.models import RecipeVersion
from tests.shop import Floor, _product, _route, fill_packages

MOST, CLEAN_EVERY, INSPECT_EVERY = 60, 24, 36
"""Of a collet, in touchdowns; a wafer has twelve units."""
PRINTS = 3
"""Of a stencil, which counts substrates."""


def equip(floor: Floor) -> None:
    """Two kinds of durables, and a route whose only operation needs one of each."""
    with floor.database.transaction() as session:
        cycles = {"most": MOST, "clean_every": CLEAN_EVERY, "inspect_every": INSPECT_EVERY}
        session.add(DurableKind(name="collet", title="Collet", counts="touchdowns", per="unit", ordinal=1, **cycles))
        stencil = {"name": "stencil", "title": "Stencil", "counts": "prints", "per": "substrate", "ordinal": 2}
        session.add(DurableKind(most=PRINTS, **stencil))
        product = _product(session, "plate", session.scalars(select(Layout).where(Layout.name == "dies")).one())
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        step = {"kind": "process", "class_id": cell, "recipe_version_id": recipe, "durables": ["collet", "stencil"]}
        _route(session, product, "completed", step)


BOAT_MOST, BOAT_CLEAN_EVERY = 3, 2
"""Of a boat, in fillings; it holds two units of the four of an interposer."""


def boats(floor: Floor, *names: str) -> None:
    """Boats for what the packages are diced into, and lot K of one interposer whose packages are assembled."""
    with floor.database.transaction() as session:
        cycles = {"most": BOAT_MOST, "clean_every": BOAT_CLEAN_EVERY, "inspect_every": None}
        session.add(DurableKind(name="boat", title="Boat", counts="fillings", per="load", ordinal=3, **cycles))
        session.scalars(select(Layout).where(Layout.name == "boat")).one().holder = "boat"
    for name in names:
        tool(floor, name, "boat")
    floor.stock("D", "die", "W1", "W2")
    floor.arrive("K", "package", "I1", "I2")
    for wafer, target in (("W1", "I1"), ("W2", "I2")):
        run = floor.begin("CELL-1", "K", sources=[wafer], only=[target])
        floor.report(run, target, moves=fill_packages(wafer, target))
        floor.end(run)


def tool(floor: Floor, name: str, kind: str, count: int = 0) -> None:
    """A durable that came."""
    floor.do(register, name, kind, count)


def do(floor: Floor, verb: Any, name: str, *given: Any, why: str = "a test", **how: Any) -> Durable:
    """A verb on a durable, an hour after the step before."""
    with floor.database.transaction() as session:
        done: Durable = verb(session, floor.id_of(Durable, name), *given, floor.act(why), **how)
        return done


def fit(floor: Floor, name: str, equipment: str = "CELL-1") -> Durable:
    """Mount a durable."""
    return do(floor, mount_durable, name, floor.id_of(Equipment, equipment))


def tools(floor: Floor) -> None:
    """Collet C1 and stencil S1 on the first cell."""
    tool(floor, "C1", "collet")
    tool(floor, "S1", "stencil")
    fit(floor, "C1")
    fit(floor, "S1")
