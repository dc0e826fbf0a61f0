"""Around everything else: an id for each request, one line of the log about it, and its place in the figures.

The id is the caller's or the proxy's own (`X-Request-ID`) where that is well formed, else made here. Every line that
is logged on behalf of the request carries it, the answer names it, and so does a page that tells of an error.
"""

import re
import time
import uuid
from collections.abc import Iterable

import structlog
from structlog.contextvars import bound_contextvars

from mes.http.guard import App, Asgi, Receive, Send
from mes.http.metrics import Metrics

HEADER = "X-Request-ID"
_NAME = HEADER.lower().encode()
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,100}")
"""What may come from outside into the log and back into a header."""

log = structlog.get_logger()


class Requests:
    """Gives each request its id, and logs it when its answer has ended: an event stream when that is over.

    Logged are the path without the query, which may hold what is nobody's business, and the milliseconds until the
    last byte was handed over. ``state.person`` of the request, where it is known who asks, is logged by name.
    """

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, stream = time.perf_counter(), None, False
        request_id = _given(scope["headers"]) or uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def send_marked(message: Asgi) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status, stream = message["status"], _is_stream(message["headers"])
                if stream:
                    self._metrics.stream_opened()
                message["headers"] = [*message["headers"], (_NAME, request_id.encode())]
            await send(message)

        with bound_contextvars(request_id=request_id), self._metrics.running():
            try:
                await self._app(scope, receive, send_marked)
            finally:
                seconds, person = time.perf_counter() - began, getattr(state.get("person"), "name", None)
                self._metrics.answered(scope, status, seconds, stream=stream)
                told = {"status": status, "ms": round(1000 * seconds, 1), "person": person}
                log.info("request", method=scope["method"], path=_path(scope), **told)


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The id that came with a request, if it is well formed."""
    for name, value in headers:
        if name == _NAME:
            return value.decode() if _WELL_FORMED.fullmatch(value) else None
    return None


def _is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


def _path(scope: Asgi) -> str:
    """The path as it was sent: what is encoded in it, a line break for example, stays so."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    return raw.decode("ascii", "backslashreplace")
