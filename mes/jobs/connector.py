"""The connector: lets the line run by itself. One instance talks to all equipment.

A round receives from every equipment, applies what was received in one order, and dispatches. On a running plant clock
each link works on its own and one dead equipment delays nobody; on a stepped clock rounds are repeated until nothing
is left to do at this plant time, and the conductor is told so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from math import inf
from typing import TypeVar, cast

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from equipment.client import EquipmentLost
from mes.clock import PlantClock
from mes.db import Database
from mes.definitions.clock import CHANNEL as CLOCK_CHANNEL
from mes.definitions.clock import act_now, plant_clock, plant_now
from mes.dispatch.release import release_by_rule
from mes.dispatch.what_next import next_start
from mes.errors import Away, Busy, Malformed, Refused
from mes.history import History
from mes.jobs import orders, results
from mes.jobs.link import ACTOR, Link
from mes.jobs.models import Connector as ConnectorRow
from mes.jobs.orders import Errand
from mes.jobs.results import Pending
from mes.lots.work.identify import Unidentified
from mes.lots.work.track_in import TrackIn
from mes.runs.models import Run
from mes.runs.states import OPEN

T = TypeVar("T")
log = structlog.get_logger()

TRIES = 3
"""How often a transaction that met another's lock is tried at once."""
PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
LOOK_S = 0.5
"""How often to look at a stepped clock where nobody wakes us."""
TURN_S = 1.0
"""How long records are applied before it is dispatch's turn."""
LOOK_AGAIN_S = 10.0
"""How often to look for something to start although nothing happened."""
SETTLED_CHANNEL = "mes_settled"
"""Notified when a plant time is settled."""


class Unapplied(Exception):
    """A stored record could not be applied, against expectation; the text names its equipment."""


