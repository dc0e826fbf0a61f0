"""Sign an act: who signs gives password or PIN for it alone, and failed tries make the next one wait."""

from typing import Annotated, Any

from fastapi import Depends, Form, Request

from mes.db import Database
from mes.errors import MesError, NotAllowed, NotSignedIn
from mes.http.command import SECRET
from mes.http.guard import COOKIE
from mes.people import tries
from mes.people.passwords import AT_ONCE
from mes.people.sign_in import Person, WrongNameOrPassword, signed_in, signer

GUESSED = "Too many signatures were wrong; wait."


class NotSigned(MesError):
    """What was given is neither the password nor the PIN of who signs."""

    status = 403


def signing(request: Request, name: str, secret: str, *, pin: bool) -> Person:
    """Who signs: the user of that name, whose password was given. Raises `NotSigned`, `TooManyTries`.

    With ``pin`` the PIN counts, too: for pages, where whoever signs is signed in. Over the API, where a key names the
    signer, a few digits would be too little.

    In a transaction of its own: that a try has failed is kept, though what was to be signed is refused.
    """
    database: Database = request.app.state.database
    address = request.client.host if request.client else ""
    with database.transaction() as session:
        tries.refuse_at_once(session, name)
        tries.refuse_too_many(session, name, address)
        try:
            person = signer(session, name, secret, pin=pin)
        except WrongNameOrPassword:
            tries.failed(session, name, address)
        else:
            tries.succeeded(session, name, address)
            return person
    raise NotSigned("No user has that name and password; nothing was changed. Check both and sign again.")


Secret = Annotated[str, Form(alias=SECRET, max_length=1000)]


def _sign(request: Request, secret: Secret = "") -> None:
    """Refuse the request unless whoever is signed in signs it. Raises `NotSignedIn`, and what `signing` raises."""
    _judge(request, secret, "neither your password nor your PIN", pin=True)


def _sign_with_password(request: Request, secret: Secret = "") -> None:
    _judge(request, secret, "not your password", pin=False)


def _judge(request: Request, secret: str, wrong: str, *, pin: bool) -> None:
    if "authorization" in request.headers:
        raise NotAllowed("What is signed here is signed by whoever is signed in; leave the key out.")
    database: Database = request.app.state.database
    with database.reading() as session:
        person = signed_in(session, request.cookies.get(COOKIE, ""))
    if person is None:
        raise NotSignedIn("You are not signed in, or no longer; sign in and try again.")
    try:
        signing(request, person.name, secret, pin=pin)
    except NotSigned:
        raise NotSigned(f"That is {wrong}; nothing was changed. Try again.") from None


SIGNED: Any = Depends(_sign, scope="function", max_concurrency=AT_ONCE)
"""The dependency of a route whose effect is signed: taken before its transaction, so that no hash holds it up."""

SIGNED_WITH_PASSWORD: Any = Depends(_sign_with_password, scope="function", max_concurrency=AT_ONCE)
"""As `SIGNED`, for what a PIN is too little: to set another password or PIN."""
