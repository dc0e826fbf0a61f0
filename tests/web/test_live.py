"""Live pages: rendered once for all who look with the same eyes, slow readers skipped or dropped, none forgotten."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

import pytest
from sqlalchemy import text

from mes.clock import wall_clock
from mes.db import STAFF, Database, Scope, Session, as_customer
from mes.events.outbox import Cursor, Event
from mes.events.stream import TooManyFollow
from mes.http import event_stream
from mes.http.event_stream import EventStream
from mes.web import live
from mes.web.live import Live, message
from mes.web.pages import View

LINKED = live.link(View(), lost=False)["link"]
SOMETHING = [Event(Cursor(1, 1), None, "hold", {}, wall_clock())]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event shows at once, where a test does not say otherwise."""
    monkeypatch.setattr(live, "SOONEST_S", 0.0)


class Pages:
    """A renderer that counts how often it is asked."""

    def __init__(self) -> None:
        self.rendered = 0
        self.parts: dict[str, str] = {"a": "<p>1</p>", "b": "<p>1</p>"}

    def __call__(self, session: Session, view: View) -> Mapping[str, str]:
        self.rendered += 1
        return dict(self.parts)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)


def _open(pages: Live, renderer: live.Renderer, scope: Scope = STAFF) -> AsyncGenerator[str]:
    """The stream of one reader; it looks from its first message on."""
    return cast(AsyncGenerator[str], pages.stream(renderer, scope, View(), lambda: True).body_iterator)


async def _watched(pages: Live, renderer: Pages) -> tuple[AsyncGenerator[str], asyncio.Future[str]]:
    """A stream that somebody reads, and what will come first."""
    stream = _open(pages, renderer)
    first = asyncio.ensure_future(anext(stream))
    await _until(lambda: pages.watching() == 1)
    return stream, first


def test_a_page_is_rendered_once_for_all_and_sent_where_it_changed(database: Database) -> None:
    async def look() -> None:
        pages, renderer = Live(database), Pages()
        streams = [_open(pages, renderer) for _ in range(50)]
        firsts = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await _until(lambda: pages.watching() == 50)
        await asyncio.to_thread(pages.turn, [])
        assert set(await asyncio.gather(*firsts)) == {message({**renderer.parts, "link": LINKED})}
        assert renderer.rendered == 1
        renderer.parts["b"] = "<p>2</p>"
        seconds = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.to_thread(pages.turn, SOMETHING)
        assert set(await asyncio.gather(*seconds)) == {message({"b": "<p>2</p>"})}
        assert renderer.rendered == 2
        for stream in streams:
            await stream.aclose()
        assert pages.watching() == 0
        await asyncio.to_thread(pages.turn, SOMETHING)
        assert renderer.rendered == 2

    asyncio.run(look())


def test_a_burst_is_rendered_at_its_beginning_and_once_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SOONEST_S", 3600.0)

    async def look() -> None:
        pages, renderer = Live(database), Pages()
        stream, first = await _watched(pages, renderer)
        await asyncio.to_thread(pages.turn, [])
        await first
        pages._soonest_at = 0.0  # an hour later
        for n in range(100):
            renderer.parts["a"] = f"<p>{n}</p>"
            await asyncio.to_thread(pages.turn, SOMETHING)
        assert renderer.rendered == 2
        assert await anext(stream) == message({"a": "<p>0</p>"})
        pages._soonest_at = 0.0
        await asyncio.to_thread(pages.turn, [])
        assert await anext(stream) == message({"a": "<p>99</p>"})
        await asyncio.to_thread(pages.turn, [])
        assert renderer.rendered == 3
        await stream.aclose()

    asyncio.run(look())


def test_what_shows_no_different_wakes_nobody(database: Database) -> None:
    async def look() -> None:
        pages, renderer = Live(database), Pages()
        stream, first = await _watched(pages, renderer)
        await asyncio.to_thread(pages.turn, [])
        await first
        second = asyncio.ensure_future(anext(stream))
        for _ in range(5):
            await asyncio.to_thread(pages.turn, SOMETHING)
        assert renderer.rendered == 6
        assert not second.done()
        await asyncio.to_thread(pages.lost)
        assert await second == message(live.link(View(), lost=True))
        third = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(pages.turn, [])
        assert await third == message({"link": LINKED})  # and not all that it has been sent
        await stream.aclose()

    asyncio.run(look())


