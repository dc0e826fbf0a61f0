"""A shop in which every reason of the start gate can be brought about, and people of each role who ask over HTTP."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import httpx
from sqlalchemy import select, text, update

from equipment.interface.messages import Body, Identity, Record, RecordBatch
from equipment.sim.world import World
from mes.definitions.clock import set_plant_clock
from mes.definitions.models import Certification, DurableKind, EquipmentClass, Layout
from mes.equipment.models import Equipment
from mes.jobs.results import apply, meet, pending, receive
from mes.people.models import User
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, QueueLimit, RouteVersion
from tests.api.conftest import Api
from tests.jobs.conftest import Cell
from tests.materials.tools import equip
from tests.shop import BEGIN, SEAL, Floor, _added, _product, _recipe, _route
from tests.stockroom import furnish
from tests.upkeep.test_maintenance import plan
from tests.web.conftest import hashed

ROLES = ("operator", "line_engineer", "process_engineer", "yield_engineer", "manager", "equipment", "alpha")
"""Everybody but the administrator; alpha is a customer."""
WHY = {"why": "a test"}
FIRM = "force = 20 N"
NARROW = [{"name": "peak_temperature", "unit": "Cel", "target": 150, "low": 149, "high": 151}]
PROCESS_H, WAIT_H = 4.0, 4.0
"""How long a cell works on a lot, and how long it may have waited after the oven."""


@dataclass(frozen=True)
class Ask:
    """A command: whose, where, and what it says."""

    role: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)


@dataclass
class Gate:
    """The API over the shop, on a plant clock that stands still until it is told to go on."""

    floor: Floor
    api: Api
    hours: float = 0.0

    def __post_init__(self) -> None:
        self.clients: dict[str, httpx.Client] = {}
        self._open = ExitStack()
        self._heard = 0

    @cached_property
    def cell(self) -> Cell:
        """The first cell as a simulated device, with the link that the connector keeps to it."""
        world = World(":memory:")
        self._open.callback(world.close)
        cell = Cell(self.floor, self.floor.database.url, "CELL-1", world)
        for disk in cell.disks:
            self._open.callback(disk.close)
        return cell

    def order(self, lot: str) -> None:
        """What the connector does with a lot that is to start on that cell."""
        self.floor.hours = int(self.hours)
        self.cell.order(lot)
        self.cell.sync()

    def hear(self, *said: Body) -> None:
        """Take in what that cell reports, and let it take effect, as the connector does."""
        at, of = BEGIN + timedelta(hours=self.hours), self.floor.id_of(Equipment, "CELL-1")
        identity = Identity("CELL-1", "cell", "journal", "boot", 0)
        database, first = self.floor.database, self._heard + 1
        self._heard += len(said)
        records = tuple(Record("journal", n, at, "", body) for n, body in enumerate(said, first))
        with database.transaction() as session:
            journal = meet(session, of, identity, at)
            receive(session, journal.id, RecordBatch("journal", "boot", self._heard, records))
        with database.reading() as session:
            waiting = pending(session)
        for one in waiting:
            with database.transaction() as session:
                apply(session, one)

    def wait(self, hours: float) -> None:
        """Let plant time go on."""
        self.hours += hours
        with self.floor.database.transaction() as session:
            set_plant_clock(session, BEGIN + timedelta(hours=self.hours), 0.0)

    def after(self, hours: float) -> str:
        """A plant time that far ahead, as the API takes it."""
        return (BEGIN + timedelta(hours=self.hours + hours)).isoformat()

    def client(self, role: str) -> httpx.Client:
        """A caller with the key of that role's user."""
        if role not in self.clients:
            self.clients[role] = self.api.as_user(role)
        return self.clients[role]

    def send(self, ask: Ask, role: str = "") -> httpx.Response:
        """A command, as its own role or as another."""
        return self.client(role or ask.role).post(ask.path, json=WHY | ask.body)

    def do(self, *asks: Ask) -> None:
        """Commands that take effect."""
        for ask in asks:
            answer = self.send(ask)
            assert answer.status_code in (200, 201), f"{ask}: {answer.text}"

    def reasons(self, lot: str, equipment: str = "CELL-1") -> list[tuple[str, str]]:
        """Code and who of each reason against the operator who would start the lot there, as the API tells them."""
        answer = self.client("operator").get(f"/lots/{lot}/start-check", params={"equipment": equipment})
        assert answer.status_code == 200, answer.text
        return [(reason["code"], reason["who"]) for reason in answer.json()["reasons"]]

    def lot(self, name: str, route: str = "full", substrates: Sequence[str] = ()) -> None:
        """A released lot."""
        given = list(substrates) or [f"{name}.1"]
        body = {"id": name, "customer": "alpha", "route": route, "substrates": given, "release": True}
        self.do(Ask("line_engineer", "/lots", body))

    def work(self, lot: str, equipment: str) -> None:
        """A whole run, started and reported by the operator."""
        self.do(Ask("operator", f"/lots/{lot}/track-in", {"equipment": equipment}))
        self.do(Ask("operator", f"/lots/{lot}/track-out", {"good": 12}))

    def close(self) -> None:
        """End the callers."""
        for client in self.clients.values():
            client.close()
        self._open.close()


