"""Server-sent events to one reader, who is dropped if it takes nothing."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from fastapi.responses import StreamingResponse

BEAT_S = 10.0
"""Sent when nothing happens, so that both sides notice a dead connection."""

STREAM_S = 900.0
"""How long a stream lasts before its reader connects anew."""

ASKED_S = 20.0
"""After which it is asked, before the next message, whether its reader still may look."""

SLOW_S = 20.0
"""How long a reader may take for one message before it is dropped."""


Messages = AsyncGenerator[str, None]


class EventStream(StreamingResponse):
    """A stream of server-sent events that drops a reader who takes too long for one message.

    ``allowed`` says whether the reader still may look; once it does not, the stream ends.
    """

    media_type = "text/event-stream"

    def __init__(self, messages: Messages, allowed: Callable[[], bool], status_code: int = 200, **options: Any) -> None:
        super().__init__(_while(messages, allowed), status_code, **options)  # FastAPI looks for its default

    async def stream_response(self, send: Callable[[Any], Awaitable[None]]) -> None:
        """Send what comes; give up where a message is not taken in time."""

        async def send_in_time(part: Any) -> None:
            async with asyncio.timeout(SLOW_S):
                await send(part)

        with suppress(TimeoutError):
            await super().stream_response(send_in_time)


async def _while(messages: Messages, allowed: Callable[[], bool]) -> Messages:
    asked = time.monotonic()
    async with aclosing(messages):
        async for message in messages:
            if time.monotonic() - asked >= ASKED_S:
                if not await asyncio.to_thread(allowed):
                    return
                asked = time.monotonic()
            yield message
