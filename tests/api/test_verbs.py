"""Every verb on a lot in every state, held and free, over HTTP: what is typed by hand is done, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import httpx
from sqlalchemy import text, update

from mes.definitions.models import Product
from mes.lots.create import NewLot, create
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.lots.regrouping.merge import merge
from mes.lots.taking import scrap
from mes.lots.verbs.bins import Edit, downgrade
from mes.lots.verbs.ends import return_to_owner
from mes.people.models import User
from mes.shipments.send import Sending, confirm, send
from mes.units.arrival import Arrival
from tests.api.conftest import Api
from tests.lots.test_migration import version
from tests.lots.test_split import told
from tests.shop import BEGIN, PLACED, Floor, mapped
from tests.web.conftest import PASSWORD, hashed

STATES = (
    *("created", "queued", "ordered", "running", "stocked", "completed"),
    *("in_transit", "shipped", "returned", "consumed", "scrapped", "terminated"),
)
TABLE = """
release          always -      -      -      -      -      - - - - - -
priority         always always always always -      -      - - - - - -
reserve          always always always always -      -      - - - - - -
split            always always -      -      always -      - - - - - -
merge            always always -      -      always -      - - - - - -
track-in         -      free   free   free   -      -      - - - - - -
track-out        -      -      always always -      -      - - - - - -
abort            -      -      always always -      -      - - - - - -
hold             always always always always always always - - - - - -
release-hold     held   held   held   held   held   held   - - - - held -
future-hold      always always always always -      -      - - - - - -
scrap            always always always always always always - - - - - -
pull-sample      always always always always always always - - - - - -
migrate          always always -      -      -      -      - - - - - -
dispose-suspects always always always always -      -      - - - - - -
downgrade        always always always always always always - - - - - -
upgrade          always always always always always always - - - - - -
renumber         always always always always always always - - - - - -
store            always always -      -      -      -      - - - - - -
ship             -      -      -      -      free   free   - - - - - -
skip             -      always always always -      -      - - - - - -
move             -      always always always -      -      - - - - - -
recount          always always always always always always - - - - - -
bonus            always always always always always always - - - - - -
correct          always always always always always always - - - - always -
withdraw         -      -      -      -      -      -      - - - - - -
reopen           -      -      -      -      always always - - - - - -
return-to-owner  free   free   -      -      free   free   - - - - - -
destroy          always always -      -      always always - - - - - -
terminate        always always -      -      always always - - - - - -
change-owner     free   free   -      -      free   free   - - - - - -
part             -      -      -      -      free   -      - - - - - -
"""
"""By verb and state, in the order above: always done, only while no hold stands, only while one does, or refused.

