"""Processes that do the same thing at the same moment, each with connections of its own."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import ORMExecuteState, Session

from mes.db import Database
from mes.errors import MesError
from mes.genealogy.recalls.recall import recall
from mes.history import Act
from mes.jobs import orders, results
from mes.lots.create import create, release
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import hold, release_hold
from mes.lots.holds.masks import Units
from mes.lots.many.bulk import hold_all
from mes.lots.models import Lot
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.verbs.again import reopen
from mes.lots.verbs.correct import correct
from mes.lots.verbs.owner import change_owner
from mes.lots.verbs.renumber import renumber
from mes.lots.verbs.suspects import dispose_suspects
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import track_in
from mes.lots.work.track_out import track_out
from mes.materials.models import Container
from mes.materials.mounting import mount
from mes.materials.scrapping import scrap_container
from mes.runs.models import Run
from mes.units.models import Substrate

WAIT_S = 60.0


def finish_by_hand(session: Session, run_id: int, lot_id: int, act: Act) -> None:
    """A person reports the run as done."""
    finish(session, session.get_one(Run, run_id), lot_id, Told(), act)


def apply_record(session: Session, waiting: results.Pending, act: Act) -> None:
    """A connector applies a record; when it happened stands in the record."""
    results.apply(session, waiting)


def mask(session: Session, lot_id: int, units: Units, act: Act) -> None:
    """A person holds some units of a lot."""
    hold(session, lot_id, "dust", "seen", "line_engineer", act, units=[units])


VERBS: dict[str, Callable[..., object]] = {
    "track_in": track_in,
    "order": orders.order,
    "track_out": track_out,
    "finish_by_hand": finish_by_hand,
    "apply_record": apply_record,
    "create": create,
    "release": release,
    "split": split,
    "hold": hold,
    "hold_all": hold_all,
    "mask": mask,
    "recall": recall,
    "release_hold": release_hold,
    "merge": merge,
    "rework": rework,
    "dispose_queue_time": dispose_queue_time,
    "dispose_suspects": dispose_suspects,
    "correct": correct,
    "renumber": renumber,
    "reopen": reopen,
    "change_owner": change_owner,
    "set_future_hold": set_future_hold,
    "withdraw_future_hold": withdraw_future_hold,
    "mount": mount,
    "scrap_container": scrap_container,
}


@dataclass(frozen=True)
class Heat:
    """What one racer does: a verb with these words."""

    url: str
    verb: str
    given: tuple[Any, ...]
    careless: bool = False
    """The lock trusts what the session read before: the fault that these races must find."""


@dataclass(frozen=True)
class Outcome:
    """How it went: ``error`` is the class that was raised, empty where the verb took effect."""

    error: str = ""
    message: str = ""
    codes: tuple[str, ...] = ()


def race(heat: Heat, barrier: Barrier) -> Outcome:
    """Read what the verb will lock, wait for the others, go."""
    database = Database(heat.url)
    try:
        with _careless_lock() if heat.careless else nullcontext(), database.transaction() as session:
            read = [session.scalars(select(model)).all() for model in (Lot, Run, Substrate, Container)]
            barrier.wait(WAIT_S)
            VERBS[heat.verb](session, *heat.given)
            del read
    except MesError as error:
        return Outcome(type(error).__name__, error.message, tuple(reason.code for reason in error.reasons))
    except Exception as error:
        return Outcome(type(error).__name__, str(error))
    finally:
        database.close()
    return Outcome()


@contextmanager
def _careless_lock() -> Iterator[None]:
    """In this process, a lock keeps what the session had read before."""

    def keep(state: ORMExecuteState) -> None:
        if getattr(state.statement, "_for_update_arg", None) is not None:
            assert state.execution_options["populate_existing"]
            state.update_execution_options(populate_existing=False)

    event.listen(Session, "do_orm_execute", keep)
    try:
        yield
    finally:
        event.remove(Session, "do_orm_execute", keep)


def _racer(orders_in: Connection, barrier: Barrier) -> None:
    while (heat := orders_in.recv()) is not None:
        orders_in.send(race(heat, barrier))


@dataclass
class Racers:
    """So many processes, started once."""

    count: int
    _lines: list[Connection] = field(default_factory=list)
    _processes: list[Any] = field(default_factory=list)
    _barrier: Barrier = field(init=False)

    def __enter__(self) -> "Racers":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._barrier = context.Barrier(self.count)
        for _ in range(self.count):
            mine, theirs = context.Pipe()
            process = context.Process(target=_racer, args=(theirs, self._barrier), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(mine)
            self._processes.append(process)
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.send(None)
            line.close()
        for process in self._processes:
            process.join(WAIT_S)
            process.close()

    def race(self, heats: list[Heat]) -> list[Outcome]:
        """All at once; one heat for each racer."""
        assert len(heats) == self.count
        for line, heat in zip(self._lines, heats, strict=True):
            line.send(heat)
        return [line.recv() for line in self._lines]
