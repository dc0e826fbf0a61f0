"""The conductor of a headless run: moves the plant clock from one thing that happens to the next.

The clock moves only when the connector has nothing left to do: no record unapplied, no order unsent, no lot that could
start. What happens at one time happens in the order of equipment names. A crash costs wall time, never plant time: the
conductor waits until whoever died is back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from equipment.client import EquipmentLost, SteppedEquipment
from mes.cli.persons import Looked
from mes.cli.signatures import Signature
from mes.db import Database
from mes.definitions.clock import plant_clock, set_plant_clock
from mes.dispatch.later import next_look
from mes.equipment.models import Equipment
from mes.errors import Away, Refused
from mes.history import Act
from mes.jobs.connector import LOOK_S, SETTLED_CHANNEL
from mes.jobs.link import ACTOR as CONNECTOR
from mes.jobs.models import Connector as ConnectorRow
from mes.lots import store
from mes.lots.models import Lot
from mes.lots.states import ENDED, LotState
from mes.routes.models import Operation
from mes.routes.ways import WAYS
from mes.runs.models import Run
from mes.runs.states import OPEN

T = TypeVar("T")

PATIENCE_S = 120.0
"""Wall seconds to wait for a process that died to come back."""


RETRY_S = 0.05


class Stuck(Exception):
    """The run cannot go on; the text says what it waits for."""


@dataclass(frozen=True)
class Seen:
    """How the line stands at one plant time, after people have looked at it."""

    looked: Looked
    left: int
    """Lots that have not ended."""
    working: set[str]
    """Equipment with work."""
    may_work: set[str]
    """Equipment of every class to which a lot may still come."""
    later: datetime | None
    """When dispatch or people look next although nothing happens."""


class Conductor:
    """Steps the plant clock. ``settle`` returns when the connector is done at the clock's time.

    ``persons`` do what people would do, and say what is to be signed; ``sign`` has one of that signed, and raises
    `Away` where it is to be tried again. ``later`` says when dispatch or people look next although nothing happens on
    the line until then.
    """

    def __init__(
        self,
        database: Database,
        line: Sequence[SteppedEquipment],
        settle: Callable[[datetime], Awaitable[None]],
        persons: Callable[[Session, datetime], Looked],
        sign: Callable[[Signature], None],
        later: Callable[[Session, datetime], datetime | None] = next_look,
    ) -> None:
        self._database = database
        self._line = sorted(line, key=lambda e: e.name)
        self._settle = settle
        self._persons = persons
        self._sign = sign
        self._later = later
        self._idle: set[str] = set()
        """Equipment that had nothing to come when it was last asked."""
        self._told: dict[str, datetime] = {}
        """Up to when each equipment was told the time."""

    async def run(self, lot_ids: Sequence[int], progress: Callable[[datetime, int], None]) -> None:
        """Run until all these lots have ended. Raises `Stuck` when nothing will happen any more by itself."""
        now = await self.begin()
        while True:
            await self._settle(now)
            seen = await self._tell(partial(self._look, lot_ids, now))
            await self._have_signed(seen.looked.to_sign)
            if seen.looked.done or seen.looked.to_sign:
                await self._keep_time(seen, now)
                continue
            progress(now, seen.left)
            if not seen.left:
                return
            then = await self._step(seen, now)
            if then is None:
                await self._give_up_one(lot_ids, now)
            else:
                now = then

    async def begin(self) -> datetime:
        """Tell all equipment the plant time, and return it. Equipment that does not know it begins no job."""
        now = await self._tell(_plant_time)
        await self._advance(self._line, now)
        return now

    async def _keep_time(self, seen: Seen, now: datetime) -> None:
        """Tell the time to equipment that may be given work now.

        Where no lot on its way can come, nothing happens, and the time may wait.
        """
        behind = [e for e in self._line if e.name in seen.may_work and self._told.get(e.name) != now]
        await self._advance(behind, now)

    async def _advance(self, some: Sequence[SteppedEquipment], to: datetime) -> None:
        await asyncio.gather(*(_advance(equipment, to) for equipment in some))
        self._told.update((equipment.name, to) for equipment in some)

    def _look(self, lot_ids: Sequence[int], now: datetime, session: Session) -> Seen:
        """Let people do what they would do now, and see how the line stands. After people the connector looks again."""
        looked = self._persons(session, now)
        if looked.done:
            unsettle(session)
        left = session.scalars(_left(lot_ids).with_only_columns(func.count())).one()
        later = self._later(session, now)
        return Seen(looked, left, _working(session), _may_work(session), later)

    async def _have_signed(self, signatures: Sequence[Signature]) -> None:
        for signature in signatures:
            await _patiently(partial(asyncio.to_thread, self._sign, signature))
        if signatures:
            await self._tell(unsettle)

    async def _step(self, seen: Seen, now: datetime) -> datetime | None:
        """Move the clock to the next time at which something happens or may be started, and return that; None: none is.

        Equipment that had nothing to come and was given no work since has nothing to come now.
        """
        asked = [e for e in self._line if e.name in seen.working or e.name not in self._idle]
        times = dict(zip(asked, await asyncio.gather(*(_next_event(e, now) for e in asked)), strict=True))
        self._idle = {e.name for e in self._line if times.get(e) is None}
        due = [at for at in (*times.values(), seen.later) if at is not None]
        if not due:
            return None
        then = min(due)
        first = [e for e in asked if times[e] == then]  # none, where only dispatch waited for this time
        for equipment in first:
            await self._advance([equipment], then)
        await self._keep_time(seen, then)
        await self._tell(lambda s: set_plant_clock(s, then, 0))
        return then

    async def _give_up_one(self, lot_ids: Sequence[int], now: datetime) -> None:
        """Nothing runs and nothing can start: a person stores the least urgent waiting lot, its remainder counted."""
        left = await self._tell(lambda s: s.scalars(_left(lot_ids).order_by(Lot.name)).all())
        waiting = [lot for lot in left if lot.state == LotState.QUEUED]
        if not waiting:
            raise Stuck("Nothing happens any more: " + ", ".join(f"{lot.name} is {lot.state}" for lot in left))
        last = max(waiting, key=lambda lot: (lot.priority, lot.name))
        why = "no sources are left for it"
        try:
            await self._tell(lambda s: store.store(s, last.id, Act("line.engineer", now, why)))
        except Refused as error:
            raise Stuck(str(error)) from error
        await self._tell(unsettle)

    async def _tell(self, work: Callable[[Session], T]) -> T:
        async def once() -> T:
            return await asyncio.to_thread(self._transact, work)

        return await _patiently(once)

    def _transact(self, work: Callable[[Session], T]) -> T:
        with self._database.transaction() as session:
            return work(session)


def unsettle(session: Session) -> None:
    """Ask the connector to look again at the same plant time."""
    row = session.get(ConnectorRow, CONNECTOR)
    if row is not None:
        row.settled_at = None


def _plant_time(session: Session) -> datetime:
    return plant_clock(session).plant_at


def _left(lot_ids: Sequence[int]) -> Select[Lot]:
    return select(Lot).where(Lot.id.in_(lot_ids), Lot.state.not_in(ENDED))


def _working(session: Session) -> set[str]:
    query = select(Equipment.name).join(Run, Run.equipment_id == Equipment.id).where(Run.state.in_(OPEN))
    return set(session.scalars(query))


def _may_work(session: Session) -> set[str]:
    """The equipment of every class that serves an operation of a lot that has not ended."""
    classes = (
        select(WAYS.c.class_id)
        .join(Operation, Operation.id == WAYS.c.operation_id)
        .join(Lot, Lot.route_version_id == Operation.route_version_id)
        .where(Lot.state.not_in(ENDED))
    )
    return set(session.scalars(select(Equipment.name).where(Equipment.class_id.in_(classes))))


class Settled:
    """Waits until the connector, in its own process, says that it is done at a plant time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hearing = ExitStack()
        self._wait: Callable[[float], bool] | None = None

    async def __call__(self, at: datetime) -> None:
        """Return when it is done at ``at``. Raises `Stuck` when there is no patience left."""
        deadline = time.monotonic() + PATIENCE_S
        while not await _patiently(lambda: asyncio.to_thread(self._is_done, at)):
            if time.monotonic() > deadline:
                raise Stuck(
                    f"The connector did not settle at {at:%Y-%m-%d %H:%M:%S} within {PATIENCE_S:.0f} s; see its log."
                )

    def close(self) -> None:
        """Hear no more."""
        self._wait = None
        self._hearing.close()

    def _is_done(self, at: datetime) -> bool:
        """Look; where it is not yet done, wait for a word of it, at most `LOOK_S`."""
        try:
            if self._wait is None:
                self._wait = self._hearing.enter_context(self._database.listening(SETTLED_CHANNEL))
            with self._database.reading() as session:
                done = session.scalar(select(ConnectorRow.settled_at).where(ConnectorRow.name == CONNECTOR)) == at
            if not done:
                self._wait(LOOK_S)
        except Away:
            self.close()
            raise
        return done


async def _next_event(equipment: SteppedEquipment, now: datetime) -> datetime | None:
    """When something happens next. Equipment that was away is told the time first: a new disk does not know it."""

    async def reach() -> None:
        await equipment.connect()
        await equipment.advance(now)

    return await _patiently(equipment.next_event, reach)


async def _advance(equipment: SteppedEquipment, to: datetime) -> None:
    await _patiently(partial(equipment.advance, to), equipment.connect)


async def _patiently(call: Callable[[], Awaitable[T]], reach: Callable[[], Awaitable[object]] | None = None) -> T:
    """Call until it succeeds; what is lost is reached for again, for as long as there is patience."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await call()
        except (EquipmentLost, Away) as error:
            if time.monotonic() > deadline:
                raise Stuck(f"Something did not come back within {PATIENCE_S:.0f} s: {error}") from error
        await asyncio.sleep(RETRY_S)
        if reach is not None:
            with suppress(EquipmentLost):
                await reach()
