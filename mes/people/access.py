"""Who asks, and the dependency by which every route declares what it needs."""

from collections.abc import Callable
from typing import Any

from fastapi import Depends, Request

from mes.db import STAFF, Database, Session, see_as
from mes.errors import NotAllowed, NotSignedIn
from mes.http.command import claim
from mes.http.guard import COOKIE
from mes.http.transaction import Tx
from mes.people.keys import holder
from mes.people.permissions import ALLOWED, Permission
from mes.people.sign_in import Person, hashed, signed_in
from mes.people.watchers import Watchers


def may(person: Person, permission: Permission) -> bool:
    """Whether the table allows it."""
    return person.role in ALLOWED[permission] and (person.scopes is None or permission in person.scopes)


class Required:
    """Lets a request through to a route if the person who makes it may do what the route declares.

    Who asks is known by the cookie of a sign-in, or by the key of a program. From here on the request's transaction
    has that person's eyes: a customer's own rows, or the staff's. Raises `NotSignedIn` and `NotAllowed`, and what
    `mes.http.command.claim` raises.
    """

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request, session: Tx) -> Person:
        person = request.state.person = _asking(request, session)
        if not may(person, self.permission):
            who = f"The role {person.role}" if person.scopes is None else f"This key of {person.name}"
            what = f"{who} may not do this ({self.permission})".replace("_", " ")
            raise NotAllowed(f"{what}; ask the administrator if you need it.")
        claim(request, session, person.name)
        if person.scope != STAFF:  # with whose eyes the transaction began
            see_as(session, person.scope)
        return person


def _key(request: Request) -> str | None:
    """What a program has sent to say who it is; None where it sent nothing, as a browser does."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else None


def _asking(request: Request, session: Session) -> Person:
    key = _key(request)
    if key is not None:
        person = holder(session, key)
        if person is None:
            raise NotSignedIn("No such key, or it has expired; ask the administrator for another.")
        return person
    token = request.cookies.get(COOKIE)
    person = signed_in(session, token) if token else None
    if person is None:
        raise NotSignedIn("You are not signed in, or no longer; sign in and try again.")
    return person


def known(request: Request) -> bool:
    """Whether it is known who asks, in a transaction of its own: some is too dear to be done for strangers."""
    database: Database = request.app.state.database
    with database.reading() as session:
        try:
            _asking(request, session)
        except NotSignedIn:
            return False
    return True


def still(request: Request, person: Person) -> Callable[[], bool]:
    """Asks again, later, whether who asks is whom the request began with: signed in, of the same role and customer."""
    watchers: Watchers = request.app.state.watchers
    return watchers.still(hashed(_key(request) or request.cookies.get(COOKIE, "")), person)


def require(permission: Permission) -> Any:
    """The dependency of a route that needs a permission; gives the `Person` who has it."""
    return Depends(Required(permission))


class Anybody:
    """Declares that a route is open, signed in or not."""

    def __call__(self) -> None:
        """Let everybody through."""


OPEN: Any = Depends(Anybody())
"""The dependency of a route that everybody may use: it says nothing that only some may know."""