def test_two_customers_never_share_a_rendering(database: Database) -> None:
    async def look() -> None:
        pages = Live(database)
        eyes: list[str] = []

        def renderer(session: Session, view: View) -> Mapping[str, str]:
            eyes.append(session.scalars(text("select current_setting('app.customer')")).one())
            return {"a": f"<p>{eyes[-1]}</p>"}

        streams = [_open(pages, renderer, as_customer(n)) for n in (7, 8)]
        firsts = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await _until(lambda: pages.watching() == 2)
        await asyncio.to_thread(pages.turn, [])
        seven, eight = await asyncio.gather(*firsts)
        assert sorted(eyes) == ["7", "8"]
        assert "<p>7</p>" in seven and "<p>8</p>" not in seven
        assert "<p>8</p>" in eight and "<p>7</p>" not in eight
        for stream in streams:
            await stream.aclose()

    asyncio.run(look())


def test_one_customer_follows_few_different_pages(database: Database) -> None:
    async def look() -> None:
        pages, renderers = Live(database), [Pages() for _ in range(live.MOST_OF_CUSTOMER)]
        firsts = [asyncio.ensure_future(anext(_open(pages, one, as_customer(7)))) for one in renderers]
        await _until(lambda: pages.watching() == len(renderers))
        with pytest.raises(TooManyFollow):
            _open(pages, Pages(), as_customer(7))
        for renderer, scope in ((renderers[0], as_customer(7)), (Pages(), as_customer(8)), (Pages(), STAFF)):
            await _open(pages, renderer, scope).aclose()
        for first in firsts:
            first.cancel()

    asyncio.run(look())


def test_a_slow_reader_skips_to_the_newest(database: Database) -> None:
    async def look() -> None:
        pages, renderer = Live(database), Pages()
        stream, first = await _watched(pages, renderer)
        for n in range(100):
            renderer.parts["a"] = f"<p>{n}</p>"
            await asyncio.to_thread(pages.turn, SOMETHING)
        took = [await first, await anext(stream)]
        assert any("<p>99</p>" in part for part in took)
        await stream.aclose()

    asyncio.run(look())


def test_a_reader_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "SLOW_S", 0.05)

    async def look() -> None:
        ended = asyncio.Event()

        async def endless() -> AsyncGenerator[str]:
            try:
                while True:
                    yield "data: x\n\n"
            finally:
                ended.set()

        async def never_takes(part: Mapping[str, Any]) -> None:
            if part["type"] == "http.response.body":
                await asyncio.Event().wait()

        source = endless()
        await asyncio.wait_for(EventStream(source, lambda: True).stream_response(never_takes), timeout=10)
        await source.aclose()
        assert ended.is_set()

    asyncio.run(look())


def test_a_lost_database_is_told_and_its_return_too(database: Database) -> None:
    async def look() -> None:
        pages, renderer = Live(database), Pages()
        stream, first = await _watched(pages, renderer)
        await asyncio.to_thread(pages.lost)
        assert "The database does not answer" in await first
        second = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(pages.turn, [])
        assert await second == message({**renderer.parts, "link": LINKED})
        await stream.aclose()

    asyncio.run(look())


def test_closing_ends_every_stream_and_opens_none(database: Database) -> None:
    async def look() -> None:
        pages, renderer = Live(database), Pages()
        stream, first = await _watched(pages, renderer)
        pages.close()
        await first
        assert [part async for part in stream] == []
        assert [part async for part in _open(pages, renderer)] == []

    asyncio.run(look())


def test_a_message_keeps_every_line() -> None:
    assert message({"a": "<p>\n1\n</p>"}) == (
        'data: <hx-partial hx-target="#a" hx-swap="outerMorph"><p>\ndata: 1\ndata: </p></hx-partial>\n\n'
    )
