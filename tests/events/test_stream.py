"""Readers of events: each reads on from its own place, in parts, and there are not too many."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from mes.db import STAFF, Database
from mes.events import stream
from mes.events.outbox import START, Cursor, Event
from mes.events.stream import BEAT, LOST, Followers, TooManyFollow
from tests.events.test_outbox import put


def _names(event: Event) -> str:
    return f"data: {event.verb}\n"


def follow(of: Followers, after: Cursor, *, on: bool = True) -> AsyncGenerator[str]:
    return of.follow(STAFF, after, _names, on=on)


def test_a_reader_far_behind_takes_it_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "AT_ONCE", 3)
    for first in (0, 4):  # two transactions
        with database.transaction() as session:
            for n in range(4):
                put(session, f"e{first + n}")

    async def look() -> list[str]:
        return [part async for part in follow(Followers(database), START, on=False)]

    begin, *parts = asyncio.run(look())
    assert begin == "id: 0-0\n\n"
    assert [part.count("data: ") for part in parts] == [3, 3, 2]
    assert [line[6:] for line in "".join(parts).splitlines() if line.startswith("data")] == [f"e{n}" for n in range(8)]


def test_readers_are_bounded_and_leave(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST", 2)

    async def look() -> None:
        followers = Followers(database)
        readers = [follow(followers, START) for _ in range(2)]
        for reader in readers:
            followers.refuse_too_many()
            await anext(reader)
        with pytest.raises(TooManyFollow):
            followers.refuse_too_many()
        await readers[0].aclose()
        followers.refuse_too_many()
        followers.close()
        assert [part async for part in readers[1]] == []
        assert followers.following() == 0

    asyncio.run(look())


def test_a_quiet_stream_beats(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT_S", 0.0)

    async def look() -> None:
        reader = follow(Followers(database), START)
        assert [await anext(reader) for _ in range(2)] == ["id: 0-0\n\n", BEAT]
        with database.transaction() as session:
            put(session, "something")
        assert "data: something" in await anext(reader)
        await reader.aclose()

    asyncio.run(look())


def test_a_database_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "AGAIN_S", 0.0)
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")

    async def look() -> None:
        reader = follow(Followers(away), START)
        assert [await anext(reader) for _ in range(3)] == ["id: 0-0\n\n", LOST, LOST]
        await reader.aclose()

    asyncio.run(look())
    away.close()
