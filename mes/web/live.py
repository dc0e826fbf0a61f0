"""Pages that move: fragments rendered once for all who look with the same eyes, sent where they changed.

A reader keeps what it was sent last and takes the newest when it can: a slow one skips what is in between, one that
takes nothing for a while is dropped, and its browser connects again. Nothing is queued, so nothing grows. What is sent
is made once for all who were sent the same before.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from threading import Lock

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mes.db import Database, Scope, Session
from mes.errors import Away
from mes.events.feed import Feed
from mes.events.outbox import Event
from mes.events.stream import Followers, TooManyFollow
from mes.http.event_stream import BEAT_S, STREAM_S, EventStream
from mes.web.pages import View, render

SOONEST_S = 0.5
"""Pause between two renderings for what happens: of a burst the first event shows at once, the rest together."""

AGAIN_S = 5.0
"""How old a page may get without an event: what changed without one shows up at the latest then."""

MOST, MOST_OF_CUSTOMER = 60, 15
"""Different live pages that the centre's people, and those of one customer, may follow in one process."""

Fragments = Mapping[str, str]
"""Parts of a page: the id of an element to that element as HTML."""

Renderer = Callable[[Session, View], Fragments]


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page shows. Told apart by identity: all who look at the page hold the very same, not one that is equal."""

    parts: Fragments


NOTHING = Shown({})


Eyes = tuple[Renderer, Scope, View]
"""One page as some see it: what makes it, whose rows are seen, and how they are told."""

log = structlog.get_logger()

BEAT = "event: beat\ndata: still here\n\n"


@cache
def link(view: View, *, lost: bool) -> Fragments:
    """The element of every live page that says when it is not live; all that changes when the database is lost."""
    return {"link": render("link.html", view, lost=lost)}


@cache
def _lost(view: View) -> Shown:
    return Shown(link(view, lost=True))


class Reader:
    """One open page. `show` is called on the feed's thread, the rest on the loop of the server."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._newest = self._sent = NOTHING
        self.ended = False

    def show(self, shown: Shown) -> None:
        """Hand over the newest state of the page. The same once more wakes nobody."""
        if shown is self._newest:
            return
        self._newest = shown
        self._loop.call_soon_threadsafe(self._changed.set)

    def end(self) -> None:
        """End the stream."""
        self.ended = True
        self._loop.call_soon_threadsafe(self._changed.set)

    async def change(self, timeout_s: float) -> str:
        """A message of the fragments that differ from those sent; nothing when the time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        self._changed.clear()
        self._sent, told = _change(self._sent, self._newest)
        return told


@lru_cache(maxsize=128)
def _change(before: Shown, newest: Shown) -> tuple[Shown, str]:
    """What those have who had ``before`` and are told of ``newest``, and what they are told: made once for all."""
    differ = {name: html for name, html in newest.parts.items() if before.parts.get(name) != html}
    after = newest if newest.parts.keys() >= before.parts.keys() else Shown({**before.parts, **newest.parts})
    return after, message(differ) if differ else ""


@dataclass
class _Page:
    renderer: Renderer
    scope: Scope
    view: View
    readers: set[Reader] = field(default_factory=set)
    shown: Shown = NOTHING

    def render(self, database: Database) -> Shown:
        """The page as it is now; where nothing shows differently the very one of before."""
        with database.reading(self.scope) as session:
            fragments = {**self.renderer(session, self.view), **link(self.view, lost=False)}
        if fragments != self.shown.parts:
            self.shown = Shown(fragments)
        return self.shown


class Live:
    """The live pages of one process; listens to the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages: dict[Eyes, _Page] = {}
        self._lock = Lock()
        self._happened = False
        self._soonest_at = 0.0
        self._due_at = 0.0
        self._closed = False

    def turn(self, events: Sequence[Event]) -> None:
        """Render every page that somebody looks at, if something happened, somebody came, or it is time."""
        now = time.monotonic()
        self._happened = self._happened or bool(events)
        if now < (min(self._soonest_at, self._due_at) if self._happened else self._due_at):
            return
        self._happened, self._soonest_at, self._due_at = False, now + SOONEST_S, now + AGAIN_S
        for page, readers in self._watched():
            self._show(page, readers)

    def _show(self, page: _Page, readers: Sequence[Reader]) -> None:
        """Show a page to all who look. One that cannot be made ends for them; the others go on."""
        try:
            shown = page.render(self._database)
        except (Away, PoolTimeout):  # no page can be made
            raise
        except Exception:
            log.exception("page_failed", page=repr(page.renderer))
            for reader in readers:
                reader.end()
            return
        for reader in readers:
            reader.show(shown)

    def lost(self) -> None:
        """Say on every page that it is not live."""
        self._due_at = 0.0
        for page, readers in self._watched():
            cut = _lost(page.view)
            for reader in readers:
                reader.show(cut)

    def close(self) -> None:
        """End all streams and open none any more."""
        self._closed = True
        for _, readers in self._watched():
            for reader in readers:
                reader.end()

    def stream(self, renderer: Renderer, scope: Scope, view: View, allowed: Callable[[], bool]) -> EventStream:
        """The stream of one page for one who looks: the whole page at first, then what changes.

        ``allowed`` says whether that one still may look. Raises `TooManyFollow` where those with the same rows look at
        `MOST` different pages already: each is made anew with every change.
        """
        eyes = (renderer, scope, view)
        with self._lock:
            others = sum(page.scope == scope for other, page in self._pages.items() if other != eyes)
        if others >= (MOST_OF_CUSTOMER if scope.customer_id is not None else MOST):
            raise TooManyFollow("Too many different pages are followed at this moment; close one, or try again later.")
        return EventStream(self._messages(eyes), allowed)

    def watching(self) -> int:
        """How many pages are open."""
        return sum(len(readers) for _, readers in self._watched())

    async def _messages(self, eyes: Eyes) -> AsyncGenerator[str, None]:
        reader, until = Reader(), time.monotonic() + STREAM_S
        self._join(eyes, reader)
        try:
            while not (self._closed or reader.ended or time.monotonic() > until):
                yield await reader.change(BEAT_S) or BEAT
        finally:
            self._leave(eyes, reader)

    def _watched(self) -> list[tuple[_Page, list[Reader]]]:
        with self._lock:
            return [(page, list(page.readers)) for page in self._pages.values()]

    def _join(self, eyes: Eyes, reader: Reader) -> None:
        with self._lock:
            self._pages.setdefault(eyes, _Page(*eyes)).readers.add(reader)
            self._due_at = 0.0

    def _leave(self, eyes: Eyes, reader: Reader) -> None:
        with self._lock:
            page = self._pages[eyes]
            page.readers.discard(reader)
            if not page.readers:
                del self._pages[eyes]


def message(fragments: Fragments) -> str:
    """One server-sent event that puts each fragment in the place of the element with its id, where it differs."""
    parts = (
        f'<hx-partial hx-target="#{name}" hx-swap="outerMorph">{html}</hx-partial>' for name, html in fragments.items()
    )
    return "".join(f"data: {line}\n" for line in "\n".join(parts).splitlines()) + "\n"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Follow the outbox while the application runs; its streams end before the server stops."""
    live, followers = Live(app.state.database), Followers(app.state.database)
    feed = Feed(app.state.database, live, followers)
    app.state.live, app.state.followers, app.state.feed = live, followers, feed
    app.state.before_stop += [live.close, followers.close]
    feed.start()
    yield
    live.close()
    followers.close()
    await asyncio.to_thread(feed.stop)
