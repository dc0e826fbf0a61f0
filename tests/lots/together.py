"""Verbs on lots at random, two to eight of them at once through connections of their own, and what became of each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import select

from mes.equipment.models import Equipment
from mes.errors import MesError
from mes.history import Act
from mes.lots.create import NewLot, create, release
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import hold, release_hold
from mes.lots.holds.masks import Units
from mes.lots.models import FutureHold, Hold, Lot, LotSubstrate, RunSubstrate
from mes.lots.priority import change_priority
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.split import split
from mes.lots.states import LotState, Progress, Work
from mes.lots.store import store
from mes.lots.taking import pull_sample, scrap
from mes.lots.verbs.again import reopen, withdraw
from mes.lots.verbs.correct import correct
from mes.lots.verbs.counts import bonus, recount
from mes.lots.verbs.ends import destroy, return_to_owner, terminate
from mes.lots.verbs.models import HandChange
from mes.lots.verbs.owner import change_owner
from mes.lots.verbs.reroute import move, skip
from mes.lots.verbs.suspects import dispose_suspects
from mes.lots.work import run_course
from mes.lots.work.track_in import LotPart, TrackIn, track_in
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.shipments.models import Shipment
from mes.shipments.send import Sending, confirm, send
from mes.shipments.states import ShipmentState
from mes.units.arrival import Arrival
from mes.units.models import Substrate
from tests.lots.racers import mask
from tests.shop import BEGIN, Floor, mapped

MOST, LIVE = 8, 6
"""Verbs at once, and lots that are kept alive."""
CELLS = ("CELL-1", "CELL-2")
PATIENCE_S = 60.0
ENDS = (LotState.IN_TRANSIT, LotState.SHIPPED, LotState.SCRAPPED, LotState.TERMINATED, LotState.RETURNED)
RIGHT = {"withdraw": ("stocked",), "reopen": ("terminated", "completed", "stocked")}
"""From which states it is usual."""
BESIDE: dict[str, Callable[..., Any]] = {
    verb.__name__: verb for verb in (skip, move, bonus, recount, correct, withdraw, reopen, terminate, destroy)
} | {"return_to_owner": return_to_owner, "change_owner": change_owner}

Call = tuple[str, Callable[..., Any], tuple[Any, ...]]
"""The name of a verb, what does it, and with what; the act comes last."""


@dataclass
class Seen:
    """What there is before the verbs are chosen."""

    lots: list[Lot] = field(default_factory=list)
    ended: list[Lot] = field(default_factory=list)
    """All lots, also those that nobody does anything to in the course of their route."""
    at: dict[int, list[tuple[str, LotSubstrate]]] = field(default_factory=dict)
    """Substrates by lot."""
    holds: list[Hold] = field(default_factory=list)
    future: list[FutureHold] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    waiting: list[tuple[int, str]] = field(default_factory=list)
    """Substrates that a run works on."""
    shipments: list[Shipment] = field(default_factory=list)
    operations: dict[int | None, str] = field(default_factory=dict)


class Together:
    """A shop in which everybody does something at once. The same seed chooses the same verbs of the same shop."""

    def __init__(self, floor: Floor, seed: int) -> None:
        self.floor, self.chance = floor, random.Random(seed)
        self.accepted, self.refused = Counter[str](), Counter[str]()
        self.made = 0

    # --- one step -----------------------------------------------------------------------------------------------------

    def step(self) -> list[str]:
        """Two to eight verbs at once; what the checks of the database find afterwards. Raises what is no refusal."""
        seen = self._look()
        wanted = [self._choose(seen) for _ in range(self.chance.randint(2, MOST))]
        calls = [(call, self.floor.act()) for call in wanted if call is not None]
        if calls:
            together = Barrier(len(calls))
            with ThreadPoolExecutor(len(calls)) as pool:
                for name, done in pool.map(lambda one: self._do(together, *one), calls):
                    (self.accepted if done else self.refused)[name] += 1
        return [f"{problem.check}: {problem.message}" for problem in self.floor.problems()]

    def _do(self, together: Barrier, call: Call, act: Act) -> tuple[str, bool]:
        name, verb, given = call
        together.wait(PATIENCE_S)
        try:
            with self.floor.database.transaction() as session:
                verb(session, *given, act)
        except MesError:
            return name, False
        return name, True

    def _look(self) -> Seen:
        with self.floor.database.reading() as session:
            every = list(session.scalars(select(Lot).order_by(Lot.id)))
            seen = Seen(lots=[lot for lot in every if lot.state not in ENDS], ended=every)
            here = [lot.id for lot in seen.lots]
            members = select(Substrate.name, LotSubstrate).join(Substrate, Substrate.id == LotSubstrate.substrate_id)
            for name, member in session.execute(members.where(LotSubstrate.lot_id.in_(here)).order_by(Substrate.name)):
                seen.at.setdefault(member.lot_id, []).append((name, member))
            seen.holds = list(session.scalars(select(Hold).where(Hold.released_at.is_(None)).order_by(Hold.id)))
            planned = select(FutureHold).where(FutureHold.ended_at.is_(None)).order_by(FutureHold.id)
            seen.future = list(session.scalars(planned))
            seen.runs = list(session.scalars(select(Run).where(Run.state.in_(OPEN)).order_by(Run.id)))
            work = select(RunSubstrate.run_id, Substrate.name).join(
                Substrate, Substrate.id == RunSubstrate.substrate_id
            )
            rows = session.execute(work.where(RunSubstrate.work == Work.WAITING).order_by(Substrate.name))
            seen.waiting = [(row.run_id, row.name) for row in rows]
            seen.operations = {row.id: row.name for row in session.execute(select(Operation.id, Operation.name))}
            sent = select(Shipment).where(Shipment.state == ShipmentState.IN_TRANSIT).order_by(Shipment.id)
            seen.shipments = list(session.scalars(sent))
        return seen

    # --- what may be done ---------------------------------------------------------------------------------------------

    def _choose(self, seen: Seen) -> Call | None:
        if len(seen.lots) < LIVE and self.chance.random() < 0.5:
            return self._create()
        choices = (*[self._work] * 4, self._regroup, self._stop, self._stop, self._take, self._leave, self._beside)
        return self.chance.choice(choices)(seen)

    def _beside(self, seen: Seen) -> Call | None:
        """What people do beside the route: on and off it, on maps, and to the end and back."""
        verb = self.chance.choice((
            "skip", "move", "move", "bonus", "recount", "correct", "correct", "withdraw", "reopen", "reopen",
            "terminate", "destroy", "return_to_owner", "change_owner",
        ))  # fmt: skip
        ended = ("correct", "withdraw", "reopen")
        lots = seen.ended if verb in ended else seen.lots
        if not lots or (verb in ("terminate", "destroy", "return_to_owner") and self.chance.random() < 0.5):
            return None
        right = [lot for lot in lots if lot.state in RIGHT.get(verb, (lot.state,))]
        lot = self.chance.choice(right if right and self.chance.random() < 0.8 else lots)
        names = self._some(seen, lot)
        place = (self.chance.randrange(2), self.chance.randrange(2))
        given: dict[str, tuple[Any, ...]] = {
            "skip": (self.chance.choice(("board/10", "board/20")), names[:1]),
            "move": (self.chance.choice(("board/10", "board/20")), names[:2]),
            "bonus": (names[0] if names else "", [place]),
            "recount": (None, lot.units),
            "correct": (self.chance.choice(self._records(lot)),),
            "reopen": (self.chance.choice((None, None, "board/10")),),
            "terminate": (self.chance.choice(("scrapped", "lost")),),
            "destroy": ("lee",),
            "change_owner": (self.chance.choice(("alpha", "beta")), names[:2], f"O{self.chance.randrange(10**9)}"),
        }
        return verb, BESIDE[verb], (lot.id, *given.get(verb, ()))

    def _records(self, lot: Lot) -> list[int]:
        """Entries of its history that changed a map by hand; now and then any."""
        with self.floor.database.reading() as session:
            found = session.scalars(select(HandChange.n).where(HandChange.lot_id == lot.id)).all()
        return [*found] or [1]

    def _create(self) -> Call:
        self.made += 1
        route = self.chance.choice(("board", "board", "die"))
        names = [f"T{self.made}.{n}" for n in range(self.chance.randint(1, 4))]
        hole = route == "board" and self.chance.random() < 0.3
        came = tuple(mapped(name, [[1, 9], [1, 1]]) if hole else Arrival(name) for name in names)
        released = self.chance.random() < 0.7
        new = NewLot(f"T{self.made}", "alpha", route, came)
        return "create", lambda session, act: create(session, new, act, released=released), ()

    def _work(self, seen: Seen) -> Call | None:
        """Release, start, report and end: what a line does most of the time."""
        if seen.waiting and self.chance.random() < 0.5:
            run, substrate = self.chance.choice(seen.waiting)
            return "track_out", track_out, (run, self.floor.result(run, substrate, **self._found(seen, run)))
        if seen.runs and self.chance.random() < 0.5:
            run = self.chance.choice(seen.runs).id
            verb, given = self.chance.choice((
                (run_course.start, (run,)), (run_course.start, (run,)), (run_course.end, (run, "")),
                (run_course.abort, (run, "tried")),
            ))  # fmt: skip
            return verb.__name__, verb, given
        created = [lot for lot in seen.lots if lot.state == LotState.CREATED]
        if created and self.chance.random() < 0.5:
            return "release", release, (self.chance.choice(created).id,)
        waiting = [lot for lot in seen.lots if self._names(seen, lot, Progress.QUEUED)]
        if not waiting:
            return None
        lot = self.chance.choice(waiting)
        place = "OVEN-1" if seen.operations.get(lot.operation_id) == "board/10" else self.chance.choice(CELLS)
        return "track_in", track_in, (TrackIn(self.floor.id_of(Equipment, place), (LotPart(lot.id, ()),)),)

    def _found(self, seen: Seen, run_id: int) -> dict[str, Any]:
        """What equipment tells of a substrate: a test finds bins, the oven may leave a unit out."""
        of = {run.id: seen.operations[run.operation_id] for run in seen.runs}
        if of[run_id] == "board/20":
            return {"bins": [[1, 1], [1, self.chance.choice((1, 1, 2, 7, 99))]]}  # the last is none of its bins
        return {"touched": self.chance.choice((None, [[1, 0], [1, 1]]))} if of[run_id] == "board/10" else {}

    def _regroup(self, seen: Seen) -> Call | None:
        if not seen.lots:
            return None
        lot = self.chance.choice(seen.lots)
        if self.chance.random() < 0.5:
            names = self._some(seen, lot)
            return "split", split, (lot.id, names[: max(1, len(names) // 2)], None)
        alike = [one for one in seen.lots if one.operation_id == lot.operation_id and one.state == lot.state]
        usual = [one for one in alike if one is not lot] if self.chance.random() < 0.8 else seen.lots
        other = self.chance.choice(usual or seen.lots)
        return "merge", merge, (lot.id, other.id)

    def _stop(self, seen: Seen) -> Call | None:
        """Holds now and later, and how urgent a lot is."""
        what = self.chance.randrange(6)
        if what < 3 and seen.holds:
            one = self.chance.choice(seen.holds)
            return "release_hold", release_hold, (one.lot_id, one.id, "looked at", Role.ADMINISTRATOR)
        if what == 3 and seen.future:
            planned = self.chance.choice(seen.future)
            return "withdraw_future_hold", withdraw_future_hold, (planned.lot_id, planned.id, "no", Role.ADMINISTRATOR)
        if not seen.lots:
            return None
        lot = self.chance.choice(seen.lots)
        if what == 4:
            return "set_future_hold", set_future_hold, (lot.id, "board/20", "height", "look", "line_engineer")
        if what == 5:
            due_at = BEGIN + timedelta(days=400 + self.chance.randrange(99))
            return "change_priority", change_priority, (lot.id, self.chance.randint(1, 9), due_at)
        names = self._names(seen, lot, Progress.QUEUED, Progress.FINISHED)
        if names and lot.id % 2:
            return "mask", mask, (lot.id, Units(names[0], at=[(0, 0)]))
        return "hold", hold, (lot.id, "height", "look", "line_engineer")

    def _take(self, seen: Seen) -> Call | None:
        found = [(lot, names) for lot in seen.lots if (names := self._some(seen, lot))]
        if not found:
            return None
        lot, names = self.chance.choice(found)
        name = self.chance.choice(names)
        place = (self.chance.randrange(2), self.chance.randrange(2))
        if self.chance.random() < 0.3:
            verdict = self.chance.choice(("cleared", "cleared", "scrapped"))
            return "dispose_suspects", dispose_suspects, (lot.id, self.chance.choice((None, name)), None, verdict)
        verb = self.chance.choice((scrap, pull_sample))
        return verb.__name__, verb, (lot.id, name, [place])

    def _leave(self, seen: Seen) -> Call | None:
        if seen.shipments and self.chance.random() < 0.5:
            return "confirm", confirm, (self.chance.choice(seen.shipments).id, [])
        done = [lot for lot in seen.lots if lot.state in (LotState.COMPLETED, LotState.STOCKED)]
        if done:
            lots = self.chance.sample(done, min(len(done), self.chance.randint(1, 2)))
            return "send", send, (Sending([lot.id for lot in lots], "elsewhere"),)
        idle = [lot for lot in seen.lots if lot.state in (LotState.QUEUED, LotState.CREATED)]
        return ("store", store, (self.chance.choice(idle).id,)) if idle and self.chance.random() < 0.2 else None

    def _some(self, seen: Seen, lot: Lot) -> list[str]:
        """Substrates that wait or are done; now and then such as nobody should lay hands on."""
        return self._names(
            seen, lot, *(Progress if self.chance.random() < 0.2 else (Progress.QUEUED, Progress.FINISHED))
        )

    def _names(self, seen: Seen, lot: Lot, *progress: Progress) -> list[str]:
        return [name for name, member in seen.at.get(lot.id, ()) if member.progress in progress]
