"""The whole line without a network: connector, conductor and devices in one process, in virtual time.

Only what people sign they sign over HTTP, as everywhere.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import checks
from equipment.client.memory import MemoryEquipment
from equipment.sim.line import build_line, read_line
from mes import plant as plants
from mes.cli import feeder, persons
from mes.cli.centre import BEGINS
from mes.cli.conductor import Conductor
from mes.cli.headless_summary import refusals
from mes.cli.signatures import Desk
from mes.db import Database
from mes.definitions.clock import set_plant_clock
from mes.history import Act
from mes.jobs.connector import Connector
from mes.jobs.link import links
from mes.people.models import User
from mes.reports import summary
from tests.web.conftest import PASSWORD, hashed, serving


@dataclass(frozen=True)
class Twin:
    """A headless run on the in-memory twin, over; its truth is below ``folder``."""

    database: Database
    owner_url: str
    folder: Path

    @property
    def truth(self) -> Path:
        """The file in which the simulators keep what really happened."""
        return self.folder / "truth" / "world.sqlite"

    def summary(self) -> dict[str, Any]:
        """The figures that `mes demo --headless` gives, but for its seed and time."""
        with self.database.reading() as session:
            told = {**summary.summary(session), "refusals": refusals(session)}
        return told | {"conservation": checks.conservation(self.owner_url, self.truth.parent)}


def signers(database: Database) -> list[str]:
    """Everybody, each with the password of the tests."""
    with database.transaction() as session:
        session.execute(update(User).values(password_hash=hashed()))
        return list(session.scalars(select(User.name)))


def run_twin(database: Database, owner_url: str, plant: Path, folder: Path, lots: int, seed: int) -> Twin:
    """Run ``lots`` lots of a plant to their end."""
    demonstration = plants.read_demonstration(plant)
    with database.transaction() as session:
        set_plant_clock(session, BEGINS, 0)
        plants.apply(session, plants.load(plant), Act("administrator", BEGINS))
    wanted = feeder.deliveries(demonstration.lots, 0, lots)
    with database.reading() as session:
        feeder.send(session, wanted, folder / "incoming", seed, BEGINS)
    ids = []
    for delivery in wanted:
        with database.transaction() as session:
            ids.append(feeder.take_in(session, delivery, folder / "incoming", Act(feeder.ACTOR, BEGINS)).id)
    numbers = count(1)
    devices = build_line(read_line(plant), folder / "disks", folder / "truth", seed, lambda: f"{next(numbers):032x}")
    line = {name: MemoryEquipment(device) for name, device in devices.items()}
    connector = Connector(database, links(database, dict(line)))

    async def settle(at: datetime) -> None:
        await connector.settle()

    def people(session: Session, at: datetime) -> persons.Looked:
        return persons.act(session, demonstration, at)

    def later(session: Session, at: datetime) -> datetime | None:
        return persons.next_look(session, demonstration, at)

    with serving(database) as site:
        desk = Desk(site.address, dict.fromkeys(signers(database), PASSWORD))
        conductor = Conductor(database, list(line.values()), settle, people, desk.sign, later)
        asyncio.run(conductor.run(ids, lambda now, left: None))
    return Twin(database, owner_url, folder)
