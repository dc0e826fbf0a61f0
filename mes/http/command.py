"""Commands over the API: one that has an Idempotency-Key takes effect once, however often it is sent.

The key is the caller's own. It is claimed by an insert in the command's transaction, so that the same command at the
same moment waits for the first one; the answer is stored there too, before the commit. Only effects are remembered: a
refusal takes the claim back and is judged again.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from http.client import SEE_OTHER
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.db import STAFF, seeing_as
from mes.errors import Malformed
from mes.http.models import CommandAnswer
from mes.http.transaction import SAFE

HEADER = "Idempotency-Key"
ONCE = "once"
"""The field of a form that says which showing of it was sent."""
SECRET = "secret"  # noqa: S105
"""The field of a form that holds the password or PIN it is signed with."""
NOT_HASHED = {ONCE, SECRET, "password", "pin", "again"}
"""Fields of forms that are left out of what is remembered of a command: new passwords and PINs, too."""
LONGEST = 200
"""Characters of a key."""
KEPT = timedelta(days=7)
"""How long an answer is remembered, by the database's clock."""
PASSWORD = re.compile(rb'"password"\s*+:\s*+"(?:[^"\\]++|\\.)*+"')
"""Where a body gives a password."""


class KeyOfAnother(Malformed):
    """The caller has used the key for another command."""


class Answered(Exception):
    """The command took effect before; this is what was answered then."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def replayed(_: Request, error: Exception) -> Response:
    """The stored answer, and that it is one."""
    assert isinstance(error, Answered)
    if error.status == SEE_OTHER:
        return RedirectResponse(error.body.decode(), SEE_OTHER)
    return Response(error.body, error.status, {"Idempotency-Replayed": "true"}, media_type="application/json")


def claim(request: Request, session: Session, actor: str) -> None:
    """Claim the key of a command for its caller, where it has one; to be called once it is known who asks.

    Raises `Answered` where the command took effect before, `KeyOfAnother` where the key is another command's, and
    `Malformed` where it is no key.
    """
    key, asked = getattr(request.state, "command", (None, b""))
    if key is None:
        return
    if not 1 <= len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        raise Malformed(f"{HEADER} is 1 to {LONGEST} printable ASCII characters.")
    session.execute(delete(CommandAnswer).where(CommandAnswer.claimed_at < func.clock_timestamp() - KEPT))
    fresh = insert(CommandAnswer).values(actor=actor, key=key, asked_sha256=asked).on_conflict_do_nothing()
    if session.scalar(fresh.returning(CommandAnswer.key)) is None:
        known = select(CommandAnswer).where(CommandAnswer.actor == actor, CommandAnswer.key == key)
        before = session.scalars(known).one()
        if before.asked_sha256 != asked:
            raise KeyOfAnother(
                "This key or form was used for another command; give each its own, or load the page anew."
            )
        raise Answered(before.status or 200, before.body or b"")
    request.state.claimed = (session, actor, key)


class CommandRoute(APIRoute):
    """A route of the API. What it answers to a command with a key is stored in the command's transaction."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what is done before and after it."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if request.method not in SAFE:
                request.state.command = await self.command(request)
            response = await handle(request)
            if hasattr(request.state, "claimed"):
                session, actor, key = request.state.claimed
                await run_in_threadpool(_remember, session, actor, key, response)
            return response

        return answer

    async def command(self, request: Request) -> tuple[str | None, bytes]:
        """The key that a command came with, if any, and a hash of what it asks."""
        return request.headers.get(HEADER), _asked(request, await request.body())


class FormRoute(CommandRoute):
    """A route that forms of pages post to. Each form that was shown takes effect once: its field `ONCE` is the key."""

    async def command(self, request: Request) -> tuple[str | None, bytes]:
        """The key that stands in the form, and a hash of what was filled in; but not of what it was signed with."""
        await request.body()  # is kept, for the form is read twice
        filled = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        asked = urlencode([field for field in filled if field[0] not in NOT_HASHED])
        return dict(filled).get(ONCE) or None, _asked(request, asked.encode())


def _asked(request: Request, body: bytes) -> bytes:
    """Passwords are left out: of what people choose, a fast hash is as good as the thing itself."""
    what = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(what + PASSWORD.sub(b"", body)).digest()


def _remember(session: Session, actor: str, key: str, response: Response) -> None:
    """With the staff's eyes, for a customer's role writes no table: one statement, limited to the caller's own key."""
    answered = update(CommandAnswer).where(CommandAnswer.actor == actor, CommandAnswer.key == key)
    told = response.headers["location"].encode() if response.status_code == SEE_OTHER else bytes(response.body)
    with seeing_as(session, STAFF):
        session.execute(answered.values(status=response.status_code, body=told))
