"""A store of material beside the shop in miniature: flux is kept cold, tape is not; coats use both in the cells."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from mes.definitions.models import EquipmentClass, Layout, MaterialKind
from mes.equipment.models import Equipment
from mes.history import Act
from mes.materials.models import Container
from mes.materials.mounting import mount
from mes.materials.preparing import open_container, thaw
from mes.materials.receive import Delivery, receive
from mes.recipes.models import RecipeVersion
from tests.shop import BEGIN, Floor, _product, _route

THAW_H, FLOOR_LIFE_H, BAKE_H = 4.0, 30.0, 8.0
NEEDED_H = 4.0
"""For how long a job needs flux."""
USES: list[dict[str, Any]] = [
    {"material": "flux", "amount": 3, "per": "unit", "needed_s": NEEDED_H * 3600},
    {"material": "tape", "amount": 50, "per": "substrate", "needed_s": None},
]
FLUX = 36
"""What a wafer of twelve units takes, in mg."""


def furnish(floor: Floor) -> None:
    """Two kinds of material, and a route whose only operation uses them."""
    with floor.database.transaction() as session:
        cold = {"thaw_s": THAW_H * 3600, "floor_life_s": FLOOR_LIFE_H * 3600, "certificate": True}
        moist = {"floor_life_s": FLOOR_LIFE_H * 3600, "bake_s": BAKE_H * 3600, "bakes": 1, "certificate": False}
        plain = {"thaw_s": None, "floor_life_s": None, "certificate": False}
        session.add(MaterialKind(name="flux", title="Flux", unit="mg", ordinal=1, **cold))
        session.add(MaterialKind(name="tape", title="Tape", unit="mm", ordinal=2, **plain))
        session.add(MaterialKind(name="lid", title="Lids", unit="piece", ordinal=3, **moist))
        product = _product(session, "coat", session.scalars(select(Layout).where(Layout.name == "dies")).one())
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        step = {"kind": "process", "class_id": cell, "recipe_version_id": recipe, "materials": USES}
        _route(session, product, "completed", step)


def deliver(
    floor: Floor, lot: str, material: str, amounts: dict[str, int], *, lasts_h: float | None = None,
    customer: str | None = None, act: Act | None = None,
) -> None:  # fmt: skip
    """Receive containers; ``lasts_h`` counts from the beginning of the shop."""
    expires_at = None if lasts_h is None else BEGIN + timedelta(hours=lasts_h)
    came = Delivery(lot, material, tuple(amounts.items()), "Maker", "COA-1", expires_at, customer)
    floor.do(receive, came, act=act)


def container(floor: Floor, name: str) -> Container:
    """A container as it is now."""
    with floor.database.reading() as session:
        return session.scalars(select(Container).where(Container.name == name)).one()


def step(floor: Floor, verb: Any, name: str, *given: Any, act: Act | None = None, **how: Any) -> Container:
    """A verb on a container, an hour after the step before."""
    with floor.database.transaction() as session:
        done: Container = verb(session, floor.id_of(Container, name), *given, act or floor.act(), **how)
        return done


def ready(floor: Floor, *names: str, equipment: str = "CELL-1") -> None:
    """Thaw containers and mount them, long enough after."""
    for name in names:
        step(floor, thaw, name)
    floor.hours += round(THAW_H)
    for name in names:
        put_on(floor, name, equipment)


def opened(floor: Floor, name: str) -> None:
    """Open a container."""
    step(floor, open_container, name)


def put_on(floor: Floor, name: str, equipment: str = "CELL-1", **how: Any) -> Container:
    """Mount a container."""
    return step(floor, mount, name, floor.id_of(Equipment, equipment), **how)


def now(floor: Floor) -> datetime:
    """The hour of the last step."""
    return BEGIN + timedelta(hours=floor.hours)


def supply(floor: Floor, flux: Sequence[int] = (1000,), tape: int = 1000) -> None:
    """Flux F1, F2, … and tape T1 on the first cell, ready for work."""
    deliver(floor, "L-flux", "flux", {f"F{n}": amount for n, amount in enumerate(flux, 1)}, lasts_h=1000)
    deliver(floor, "L-tape", "tape", {"T1": tape})
    ready(floor, *(f"F{n}" for n in range(1, len(flux) + 1)))
    put_on(floor, "T1")
