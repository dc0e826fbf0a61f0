"""Programs that follow events: each reads the outbox with its own eyes, woken by the feed of the process.

Nothing is queued for a reader: it reads on from its own place when it has taken what came before. One reads at a time,
so that all readers together hold one connection.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

from sqlalchemy.exc import TimeoutError as PoolTimeout

from mes.db import Database, Scope
from mes.errors import MesError
from mes.events.outbox import Cursor, Event, read
from mes.http.event_stream import BEAT_S, STREAM_S

MOST = 100
"""Readers of a process at once; each costs a read for every burst of events."""

AT_ONCE = 200
"""Events that are read at once for one reader."""

AGAIN_S = 2.0
"""How long a reader waits for a database that does not answer."""

BEAT = ": still here\n\n"
LOST = ": the database does not answer\n\n"

Written = Callable[[Event], str]
"""An event as the lines of a message; nothing where the reader does not want it."""


class TooManyFollow(MesError):
    """As many programs follow the events as the process can serve."""

    status = 503
    retry_after_s = 30


class Followers:
    """Who follows the events in one process. `turn` and `lost` run on the feed's thread, the rest on the loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakes: set[Callable[[], None]] = set()
        self._lock = Lock()
        self._turn = asyncio.Semaphore(1)
        self._closed = False

    def turn(self, events: Sequence[Event]) -> None:
        """Wake all readers if something happened."""
        if events:
            self._wake()

    def lost(self) -> None:
        """Nothing to do: a reader finds out by itself, and tries again."""

    def close(self) -> None:
        """End all streams and open none any more."""
        self._closed = True
        self._wake()

    def following(self) -> int:
        """How many readers there are."""
        return len(self._wakes)

    def refuse_too_many(self) -> None:
        """Raise `TooManyFollow` where there is no room for one more reader."""
        if self.following() >= MOST:
            raise TooManyFollow(f"{MOST} programs follow the events of this server already; try again later.")

    async def follow(self, scope: Scope, after: Cursor, written: Written, *, on: bool) -> AsyncGenerator[str, None]:
        """What happened after a place, as messages, and then what happens; without ``on`` it ends there.

        Each piece leaves the reader at a place from which it can go on, also where nothing before that was wanted.
        """
        happened, until = asyncio.Event(), time.monotonic() + STREAM_S
        with self._joined(happened):
            yield f"id: {after}\n\n"
            while not self._closed and time.monotonic() < until:
                happened.clear()
                try:
                    events = await self._read(scope, after)
                except (MesError, PoolTimeout):
                    yield LOST
                    await _waited(happened, AGAIN_S)
                    continue
                if events:
                    after = events[-1].cursor
                    yield messages(events, written)
                elif not on:
                    return
                elif not await _waited(happened, BEAT_S):
                    yield BEAT

    async def _read(self, scope: Scope, after: Cursor) -> list[Event]:
        def read_now() -> list[Event]:
            with self._database.reading(scope) as session:
                return read(session, after, AT_ONCE)

        async with self._turn:
            return await asyncio.to_thread(read_now)

    @contextmanager
    def _joined(self, happened: asyncio.Event) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(happened.set)

        with self._lock:
            self._wakes.add(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakes.discard(wake)

    def _wake(self) -> None:
        with self._lock:
            for wake in self._wakes:
                wake()


def messages(events: Sequence[Event], written: Written) -> str:
    """The events that a reader wants, and in any case how far it has been brought."""
    last = events[-1].cursor
    lines = ((event.cursor, written(event)) for event in events)
    return "".join(f"id: {cursor}\n{said}\n" for cursor, said in lines if said or cursor == last)


async def _waited(happened: asyncio.Event, most_s: float) -> bool:
    """Wait until something happens; whether it did in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await happened.wait()
    return happened.is_set()
