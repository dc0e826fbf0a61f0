"""Forms in UTF-8 alone: the framework reads their parts in whatever encoding the caller names, before any rule."""

from fastapi import Request
from python_multipart.multipart import parse_options_header

from mes.errors import Malformed
from mes.http.guard import App, Asgi, Receive, Send


class OneCharset:
    """Refuses a form that names another encoding than UTF-8."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            _, options = parse_options_header(Request(scope).headers.get("content-type", ""))
            charset = options.get(b"charset", b"utf-8").lower()
            if charset != b"utf-8" and b"boundary" in options:
                raise Malformed("Forms are read in UTF-8; send this one so, or name no charset.")
        await self._app(scope, receive, send)
