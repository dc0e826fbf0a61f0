"""Whatever is done to lots in whatever order, their units are all there: counted after every step in every way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from mes.errors import MesError
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.gate.queue_times import clocks
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import release_hold
from mes.lots.models import FutureHold, Lot, LotSubstrate, RunSubstrate
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.states import Progress, Work
from mes.lots.taking import scrap
from mes.lots.work import run_course
from mes.lots.work.track_in import track_in
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate
from tests.shop import BEGIN, Floor

WALK = ["split", "merge", "start", "report", "end", "plan"] * 2
WALK += ["merge", "start", "report", "scrap", "back", "back", "let_go"]
STEPS = st.lists(
    st.tuples(st.sampled_from(WALK), *[st.integers(0, 11)] * 2),
    min_size=30, max_size=30,
)  # fmt: skip
"""What to do, and to which of what there is: beyond the last it is counted on from the first."""


ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)


class Regrouping:
    """Three lots of boards, split, merged, worked and scrapped in any order."""

    def __init__(self, floor: Floor, done: Counter[str]) -> None:
        self.floor, self.done = floor, done
        first = done["lots"]
        self.names = [f"B{first + n}" for n in range(3)]
        for name in self.names:
            floor.arrive(name, "board", *(f"{name}.S{n}" for n in range(3)))
        done["lots"] += 3
        self.first = floor.lot(self.names[0]).operation_id

    def attempt(self, verb: Callable[..., Any], *given: Any) -> Any:
        """Try it; a refusal is an answer."""
        try:
            found = self.floor.do(verb, *given)
        except MesError:
            self.done["refused"] += 1
            return None
        self.done[verb.__name__] += 1
        return found

    def lot(self, which: int) -> str:
        """A lot that has something in it."""
        names = [name for name in self.names if self.floor.lot(name).substrates] or self.names
        return names[which % len(names)]

    def substrates(self, lot: str, *progress: Progress) -> list[str]:
        """Those of a lot that stand so, by name."""
        with self.floor.database.reading() as session:
            query = select(Substrate.name).join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
            here = LotSubstrate.lot_id == self.floor.id_of(Lot, lot), LotSubstrate.progress.in_(progress)
            return list(session.scalars(query.where(*here).order_by(Substrate.name)))

    def open_runs(self) -> list[int]:
        with self.floor.database.reading() as session:
            return list(session.scalars(select(Run.id).where(Run.state.in_(OPEN)).order_by(Run.id)))

    def split(self, which: int, many: int) -> None:
        lot = self.lot(which)
        chosen = self.substrates(lot, Progress.QUEUED, Progress.FINISHED)[: 1 + many % 2]
        new = self.attempt(split, self.floor.id_of(Lot, lot), chosen, None)
        self.names += [new.name] if new else []

    def merge(self, which: int, other: int) -> None:
        self.attempt(merge, *(self.floor.id_of(Lot, self.lot(one)) for one in (which, other)))

    def plan(self, which: int, _: int) -> None:
        """Hold a lot at the second operation."""
        before = [name for name in self.names if self.floor.lot(name).operation_id == self.first] or self.names
        lot = self.floor.id_of(Lot, before[which % len(before)])
        self.attempt(set_future_hold, lot, "board/20", "height", "seen", "line_engineer")

    def let_go(self, _: int, many: int) -> None:
        """Release what has come to hold lots, withdraw what would, and sign for what waited too long."""
        for name in self.names:
            lot = self.floor.id_of(Lot, name)
            for held in self.floor.holds(name):
                self.attempt(release_hold, lot, held.id, "seen", Role.LINE_ENGINEER)
            with self.floor.database.reading() as session:
                query = select(FutureHold.id).where(FutureHold.lot_id == lot, FutureHold.ended_at.is_(None))
                planned = session.scalars(query).all()
                at = BEGIN + timedelta(hours=self.floor.hours + 1)
                running = clocks(session, LotSubstrate.lot_id == lot).values()
                late = any(clock.is_over(at) for its in running for clock in its)
            for number in planned[: int(many > 10)]:
                self.attempt(withdraw_future_hold, lot, number, "seen", Role.LINE_ENGINEER)
            if late:
                until = BEGIN + timedelta(hours=self.floor.hours + 9) if many % 2 else None
                self.attempt(dispose_queue_time, lot, (), until, ENGINEER)

    def back(self, which: int, many: int) -> None:
        """Send what waits at the second operation of a lot back."""
        beyond = [name for name in self.names if self.floor.lot(name).operation_id not in (None, self.first)]
        for lot in beyond[which % (len(beyond) or 1) :][:1]:
            chosen = self.substrates(lot, Progress.QUEUED)[: 1 + many % 2]
            self.attempt(rework, self.floor.id_of(Lot, lot), chosen, "residue")

    def start(self, which: int, _: int) -> None:
        lot = self.lot(which)
        equipment = "OVEN-1" if self.floor.lot(lot).operation_id == self.first else "CELL-1"
        run = self.attempt(track_in, self.floor.wanted(equipment, lot))
        if run:
            self.floor.do(run_course.start, run.id)

    def report(self, which: int, partly: int) -> None:
        for run, substrate in self.waiting()[which % 2 :]:
            touched = [[1, 0], [1, 1]] if partly < 4 else None
            self.attempt(track_out, run, self.floor.result(run, substrate, touched=touched))

    def waiting(self) -> list[tuple[int, str]]:
        """What equipment works on: runs and substrates."""
        with self.floor.database.reading() as session:
            query = select(RunSubstrate.run_id, Substrate.name).join(
                Substrate, Substrate.id == RunSubstrate.substrate_id
            )
            rows = session.execute(query.where(RunSubstrate.work == Work.WAITING).order_by(Substrate.name))
            return [(row.run_id, row.name) for row in rows]

    def end(self, *_: int) -> None:
        for run in self.open_runs():
            self.attempt(run_course.end, run, "")

    def scrap(self, which: int, place: int) -> None:
        lot = self.lot(which)
        for name in self.substrates(lot, Progress.QUEUED, Progress.FINISHED)[:1]:
            self.attempt(scrap, self.floor.id_of(Lot, lot), name, [(place % 2, place // 2 % 2)])

    def close(self) -> None:
        """Leave equipment free for the next lots."""
        for run in self.open_runs():
            self.floor.do(run_course.abort, run, "the end")


def test_units_are_all_there_after_every_step(floor: Floor) -> None:
    done: Counter[str] = Counter()

    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def walk(steps: list[tuple[str, int, int]]) -> None:
        lots = Regrouping(floor, done)
        for what, which, other in steps:
            getattr(lots, what)(which, other)
            assert floor.problems() == []
        lots.close()

    walk()
    verbs = {"split", "merge", "track_in", "track_out", "end", "scrap"}
    rarer = {"set_future_hold", "release_hold", "dispose_queue_time", "rework"}
    accepted = sum(done[verb] for verb in verbs | rarer)
    assert all(done[verb] >= 5 for verb in verbs) and all(done[verb] for verb in rarer), done
    assert accepted >= 0.4 * (accepted + done["refused"]), done
