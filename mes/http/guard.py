"""Around every request: security headers, no change from another site, a body bounded in size and time, HEAD."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from mes.errors import NotAllowed
from mes.http import problem
from mes.http.problem import Tell
from mes.http.transaction import SAFE

COOKIE = "mes_session"
"""Holds the token of a sign-in; not readable by scripts."""

Asgi = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Asgi]]
Send = Callable[[Asgi], Awaitable[None]]
App = Callable[[Asgi, Receive, Send], Awaitable[None]]
Known = Callable[[Request], bool]
"""Whether it is known who asks, by cookie or key; asked where a body is larger than a stranger's may be."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Around every request: security headers, no change from another site, a bounded body, an answer to every error."""

    def __init__(self, app: App, tell: Tell, known: Known) -> None:
        self._app = app
        self._tell = tell
        self._known = known

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, started = Request(scope, receive), False
        body = _Body(request, receive, self._known)

        async def send_guarded(message: Asgi) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_added(message["headers"])]
            await send(message)

        try:
            refuse_other_sites(request)
            await body.refuse_larger(int(request.headers.get("content-length", "0")))
            await self._app(scope, body.receive, send_guarded)
        except Exception as error:
            if started:
                raise
            await self._tell(request, error)(scope, receive, send_guarded)


class _Body:
    """The body of a request, bounded in size and time."""

    def __init__(self, request: Request, receive: Receive, known: Known) -> None:
        self._request, self._receive, self._known = request, receive, known
        self._most = problem.LARGER.get(request.scope["path"], problem.BODY_LIMIT)
        self._until: float | None = asyncio.get_running_loop().time() + problem.BODY_S
        self._taken = 0
        self._is_known = False

    async def receive(self) -> Asgi:
        """The next part. Raises `HTTPException` where it comes too late or is too much."""
        message = await _by(self._until, self._receive)
        self._taken += len(message.get("body", b""))
        self._until = self._until if message.get("more_body") else None  # after it one may wait for the caller to go
        await self.refuse_larger(self._taken)
        return message

    async def refuse_larger(self, length: int) -> None:
        """Raise `HTTPException` where that is more than the address takes, or more than it takes of a stranger."""
        if length > self._most:
            raise HTTPException(413)
        if length > problem.STRANGERS_LIMIT and not self._is_known:
            self._is_known = await run_in_threadpool(self._known, self._request)
            if not self._is_known:
                raise HTTPException(413)


async def _by(deadline: float | None, receive: Receive) -> Asgi:
    """The next message. Raises `HTTPException` where it does not come in time."""
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError as error:
        raise HTTPException(408) from error


class Heads:
    """Answers HEAD wherever GET is answered: with the same status and headers, and no body."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Asgi) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})  # the end: a stream of events is over here, too

        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, send_head)
        finally:
            scope.update({name: inner[name] for name in ("route", "root_path") if name in inner})  # who answered it


def _added(headers: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    for name, value in (SECURITY_HEADERS | {"Cache-Control": "no-store"}).items():
        if name.lower().encode() not in present:
            yield name.lower().encode(), value.encode()


def refuse_other_sites(request: Request) -> None:
    """Raise `NotAllowed` where a page of another site makes a browser change something here.

    A browser says where a POST comes from; one that says nothing may not use a cookie. Programs without a cookie
    need to say nothing.
    """
    if request.method in SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site in {"same-origin", "none"}
    elif origin is not None:
        ours = origin.partition("://")[2] == request.headers.get("host")
    else:
        ours = COOKIE not in request.cookies
    if not ours:
        raise NotAllowed("This request comes from another site; open the page here and try again.")


def set_token(request: Request, response: Response, token: str) -> None:
    """Give the browser the token of its sign-in, until it is closed; over https only where it came so."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure)
