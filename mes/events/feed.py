"""One thread per process that follows the outbox and calls all who listen."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from structlog.contextvars import bind_contextvars

from mes.db import Database
from mes.definitions.clock import CHANNEL as CLOCK_CHANNEL
from mes.errors import MesError
from mes.events.outbox import Cursor, Event, head, read
from mes.history import CHANNEL as OUTBOX_CHANNEL

POLL_S = 1.0
"""How long the feed waits where nobody wakes it, and before it tries again where the database is away."""

GLANCES = 10
"""How often in between it looks whether it is to stop."""

GAP_S = 0.1
"""Pause after each turn, so that a burst of events is delivered together."""

log = structlog.get_logger()


class Listener(Protocol):
    """Who is called by the feed, on its thread."""

    def turn(self, events: Sequence[Event]) -> None:
        """What happened since the turn before; nothing, at least once a second."""

    def lost(self) -> None:
        """The database does not answer; called at each failed try. The next turn says that it is back."""


class Feed:
    """Follows the outbox from when it is started. What happens while the database is away comes when it is back."""

    def __init__(self, database: Database, *listeners: Listener) -> None:
        self._database = database
        self._listeners = listeners
        self._cursor: Cursor | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox-feed", daemon=True)

    @property
    def cursor(self) -> Cursor | None:
        """The place up to which it has delivered, or is just delivering; None before the first look."""
        return self._cursor

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until no call runs any more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                with self._database.listening(OUTBOX_CHANNEL, CLOCK_CHANNEL) as wait:
                    while not self._stopping.is_set():
                        self._turn(wait)
                        if failing:
                            log.info("feed_back")
                            failing = False
            except Exception as error:  # whatever it is: pages that stand still without a word are worse
                if not failing:
                    log.warning("feed_lost", why=str(error), exc_info=not isinstance(error, MesError))
                    failing = True
                for listener in self._listeners:
                    listener.lost()
                self._stopping.wait(POLL_S)

    def _turn(self, wait: Callable[[float], bool]) -> None:
        events, failed = self._next(), list[Exception]()
        for listener in self._listeners:  # each is called, whatever becomes of the others
            try:
                listener.turn(events)
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]
        self._stopping.wait(GAP_S)
        for _ in range(0 if events else GLANCES):
            if self._stopping.is_set() or wait(POLL_S / GLANCES):
                return

    def _next(self) -> list[Event]:
        with self._database.reading() as session:
            if self._cursor is None:
                self._cursor = head(session)
            events = read(session, self._cursor)
        if events:
            self._cursor = events[-1].cursor
        bind_contextvars(event_id=str(self._cursor))  # of all that this thread logs from here on
        return events