class Connector:
    """Connects equipment and database."""

    def __init__(self, database: Database, links: list[Link], name: str = ACTOR) -> None:
        self._database = database
        self._links = links
        self._name = name
        self._woken = asyncio.Event()
        self._stuck: dict[int, str] = {}
        """Equipment by id with a record that could not be applied when it was last tried."""
        self._may_start = True
        """Whether anything happened on a stepped clock, since nothing could start, that lets something start."""
        self._nothing_after: int | None = None
        self._look_at = 0.0

    async def run(self) -> None:
        """Work until cancelled, on whatever clock the plant has."""
        pause = PAUSE_S
        while True:
            try:
                clock = await asyncio.to_thread(self._clock)
                await (self._stepped() if clock.stepped else self._running())
                pause = PAUSE_S
            except (Away, Busy, EquipmentLost, Unapplied) as error:
                log.warning("waiting", why=str(error), pause_s=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    async def settle(self) -> None:
        """Do all there is to do at this plant time.

        Raises `EquipmentLost` while any equipment does not answer, `Unapplied` where a record could not be applied.
        Everything is received before anything is applied, and applied before anything is dispatched: so the order in
        which equipment answers has no influence. Only equipment that was spoken to or has work can have news; and where
        all that it told is that jobs begin, as they do when orders were given, nothing more can start than before.
        """
        self._may_start = True
        working = await asyncio.to_thread(self._transact, _working)
        spoken_to = [link for link in self._links if link.equipment_id in working or not link.is_up]
        while True:
            await _all(link.receive() for link in spoken_to)
            await asyncio.to_thread(self.apply_all)
            if self._may_start:
                await asyncio.to_thread(self.release_all)
                await asyncio.to_thread(self.dispatch_all)
                self._may_start = False
            errands = await asyncio.to_thread(self._errands)
            if not errands:
                break
            spoken_to = [link for link in self._links if link.equipment_id in errands]
            refused = await _all(link.say(errands[link.equipment_id]) for link in spoken_to)
            self._may_start = any(refused)
        if self._stuck:
            names = ", ".join(sorted(self._stuck.values()))
            raise Unapplied(f"Records of {names} could not be applied; the log says which and why.")

    def _errands(self) -> dict[int, list[Errand]]:
        return self._transact(lambda s: orders.errands(s, [link.equipment_id for link in self._links]))

    def apply_all(self, most_s: float = inf) -> bool:
        """Apply every stored record in order; whether any was. After a failure the rest of that equipment's wait.

        ``most_s``: what is not begun after so long waits for the next call.
        """
        self._stuck = {}
        done, until = False, time.monotonic() + most_s
        there_may_be_more = True
        while there_may_be_more:
            found = self._transact(lambda s: results.pending(s, self._stuck))
            for waiting in found:
                if waiting.equipment_id in self._stuck:
                    continue
                if self._apply(waiting):
                    done = True
                else:
                    self._stuck[waiting.equipment_id] = waiting.equipment
                if time.monotonic() >= until:
                    return done
            there_may_be_more = len(found) == results.MOST
        return done

    def release_all(self) -> None:
        """Release what the plant's rules leave room for."""
        for name in self._transact(lambda s: release_by_rule(s, ACTOR)):
            log.info("released", lot=name)

    def dispatch_all(self) -> bool:
        """Order all that can start now, equipment by equipment in the order of names; whether anything was ordered.

        It goes round until each was looked at since the last order: that one may have another place, and what it took
        may let more start on those before it.
        """
        after = upto = last = None
        while (found := self._next_start(after, upto)) is not None or upto != last:
            if found is None:
                after, upto = None, last
                continue
            after, start = found
            if self._order(start):
                upto, last = None, after
        return last is not None

    def _next_start(self, after: int | None, upto: int | None) -> tuple[int, TrackIn] | None:
        with self._database.reading() as session:
            return next_start(session, plant_now(session), after, upto)

    def _dispatch_changed(self) -> bool:
        """Dispatch where anything happened since nothing could start, or when clocks may have run out meanwhile."""
        latest = self._transact(lambda s: s.scalar(select(func.max(History.id))))
        if latest == self._nothing_after and time.monotonic() < self._look_at:
            return False
        self.release_all()
        if self.dispatch_all():
            return True
        self._nothing_after, self._look_at = latest, time.monotonic() + LOOK_AGAIN_S
        return False

    async def close(self) -> None:
        """Close all links."""
        await asyncio.gather(*(link.close() for link in self._links))

    def _clock(self) -> PlantClock:
        with self._database.reading() as session:
            return plant_clock(session)

    def _clock_and_settled(self) -> tuple[PlantClock, datetime | None]:
        with self._database.reading() as session:
            return plant_clock(session), _settled_at(session, self._name)

    async def _stepped(self) -> None:
        """Settle each plant time once, and say so, until the clock runs."""
        with self._database.listening(CLOCK_CHANNEL) as wait:
            while True:
                clock, settled_at = await asyncio.to_thread(self._clock_and_settled)
                if not clock.stepped:
                    return
                if settled_at == clock.plant_at:
                    await asyncio.to_thread(wait, LOOK_S)
                else:
                    await self.settle()
                    await asyncio.to_thread(self._transact, partial(_set_settled, name=self._name, clock=clock))

    async def _running(self) -> None:
        """Let every link work on its own, and apply and dispatch whenever one has news, until the clock is stepped.

        They take turns: equipment that reports faster than it can be applied keeps no other from its work.
        """
        tasks = [asyncio.create_task(self._keep(link)) for link in self._links]
        try:
            while not (await asyncio.to_thread(self._clock)).stepped:
                self._woken.clear()
                applied = await asyncio.to_thread(self.apply_all, TURN_S)
                ordered = await asyncio.to_thread(self._dispatch_changed)
                await asyncio.to_thread(self._transact, partial(_set_settled, name=self._name, clock=None))
                if applied or ordered:
                    self._wake_links()
                else:
                    await _within(self._woken.wait(), 1.0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _wake_links(self) -> None:
        for link in self._links:
            link.errands.set()

    async def _keep(self, link: Link) -> None:
        pause = PAUSE_S
        while True:
            try:
                if await link.sync():
                    self._woken.set()
                pause = PAUSE_S
                await link.wait(1.0)
            except Exception as error:  # whatever it is: an equipment that is never asked again is worse
                if not isinstance(error, EquipmentLost | Away | Busy):
                    log.exception("equipment not served", equipment=link.equipment.name)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def _apply(self, waiting: Pending) -> bool:
        with bound_contextvars(record=waiting.record_id, equipment=waiting.equipment, sequence=waiting.sequence):
            try:
                self._take_effect(waiting)
            except (Away, Busy):
                raise
            except results.AlreadyApplied as error:
                log.info("record overtaken", why=error.message)
            except Exception:
                log.exception("record not applied")
                return False
        return True

    def _take_effect(self, waiting: Pending) -> None:
        try:
            self._may_start |= self._transact(lambda s: results.apply(s, waiting))
        except Unidentified as error:
            problem = error.message
            log.warning("record rejected", why=problem)
            self._transact(lambda s: results.reject(s, waiting, problem))

    def _order(self, start: TrackIn) -> bool:
        try:
            self._transact(lambda s: orders.order(s, start, act_now(s, ACTOR)))
        except (Malformed, Refused) as error:
            log.info("not dispatched", why=error.message)
            return False
        except (Away, Busy):
            raise
        except Exception:  # whatever it is: a line that stands still for one lot is worse
            log.exception("order failed", equipment=start.equipment_id, lots=[part.lot_id for part in start.parts])
            return False
        return True

    def _transact(self, work: Callable[[Session], T]) -> T:
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                with self._database.transaction() as session:
                    return work(session)
            except Busy:
                if last:
                    raise
        raise AssertionError("not reached")


def _working(session: Session) -> set[int]:
    """Equipment with work; any other has nothing to tell on a stepped clock."""
    return set(session.scalars(select(Run.equipment_id).where(Run.state.in_(OPEN))))


def _settled_at(session: Session, name: str) -> datetime | None:
    return session.scalar(select(ConnectorRow.settled_at).where(ConnectorRow.name == name))


def _set_settled(session: Session, name: str, clock: PlantClock | None) -> None:
    values = {"settled_at": None if clock is None else clock.plant_at, "seen_at": func.clock_timestamp()}
    statement = insert(ConnectorRow).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    if clock is not None:
        session.execute(text(f"notify {SETTLED_CHANNEL}"))


async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What all of them give. Awaits all, then raises the first error: none is left running unseen."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return cast(list[T], outcomes)


async def _within(waiting: Awaitable[object], timeout_s: float) -> None:
    try:
        await asyncio.wait_for(waiting, timeout_s)
    except TimeoutError:
        return