What runs goes on though the lot is held; an ordered or running lot has a substrate that waits, which is the one thrown
away. A held lot is not shipped, nor does it start, nor change its owner.
"""
CANNOT_BE_HELD = ("in_transit", "shipped", "returned", "consumed", "terminated")
Told = dict[str, Any]
UNTIL = (BEGIN + timedelta(days=1000)).isoformat()
COUNTED = {"sign_in_try"}
"""Tables that also count what was refused."""
WHY = {"why": "the table says so"}
SIGNED = {"signer": "line_engineer", "password": PASSWORD}
BIN_9 = {"map": "bin:incoming", "bin": 9, "reason": "seen"}
HOLED = ("bonus", "downgrade", "upgrade")
"""What needs a substrate that came with a map."""
ENGINEERED = SIGNED | {"signer": "process_engineer"}


@dataclass
class Line:
    """Lots in any state. The first of the two substrates of one that is on equipment is in its run."""

    floor: Floor
    made: int = 0
    hole: bool = False
    """The second substrate comes with a unit less, at x 1, y 1."""

    @cached_property
    def other(self) -> str:
        """One lot that waits."""
        return self.lot("queued")

    def lot(self, state: str, *, held: bool = False, hole: bool = False) -> str:
        """A lot of its own in that state, with two substrates."""
        self.made, self.hole = self.made + 1, hole
        name = f"L{self.made}"
        if held and state == "scrapped":  # nothing is left to hold afterwards
            self.arrive(name)
            self._hold(name)
            self._scrap(name)
            return name
        getattr(self, f"_{state}")(name)
        if held:
            self._hold(name)
        return name

    def doubt(self, substrate: str, state: str) -> None:
        """Let the first unit be suspect where units are in process, as a report would have left it."""
        if state in ("created", "queued", "ordered", "running"):
            with self.floor.database.transaction() as session:
                suspect = "update substrate set dispositions = set_byte(dispositions, 0, 3) where name = :name"
                session.execute(text(suspect), {"name": substrate})

    def arrive(self, name: str) -> str:
        self.floor.arrive(name, "board", f"{name}.1", self._second(name, [[1, 1], [1, 9]]))
        return name

    def _second(self, name: str, codes: list[list[int]]) -> Arrival:
        return mapped(f"{name}.2", codes) if self.hole else Arrival(f"{name}.2")

    def _hold(self, name: str) -> None:
        self.floor.do(hold, self.floor.id_of(Lot, name), "height", "look", "line_engineer")

    def _scrap(self, name: str) -> None:
        for substrate in (f"{name}.1", f"{name}.2"):
            self.floor.do(scrap, self.floor.id_of(Lot, name), substrate, None)

    def _created(self, name: str) -> None:
        came = (Arrival(f"{name}.1"), self._second(name, [[1, 1], [1, 9]]))
        self.floor.do(create, NewLot(name, "alpha", "board", came))

    def _queued(self, name: str) -> None:
        self.arrive(name)

    def _ordered(self, name: str) -> None:
        self.arrive(name)
        self.floor.order("OVEN-1", name, only=[f"{name}.1"])

    def _running(self, name: str) -> None:
        self.arrive(name)
        self.floor.begin("OVEN-1", name, only=[f"{name}.1"])

    def _stocked(self, name: str) -> None:
        self.floor.stock(name, "die", f"{name}.1", self._second(name, [[1, 1, 1, 1], [1, 9, 1, 1], [1, 1, 1, 1]]))

    def _completed(self, name: str) -> None:
        self.arrive(name)
        self.floor.pass_through("OVEN-1", name, f"{name}.1", f"{name}.2")
        run = self.floor.begin("CELL-1", name)
        for substrate, last in ((f"{name}.1", 1), (f"{name}.2", 0 if self.hole else 1)):
            self.floor.report(run, substrate, bins=[[1, 1], [1, last]])
        self.floor.end(run)

    def _in_transit(self, name: str) -> int:
        self._stocked(name)
        shipment = self.floor.do(send, Sending([self.floor.id_of(Lot, name)], "elsewhere"))
        return int(shipment.id)

    def _shipped(self, name: str) -> None:
        self.floor.do(confirm, self._in_transit(name), [])

    def _returned(self, name: str) -> None:
        self.arrive(name)
        self.floor.do(return_to_owner, self.floor.id_of(Lot, name))

    def _consumed(self, name: str) -> None:
        self._stocked(name)
        wafers = [f"{name}.1", f"{name}.2"]
        targets = [f"{name}-P{n}" for n in range(3)]
        self.floor.arrive(f"{name}-P", "package", *targets)
        run = self.floor.begin("CELL-1", f"{name}-P", sources=wafers)
        dies = ((wafer, x, y) for wafer in wafers for y in range(3) for x in range(4))
        sites = ((target, x, y, site) for target in targets for y in range(2) for x in range(2) for site in (1, 2))
        placed = [(*die, *to[:3], to[3], 1, 0, PLACED) for die, to in zip(dies, sites, strict=True)]
        for target in targets:
            self.floor.report(run, target, moves=[move for move in placed if move[3] == target])
        self.floor.end(run)

    def _scrapped(self, name: str) -> None:
        self.arrive(name)
        self._scrap(name)

    def _terminated(self, name: str) -> None:
        into = self.arrive(f"{name}-INTO")
        self.floor.do(merge, self.floor.id_of(Lot, into), self.floor.id_of(Lot, self.arrive(name)))


@dataclass
class Asked:
    """One verb asked of one lot."""

    line: Line
    client: httpx.Client
    lot: str
    state: str

    def __call__(self, verb: str) -> httpx.Response:
        """The answer."""
        path, body = self.request(verb)
        return self.client.post(path, json=body)

    def request(self, verb: str) -> tuple[str, Told]:
        """Path and body."""
        return "/shipments" if verb == "ship" else f"/lots/{self.lot}/{verb}", {**WHY, **self._body(verb)}

    def _body(self, verb: str) -> Told:
        at = {"substrate": f"{self.lot}.2", "at": [{"x": 0, "y": 0}]}
        if verb == "dispose-suspects":
            self.line.doubt(f"{self.lot}.2", self.state)
        if verb == "upgrade":
            self._fail()
        if verb == "merge":
            return {"lot": self.like}
        bodies: dict[str, Told] = {
            "priority": {"priority": 2},
            "reserve": {"equipment": "OVEN-1", "until": UNTIL},
            "split": {"substrates": [f"{self.lot}.2"]},
            "track-in": {"equipment": "OVEN-1"},
            "hold": {"code": "height"},
            "release-hold": {"hold": self._hold},
            "future-hold": {"operation": "board/20", "code": "height"},
            "scrap": at,
            "pull-sample": at,
            "ship": {"lots": [self.lot], "to": "elsewhere"},
            "migrate": ENGINEERED | {"to": "board@2"},
            "dispose-suspects": ENGINEERED | {"verdict": "scrapped"},
            "renumber": at | {"ids": [f"{self.lot}-{self.line.made}"]},
            "downgrade": at | BIN_9,
            "upgrade": ENGINEERED | at | BIN_9 | {"bin": 1},
            "skip": ENGINEERED | {"substrates": [f"{self.lot}.2"], "operation": self._waits_at},
            "move": ENGINEERED | {"substrates": [f"{self.lot}.2"], "operation": "board/20"},
            "recount": {"units": self.line.floor.lot(self.lot).units},
            "bonus": SIGNED | at | {"at": [{"x": 1, "y": 1}]},
            "correct": SIGNED | {"record": self._mistake if verb == "correct" else 0},
            "reopen": SIGNED,
            "destroy": {"witness": "lee"},
            "terminate": SIGNED | {"left": "lost"},
            "change-owner": SIGNED | {"to": "beta", "into": f"{self.lot}-SOLD"},
            "part": SIGNED,
        }
        return bodies.get(verb, {})

    def _fail(self) -> None:
        """Let one unit have failed by hand, where the substrate came with a map and has it."""
        found = self.client.get(f"/lots/{self.lot}").json()["units"]
        if found and self.line.hole:
            edit = Edit(f"{self.lot}.2", "bin:incoming", [(0, 0)], 9, "seen")
            self.line.floor.do(downgrade, self.line.floor.id_of(Lot, self.lot), edit)

    @property
    def like(self) -> str:
        """Another lot that stands as this one stands; where nothing is merged any lot."""
        merged = ("created", "queued", "stocked")
        return self.line.lot(self.state) if self.state in merged else self.line.other

    @property
    def _mistake(self) -> int:
        """The entry of a unit thrown away by mistake, where there was one to throw away."""
        floor = self.line.floor
        if self.state not in ("created", "queued", "ordered", "running", "stocked", "completed"):
            return self._last("scrap")
        floor.do(scrap, floor.id_of(Lot, self.lot), f"{self.lot}.2", [(0, 0)])
        return self._last("scrap")

    def _last(self, verb: str) -> int:
        return max((event["n"] for event in told(self.line.floor, self.lot, verb)), default=999)

    @property
    def _waits_at(self) -> str:
        """The operation at which its second substrate waits, if it does."""
        found = (m["operation"] for m in self.client.get(f"/lots/{self.lot}").json()["members"])
        return str(next(reversed([*found]), None) or "board/10")

    @property
    def _hold(self) -> int:
        return next((one.id for one in self.line.floor.holds(self.lot)), 999)


PROMISES: dict[str, Callable[[str, Told, Told], bool]] = {
    "release": lambda _, before, after: after["state"] == "queued",
    "priority": lambda _, before, after: after["priority"] == 2,
    "reserve": lambda _, before, after: after["reservation"]["equipment"] == "OVEN-1",
    "split": lambda _, before, after: (before["substrates"], after["substrates"]) == (2, 1),
    "merge": lambda _, before, after: after["substrates"] == 2 * before["substrates"],
    "track-in": lambda state, _, after: after["state"] == {"running": "running"}.get(state, "ordered"),
    "track-out": lambda _, before, after: after["runs"] == [] and before["runs"] != [],
    "abort": lambda _, before, after: after["runs"] == [] and after["state"] == "queued",
    "hold": lambda _, before, after: len(after["holds"]) == len(before["holds"]) + 1,
    "release-hold": lambda _, before, after: after["holds"] == [],
    "future-hold": lambda _, before, after: len(after["future_holds"]) == 1,
    "scrap": lambda _, before, after: after["units"] == before["units"] - 1,
    "pull-sample": lambda _, before, after: after["units"] == before["units"] - 1,
    "dispose-suspects": lambda _, before, after: after["units"] == before["units"] - 1,
    "downgrade": lambda _, before, after: after["units"] == before["units"] - 1,
    "upgrade": lambda _, before, after: after["units"] == before["units"],  # of which one had failed just before
    "renumber": lambda _, before, after: after["units"] == before["units"],
    "migrate": lambda _, before, after: (before["route"], after["route"]) == ("board@1", "board@2"),
    "skip": lambda _, before, after: after["members"][1]["operation"] == "board/20",
    "move": lambda _, before, after: after["members"][1]["operation"] == "board/20",
    "recount": lambda _, before, after: after["units"] == before["units"],
    "bonus": lambda _, before, after: after["ledger"][0]["bonus"] == 1,
    "correct": lambda _, before, after: after["units"] == before["units"] + (4 if before["state"] == "scrapped" else 0),
    "reopen": lambda _, before, after: (after["state"], after["units"]) == ("queued", before["units"]),
    "return-to-owner": lambda _, before, after: (after["state"], after["units"]) == ("returned", 0),
    "destroy": lambda _, before, after: (after["state"], after["units"]) == ("scrapped", 0),
    "terminate": lambda _, before, after: (after["state"], after["units"]) == ("terminated", 0),
    "change-owner": lambda _, before, after: (after["state"], after["units"]) == ("terminated", 0),
    "part": lambda _, before, after: (after["state"], after["units"]) == ("terminated", 0),
    "store": lambda _, before, after: after["state"] == "stocked",
    "ship": lambda _, before, after: (after["state"], after["units"]) == ("in_transit", 0),
}
"""What a verb promises of a lot in a state: of what it was before, and what it is after."""


def rows() -> Iterator[tuple[str, bool, dict[str, bool]]]:
    """By state, held or free: which verbs are done."""
    paper = {verb: dict(zip(STATES, cells, strict=True)) for verb, *cells in map(str.split, TABLE.strip().split("\n"))}
    for state in STATES:
        for held in (False, True) if state not in CANNOT_BE_HELD else (False,):
            done = {"always": True, "free": not held, "held": held, "-": False}
            yield state, held, {verb: done[cells[state]] for verb, cells in paper.items()}


def roomy_line(floor: Floor) -> Line:
    """A shop with room for all, a password for whoever is there to sign, and wafers of a project of beta."""
    with floor.database.transaction() as session:
        project = {"name": "a", "customer": "beta", "product": "die"}
        reticle = {"projects": [project], "rows": ["a"]}
        session.execute(update(Product).where(Product.name == "die").values(reticle=reticle))
        session.execute(text("update equipment_class set places = 1000"))
        session.execute(update(User).values(password_hash=hashed()))
    version(floor, 2, (10, {}), (20, {}), current=False)
    return Line(floor)


def test_verb_state_and_hold_are_as_on_paper(api: Api, floor: Floor) -> None:
    wrong, tried = list[str](), 0
    line = roomy_line(floor)
    with api.as_user("administrator") as client:

        def look(lot: str) -> Told:
            return dict(client.get(f"/lots/{lot}").json())

        def unchanged() -> dict[str, list[Any]]:
            return {name: found for name, found in line.floor.everything().items() if name not in COUNTED}

        for state, held, verbs in rows():
            where = f"{state}, {'held' if held else 'free'}"
            refuses = Asked(line, client, line.lot(state, held=held), state)
            assert look(refuses.lot)["state"] == state
            assert line.other
            before = unchanged()
            for verb in (verb for verb, done in verbs.items() if not done):
                told = refuses(verb)
                if told.status_code not in (409, 422, 404) or not told.json()["detail"].endswith("."):
                    wrong.append(f"{verb}, {where}: {told.status_code} {told.text}")
            if unchanged() != before:
                wrong.append(f"{where}: something that was refused changed something")
            for verb in (verb for verb, done in verbs.items() if done):
                asked = Asked(line, client, line.lot(state, held=held, hole=verb in HOLED), state)
                was, told = look(asked.lot), asked(verb)
                if told.status_code not in (200, 201) or not PROMISES[verb](state, was, look(asked.lot)):
                    wrong.append(f"{verb}, {where}: {told.status_code} {told.text}")
            tried += len(verbs)
    assert not wrong, "\n".join(wrong)
    assert tried > 200
    assert line.floor.problems() == []
