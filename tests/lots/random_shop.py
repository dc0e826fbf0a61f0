"""A small shop with a plant at random, and what its people give to verbs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np
from sqlalchemy import text

from equipment.interface.messages import SubstrateResult
from equipment.interface.states import Outcome, TransferOutcome
from mes.history import Act
from mes.lots.carriers.carry import register_carrier
from mes.lots.create import NewLot
from mes.lots.holds.hold import NOTHING_LEFT
from mes.lots.holds.masks import Units
from mes.lots.looks import LotFilter
from mes.lots.models import Lot
from mes.lots.states import ENDED
from mes.lots.work.track_in import LotPart, TrackIn
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.shipments.document import Content, SentLot, SentSubstrate, sealed
from mes.shipments.receive import Receiving
from mes.units.arrival import Arrival
from mes.units.states import USABLE, Disposition
from tests.lots.seen import Waiting, look, plant
from tests.lots.test_migration import version
from tests.shop import BEGIN, Floor, Move, mapped, transfers

CODE, OWNER = "height", "line_engineer"
ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)
CELLS = ("CELL-1", "CELL-2")
CARRIERS = (("F1", "foup", 4), ("F2", "foup", 4), ("F3", "magazine", 2))
ROUTES = ("board", "board", "board", "die", "die", "package")
BAKED, TESTED, BONDED, MOVED = "board/10", "board/20", "package/10", "package/20"


def vary(floor: Floor, chance: random.Random) -> None:
    """Make the miniature shop another one: places, batches and layouts; carriers; another version of a route."""
    drawn = {
        "places": chance.randint(1, 3), "ovens": chance.randint(1, 2), "batch": chance.randint(2, 4),
        "rows": chance.randint(1, 3), "columns": chance.randint(1, 3), "reticle": json.dumps(RETICLE),
    }  # fmt: skip
    with floor.database.transaction() as session:
        for statement in PLANT.split(";"):
            session.execute(text(statement), drawn)
        act = Act("tester", BEGIN)
        for name, kind, slots in CARRIERS:
            register_carrier(session, name, kind, slots, None, act)
    tested = {
        "retest": {"bins": [7], "above": chance.choice((0.0, 0.25, 0.5)), "passes": chance.randint(1, 3)},
        "rework": {
            "back_to": 10, "most": chance.randint(1, 3), "most_per_lot": chance.choice((None, 3)),
            "reasons": ["residue"],
        },
    }  # fmt: skip
    limit_h = chance.choice((None, 4.0, 400.0))
    version(floor, 2, (10, {}), (20, tested), limit_h=limit_h, current=chance.random() < 0.7)


PLANT = """
update equipment_class set places = :places where name = 'cell';
update equipment_class set places = :ovens, most_substrates = :batch where name = 'oven';
update layout set rows = :rows, columns = :columns where name = 'sites';
update product set reticle = cast(:reticle as jsonb) where name = 'die'
"""
RETICLE = {
    "projects": [
        {"name": "a", "customer": "alpha", "product": "die"},
        {"name": "b", "customer": "beta", "product": "die"},
    ],
    "rows": ["ab", "b."],
}
"""Of dies, which may be parted again and again."""


class Shop:
    """What there is before verbs are chosen, and what people make of it."""

    live: ClassVar[int] = 8
    """Lots that are kept alive."""
    holes: ClassVar = (Disposition.NO_UNIT, Disposition.NOT_FOR_USE)

    def __init__(self, floor: Floor, chance: random.Random) -> None:
        self.floor, self.chance, self.made = floor, chance, 0
        with floor.database.reading() as session:
            self._plant = plant(session)
        self.look()

    def look(self) -> None:
        """See what there is now."""
        with self.floor.database.reading() as session:
            self.seen = look(session, self._plant)

    # --- what comes ---------------------------------------------------------------------------------------------------

    def new_lot(self, _: Any) -> tuple[NewLot]:
        """Of one to four substrates; wafers may come with a map that has holes."""
        self.made += 1
        route = self.chance.choice(ROUTES)
        names = [f"T{self.made}.{n}" for n in range(self.chance.randint(1, 4))]
        holes = route == "die" and self.chance.random() < 0.5
        came = tuple(mapped(name, [[1, 9, 1, 0]] * 3) if holes else Arrival(name) for name in names)
        return (NewLot(f"T{self.made}", "alpha" if self.chance.random() < 0.9 else "beta", route, came),)

    def document(self, _: Any) -> tuple[Receiving]:
        """Dies from another site, of which now and then one substrate holds fewer than it says."""
        self.made += 1
        names = [f"R{self.made}.{n}" for n in range(self.chance.randint(1, 3))]
        sent = SentLot(
            lot=f"R{self.made}", product="die",
            substrates=tuple(SentSubstrate(substrate=name, units=12) for name in names),
        )  # fmt: skip
        content = Content(
            shipment=f"SHP-{self.made}", sender="wafers", receiver="site", customer="alpha", sent_at=BEGIN, lots=(sent,)
        )
        counted = {names[0]: 11} if self.chance.random() < 0.3 else {}
        return (Receiving(sealed(content), counted=counted, released=True),)

    # --- work ---------------------------------------------------------------------------------------------------------

    def equipment(self, lot: Lot) -> int:
        """One that does its operation; of two the one with less to do."""
        if self.seen.operation(lot) == BAKED:
            return self.seen.plant.equipment["OVEN-1"]
        ids = [self.seen.plant.equipment[name] for name in CELLS]
        return min(ids, key=lambda one: (self.seen.busy(one), self.chance.random()))

    def to_start(self, lot: Lot) -> tuple[TrackIn]:
        """All that waits there, or one of it; in the oven with another lot, packages from up to two wafers."""
        waits = self.seen.queued(lot)
        one = (waits[0].substrate_id,) if waits and self.chance.random() < 0.3 else ()
        parts = [LotPart(lot.id, one)]
        if self.seen.operation(lot) == BAKED and self.chance.random() < 0.3:
            beside = [other for other in self.seen.lots if other is not lot and self.seen.operation(other) == BAKED]
            parts += [LotPart(other.id) for other in beside[:1]]
        picked = self.seen.wafers(lot)[: self.chance.randint(1, 2)] if self.seen.operation(lot) == BONDED else []
        return (TrackIn(self.equipment(lot), tuple(parts), tuple(one.substrate_id for one in picked)),)

    def report(self, on: Waiting) -> tuple[int, SubstrateResult]:
        """What equipment tells of a substrate: bins of a test, moves, or that the oven left a unit out."""
        at = BEGIN + timedelta(hours=self.floor.hours)
        touched, whole = on.asked.copy(), self.chance.random() < 0.8
        name = on.operation.name
        if name == BAKED and not whole:
            touched.flat[0] = False
        moves = {BONDED: self._bonded, MOVED: self._moved}.get(name, lambda _: [])(on)
        result = SubstrateResult(
            on.lot, on.substrate, on.visit, Outcome.DONE, at, at, 0.5, touched,
            bins=self._bins(on) if on.operation.bins else None, transfers=transfers(moves) if moves else None,
        )  # fmt: skip
        return on.run.id, result

    def _bins(self, on: Waiting) -> Any:
        """Mostly good; one of the bins of the test, now and then none of its bins."""
        bins = on.asked.astype(np.uint8)
        bins.flat[-1] = int(on.asked.flat[-1]) * self.chance.choice((1, 1, 1, 2, 7, 99))
        return bins

    def _bonded(self, on: Waiting) -> list[Move]:
        """Two dies onto each, as far as they reach, each die once; now and then it tells of dies that others have."""
        sites = [(*unit, site, 1) for unit in on.units for site in (1, 2)]
        dies = self.seen.sources[on.run.id][2 * on.before if self.chance.random() < 0.95 else 0 :]
        return [(*die, *to, 0, self._outcome()) for die, to in zip(dies, sites, strict=False)]

    def _moved(self, on: Waiting) -> list[Move]:
        """Each into a boat of two."""
        slots = [(load, x, 0, 0, 0) for load in self.seen.loads[on.run.id] for x in (0, 1)][on.before :]
        return [(*unit, *to, 0, self._outcome()) for unit, to in zip(on.units, slots, strict=False)]

    def _outcome(self) -> TransferOutcome:
        """Mostly placed."""
        outcomes: list[TransferOutcome] = [TransferOutcome.PLACED] * 20 + list(TransferOutcome)
        return self.chance.choice(outcomes)

    # --- where --------------------------------------------------------------------------------------------------------

    def ahead(self) -> datetime:
        """A time that has not come."""
        return BEGIN + timedelta(hours=self.floor.hours + self.chance.randint(20, 2000))

    def waits_at(self, lot: Lot) -> str:
        """The operation at which it waits."""
        return self.seen.operation(lot) or BAKED

    def elsewhere(self, lot: Lot) -> str:
        """An operation of its route where it does not wait."""
        names = {
            one.name for one in self.seen.plant.operations.values() if one.route_version_id == lot.route_version_id
        }
        return self.chance.choice(sorted(names - {self.seen.operation(lot)}) or [BAKED])

    def later(self, lot: Lot) -> str:
        """An operation to which it comes, if any."""
        return self.chance.choice(self.seen.ahead(lot) or [BAKED])

    def other_version(self, lot: Lot) -> str:
        """Of the route of boards the one by which it does not go."""
        of = {one.route_version_id: one for one in self.seen.plant.operations.values() if one.name == BAKED}
        return f"board@{1 if lot.route_version_id == max(of) else 2}"

    def carrier(self) -> int:
        """Any."""
        return self.chance.randint(1, len(CARRIERS))

    # --- of what ------------------------------------------------------------------------------------------------------

    def some(self, lot: Lot) -> list[str]:
        """One or two that wait."""
        return [one.name for one in self.seen.queued(lot)[: self.chance.randint(1, 2)]]

    def half(self, lot: Lot) -> list[str]:
        """Of those that nobody works on the first half."""
        names = [one.name for one in self.seen.free(lot)]
        return names[: max(1, len(names) // 2)]

    def alike(self, lot: Lot) -> tuple[int, int]:
        """One that stands where it stands, else any."""
        stands = (lot.operation_id, lot.state, lot.product_id, lot.customer_id)
        others = [one for one in self.seen.lots if one is not lot]
        like = [o for o in others if (o.operation_id, o.state, o.product_id, o.customer_id) == stands]
        return lot.id, self.chance.choice(like or others or [lot]).id

    def sold(self, lot: Lot) -> tuple[Any, ...]:
        """To the other customer, whole or some of it."""
        self.made += 1
        to = [name for number, name in self.seen.plant.customers.items() if number != lot.customer_id]
        return lot.id, to[0], self.chance.choice(([], self.half(lot))), f"O{self.made}"

    # --- holds --------------------------------------------------------------------------------------------------------

    def masked(self, lot: Lot) -> tuple[int, Units] | None:
        """The first unit of a substrate."""
        found = self.seen.free(lot, *USABLE)
        return (lot.id, Units(found[0].name, at=found[0].at(*USABLE)[:1])) if found else None

    def _named(self, lot: Lot) -> tuple[LotFilter, list[Lot]]:
        """It, and those that were split from it."""
        name = lot.name.split(".")[0]
        return LotFilter(q=name), [one for one in self.seen.lots if name in one.name]

    def to_hold(self, lot: Lot) -> tuple[LotFilter, int]:
        """Which lots, and how many that are."""
        wanted, lots = self._named(lot)
        return wanted, sum(one.state not in NOTHING_LEFT for one in lots)

    def to_release(self, lot: Lot) -> tuple[LotFilter, int]:
        """Which lots, and how many of them are held."""
        wanted, lots = self._named(lot)
        return wanted, sum(self.seen.held(one, CODE) for one in lots)

    def to_hurry(self, lot: Lot) -> tuple[LotFilter, int, int]:
        """Which lots, how many, and their priority from now on."""
        wanted, lots = self._named(lot)
        priority = self.chance.randint(1, 9)
        return wanted, sum(one.state not in ENDED and one.priority != priority for one in lots), priority

    # --- units --------------------------------------------------------------------------------------------------------

    def unit(self, lot: Lot) -> tuple[Any, ...] | None:
        """One that is there; now and then a place where none is."""
        return self._at(lot, *(USABLE if self.chance.random() < 0.9 else Disposition))

    def hole(self, lot: Lot) -> tuple[Any, ...] | None:
        """A place on a map without a unit."""
        return self._at(lot, *self.holes)

    def _at(self, lot: Lot, *kinds: int) -> tuple[Any, ...] | None:
        found: Sequence[Any] = self.seen.free(lot, *kinds)
        if not found:
            return None
        on = self.chance.choice(found)
        return lot.id, on.name, [self.chance.choice(on.at(*kinds))]

    def verdict(self, lot: Lot) -> tuple[Any, ...]:
        """What is so of all that is suspect, mostly that it is good."""
        return lot.id, None, None, self.chance.choice(("cleared", "cleared", "scrapped"))

    def mistake(self, lot: Lot) -> tuple[int, int]:
        """The last thing that was done to its units; now and then any entry."""
        changed = self.seen.changed.get(lot.id)
        return lot.id, changed[-1].n if changed and self.chance.random() < 0.95 else 1
