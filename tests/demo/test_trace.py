"""A package is traced to every die in it, and that is what the simulators really did."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from equipment.interface.codec import read_result
from equipment.interface.states import TransferOutcome
from mes.cli.database import app_url
from mes.db import Database
from mes.definitions.models import Layout
from mes.genealogy import Unit, trace_unit, trace_up
from mes.genealogy.used import used_of_container
from mes.materials.queries import container_id
from mes.plant import load
from mes.postgres import EmbeddedPostgres
from mes.settings import Settings
from mes.units.models import Substrate
from mes.units.positions import opened
from mes.units.states import Disposition
from tests.demo.runs import Ended

PACKAGES = 6
DIES = 23
"""Strip and interposer, a compute die, and four stacks of a base die with four core dies each."""

Spot = tuple[str, int, int]
"""A substrate, x, y."""


@dataclass(frozen=True)
class Step:
    """How a unit came to a place: onto which site of it, where from, and by whom."""

    target: Spot
    site: int
    level: int
    source: Spot
    head: int
    run: str
    equipment: str
    operation: str
    recipe: str


@pytest.fixture(scope="module")
def database(undisturbed: Ended) -> Iterator[Database]:
    """The database of the run, as the application sees it."""
    with EmbeddedPostgres.start(undisturbed.folder) as server:
        settings = Settings(data_dir=undisturbed.folder, database_url=server.url)
        opened_database = Database(app_url(settings, server.url))
        yield opened_database
        opened_database.close()


@pytest.fixture(scope="module")
def really(undisturbed: Ended, plant: Path) -> dict[Spot, list[Step]]:
    """Every unit that the simulators placed somewhere, by the place; recipes as the plant's text has them."""
    recipes = {
        f"{route.route}/{operation.number}": operation.recipe
        for route in load(plant).routes
        for operation in route.operations
    }
    placed: dict[Spot, list[Step]] = {}
    with closing(sqlite3.connect(f"file:{undisturbed.folder}/truth/world.sqlite?mode=ro", uri=True)) as world:
        for run, equipment, operation, text in world.execute(
            "select job_order_id, equipment, operation, result from happened"
        ):
            for target, site, level, source, head in _placements(text):
                step = Step(target, site, level, source, head, run, equipment, operation, recipes[operation])
                placed.setdefault(target, []).append(step)
    return placed


def _placements(text: str) -> Iterator[tuple[Spot, int, int, Spot, int]]:
    moved = read_result(text).transfers
    if moved is None:
        return
    for i in range(len(moved.outcome)):
        if moved.outcome[i] == TransferOutcome.PLACED:
            target = (moved.targets[moved.target[i]], int(moved.to_x[i]), int(moved.to_y[i]))
            source = (moved.sources[moved.source[i]], int(moved.from_x[i]), int(moved.from_y[i]))
            yield target, int(moved.site[i]), int(moved.level[i]), source, int(moved.head[i])


def packages(database: Database) -> list[tuple[int, Spot]]:
    """Some finished packages, spread over the trays: the id of the tray, and where they lie."""
    with database.reading() as session:
        trays = session.scalars(
            select(Substrate)
            .join(Layout, Layout.id == Substrate.layout_id)
            .where(Layout.name == "package_tray")
            .order_by(Substrate.name)
        ).all()
        done = [
            (tray.id, (tray.name, x, y))
            for tray in trays
            for y, row in enumerate(opened(session, [tray])[tray.id].are(Disposition.COMPLETED).tolist())
            for x, there in enumerate(row)
            if there
        ]
    return done[:: max(1, len(done) // PACKAGES)][:PACKAGES]


def told(unit: Unit) -> Iterator[Step]:
    """What a trace says of how every unit in a unit came to its place."""
    for held in unit.contains:
        work = held.move.work
        assert work is not None
        yield Step(
            spot(unit), held.move.site, held.move.level, spot(held.unit), held.move.head,
            work.run, work.equipment, work.operation, work.recipe,
        )  # fmt: skip
        yield from told(held.unit)


def happened(really: dict[Spot, list[Step]], at: Spot) -> Iterator[Step]:
    """The same by the truth."""
    for step in really.get(at, ()):
        yield step
        yield from happened(really, step.source)


def spot(unit: Unit) -> Spot:
    """Where a traced unit lies."""
    assert unit.place is not None
    return unit.substrate, unit.place.x, unit.place.y


def test_packages_are_traced_to_every_die(database: Database, really: dict[Spot, list[Step]]) -> None:
    chosen = packages(database)
    assert len(chosen) == PACKAGES
    for tray_id, place in chosen:
        with database.reading() as session:
            trace = trace_unit(session, tray_id, place[1], place[2])
        assert trace.missing == ()
        assert sorted(told(trace.unit), key=repr) == sorted(happened(really, place), key=repr)
        assert len({spot(die) for die in trace.unit.dies()}) == DIES


def test_each_level_of_a_stack_is_another_die(database: Database) -> None:
    tray_id, place = packages(database)[0]
    with database.reading() as session:
        unit = trace_unit(session, tray_id, place[1], place[2]).unit
    levels = [
        {step.level: step.source for step in told(stack) if step.operation == "hbm_stack/70"} for stack in _stacks(unit)
    ]
    assert [sorted(of_stack) for of_stack in levels] == [[1, 2, 3, 4]] * 4
    assert len({source for of_stack in levels for source in of_stack.values()}) == 16


def _stacks(unit: Unit) -> Iterator[Unit]:
    """The stacks on the interposer of a package."""
    for held in unit.contains:
        if held.unit.product == "hbm_stack" and held.move.level:
            yield held.unit
        yield from _stacks(held.unit)


def test_a_power_module_that_left_is_traced_to_its_paste_and_to_its_dies_and_back(
    database: Database, really: dict[Spot, list[Step]]
) -> None:
    with database.reading() as session:
        trays = select(Substrate).join(Layout, Layout.id == Substrate.layout_id).where(Layout.name == "power_tray")
        tray = session.scalars(trays.order_by(Substrate.name)).first()
        assert tray is not None
        y, x = np.argwhere(opened(session, [tray])[tray.id].are(Disposition.SHIPPED))[0].tolist()
        trace = trace_unit(session, tray.id, x, y)
        (card,) = (held.unit for held in trace.unit.contains)
        dies = [held.unit for held in card.contains]
        assert card.place is not None and dies[0].place is not None
        back = trace_up(session, dies[0].place.substrate_id, dies[0].place.x, dies[0].place.y)
        (went,) = [step.to for step in back.positions[0].went if step.to is not None]
        recalled = used_of_container(session, container_id(session, card.used[-1].container))
    assert sorted(told(trace.unit), key=repr) == sorted(happened(really, (tray.name, x, y)), key=repr)
    assert [die.product for die in dies] == ["sic_die"] * 4
    assert {die.lot for die in dies} == {"sic_die-01"}
    printed = [(used.material, used.operation, used.equipment) for used in card.used]
    assert printed == [("silver_paste", "power_module/20", "printer-1")] * 2  # the second time after rework
    assert len({used.container for used in card.used}) == 2
    assert (went.substrate, went.place) == (card.substrate, card.place)
    assert card.substrate in {row["substrate"] for row in recalled}