def open_gate(floor: Floor, api: Api) -> Gate:
    """All that the gate asks for is there: tape, a collet, a certificate, and maintenance that is not due."""
    furnish(floor)
    equip(floor)
    plan(floor, every_s=5000 * 3600.0)
    with floor.database.transaction() as session:
        session.add(Certification(name="cells", title="Work at cells", trainer="line_engineer"))
        session.execute(update(User).values(password_hash=hashed()))
        cell = session.scalars(select(EquipmentClass).where(EquipmentClass.name == "cell")).one()
        cell.certification = "cells"
        oven = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "oven")).one()
        layout = session.scalars(select(Layout).where(Layout.name == "dies")).one()
        recipes = {one.name: one.id for one in session.scalars(select(RecipeVersion))}
        own = _recipe(session, "full", cell, SEAL, []).id
        tape = [{"material": "tape", "amount": 50, "per": "substrate", "needed_s": None}]
        step = {"kind": "process", "class_id": cell.id, "recipe_version_id": own, "process_s": PROCESS_H * 3600}
        step |= {"materials": tape, "durables": ["collet"]}
        _route(session, _product(session, "full", layout), "completed", step)
        bake = {"kind": "process", "class_id": oven, "recipe_version_id": recipes["bake@1"]}
        first, second = _route(session, _product(session, "timed", layout), "completed", bake, step)
        sort = {"kind": "transfer", "class_id": cell.id, "recipe_version_id": own, "makes_layout_id": layout.id}
        _route(session, _product(session, "sorted", layout), "completed", bake, sort)
        times = {"most_s": WAIT_H * 3600, "warning_s": 3600.0}
        session.add(QueueLimit(from_operation_id=first.id, to_operation_id=second.id, **times))
    gate = Gate(floor, api)
    gate.wait(0)
    gate.do(
        Ask("line_engineer", "/certificates", {"user": "operator", "certification": "cells"}),
        Ask("line_engineer", "/material-lots", {"id": "L1", "material": "tape", "containers": _boxes(T1=5000, T2=60)}),
        Ask("operator", "/containers/T1/mount", {"equipment": "CELL-1"}),
        Ask("line_engineer", "/durables", {"id": "C1", "kind": "collet"}),
        Ask("operator", "/durables/C1/mount", {"equipment": "CELL-1"}),
    )
    gate.lot("L")
    return gate


def _boxes(**amounts: int) -> list[dict[str, Any]]:
    return [{"id": name, "amount": amount} for name, amount in amounts.items()]


def boatless(gate: Gate) -> None:
    """What is to be sorted goes into boats that are counted, and there is none."""
    with gate.floor.database.transaction() as session:
        session.add(DurableKind(name="boat", title="Boat", counts="fillings", per="load", most=9, ordinal=3))
        session.execute(text("update layout set holder = 'boat' where name = 'dies'"))
    gate.lot("H", "sorted")
    gate.work("H", "OVEN-1")


def other_version(gate: Gate, route: str, recipe: str, body: str, limits: Sequence[dict[str, Any]] = ()) -> None:
    """Another version of a route, by which lots go from now on: its first operation has a recipe of this body."""
    with gate.floor.database.transaction() as session:
        first = session.scalars(select(RouteVersion).where(RouteVersion.name == f"{route}@1")).one()
        old = session.scalars(
            select(Operation).where(Operation.route_version_id == first.id).order_by(Operation.number)
        )
        steps = [{c.key: getattr(one, c.key) for c in Operation.__table__.columns if c.key != "id"} for one in old]
        of_class = session.get_one(EquipmentClass, steps[0]["class_id"])
        steps[0]["recipe_version_id"] = _recipe(session, recipe, of_class, body, list(limits)).id
        session.execute(update(RouteVersion).where(RouteVersion.route == route).values(current=False))
        same = {c: getattr(first, c) for c in ("route", "title", "product_id", "ends", "sha256", "released_at")}
        other = _added(session, RouteVersion(version=2, name=f"{route}@2", current=True, **same))
        session.add_all(Operation(**step | {"route_version_id": other.id}) for step in steps)
