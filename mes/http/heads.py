"""The head of a request, bounded in size and time: the server library itself waits and reads as long as it takes."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's head."""
HEAD_S = 20.0
"""Seconds in which it must have come; a connection that says nothing at all is closed then, too."""


class BoundedHeads(HttpToolsProtocol):
    """One connection. Where a head is too large or too slow it is closed; nothing was asked, so nothing is answered."""

    _unread = 0
    _timer: asyncio.TimerHandle | None = None
    _in_head = True

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._in_head:
            self._wait()
            self._unread += len(data)
        super().data_received(data)
        if self._in_head and self._unread > HEAD_LIMIT:
            self._close("too large")

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head, self._unread = False, 0
        self._rest()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        self._in_head, self._unread = True, 0
        super().on_message_complete()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_S, self._close, "too slow")

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self, why: str) -> None:
        self.logger.info("The head of a request was %s; its connection is closed.", why)
        self.transport.close()
