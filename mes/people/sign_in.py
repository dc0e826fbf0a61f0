"""Sign in, sign out and sign: an opaque token for one browser, of which only the SHA-256 is stored."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from mes.db import STAFF, Scope, as_customer
from mes.errors import NotSignedIn
from mes.people import tries
from mes.people.models import SignIn, User
from mes.people.passwords import matches
from mes.people.roles import Role

LASTS = timedelta(hours=12)
"""A shift and its handover, by the database's clock."""


PIN = re.compile(r"[0-9]{6,12}")
"""Digits that sign where a keyboard is a burden; nobody signs in with them."""


def is_pin(secret: str) -> bool:
    """Whether it has the shape of a PIN."""
    return PIN.fullmatch(secret) is not None


class WrongNameOrPassword(NotSignedIn):
    """No user has that name and that password; which of the two is wrong is not told."""


@dataclass(frozen=True)
class Person:
    """Who is signed in."""

    name: str
    title: str
    role: Role
    customer_id: int | None
    language: str | None = None
    time_zone: str | None = None
    scopes: frozenset[str] | None = None
    """The permissions that the key of a program gives, of those of the role; None where a person has signed in."""

    @property
    def scope(self) -> Scope:
        """Whose rows this person may see."""
        return STAFF if self.customer_id is None else as_customer(self.customer_id)


def sign_in(session: Session, name: str, password: str, token: str, address: str) -> Person:
    """Let the holder of ``token``, who asks from ``address``, act as the named user until the sign-in expires.

    ``token`` comes from the edge and must be unguessable. Raises `TooManyTries` before anything is judged, and
    `WrongNameOrPassword`, for an unknown name at the same cost as for a wrong password: that failure counts if the
    caller commits nevertheless. Expired sign-ins are forgotten on the way.
    """
    tries.refuse_too_many(session, name, address)
    try:
        user = _known(session, name, password)
    except WrongNameOrPassword:
        tries.failed(session, name, address)
        raise
    tries.succeeded(session, name, address)
    now = func.clock_timestamp()
    session.execute(delete(SignIn).where(SignIn.expires_at <= now))
    session.execute(insert(SignIn).values(token_sha256=hashed(token), user_id=user.id, expires_at=now + LASTS))
    return as_person(user)


def signer(session: Session, name: str, secret: str, *, pin: bool = True) -> Person:
    """Who signs an act: a signature is name and password, or name and PIN, given again for that act alone.

    Without ``pin`` the password alone counts.

    Raises `WrongNameOrPassword`, for an unknown name at the same cost as for a wrong password.
    """
    user = session.scalars(select(User).where(User.name == name)).one_or_none()
    if pin and user is not None and user.pin_hash is not None and is_pin(secret) and matches(user.pin_hash, secret):
        return as_person(user)
    return as_person(_known(session, name, secret))


_SIGNED_IN = (
    select(SignIn.token_sha256, User)
    .join(User, User.id == SignIn.user_id)
    .where(SignIn.token_sha256 == any_(bindparam("held", type_=ARRAY(LargeBinary))))
    .where(SignIn.expires_at > func.clock_timestamp())
)


def all_signed_in(session: Session, held: Iterable[bytes]) -> dict[bytes, Person]:
    """Who hold the tokens with these SHA-256, by each; those that nobody holds any more are left out."""
    return {token: as_person(user) for token, user in session.execute(_SIGNED_IN, {"held": [*held]})}


def signed_in(session: Session, token: str) -> Person | None:
    """Who holds the token; None if nobody does any more."""
    return next(iter(all_signed_in(session, [hashed(token)]).values()), None)


def sign_out(session: Session, token: str) -> None:
    """End the sign-in of a token; one that is not known is none already."""
    session.execute(delete(SignIn).where(SignIn.token_sha256 == hashed(token)))


def _known(session: Session, name: str, password: str) -> User:
    user = session.scalars(select(User).where(User.name == name)).one_or_none()
    if not matches(None if user is None else user.password_hash, password) or user is None:
        raise WrongNameOrPassword("No user has that name and password; check both and try again.")
    return user


def hashed(token: str) -> bytes:
    """What is stored of a token or a key."""
    return hashlib.sha256(token.encode()).digest()


def as_person(user: User, scopes: frozenset[str] | None = None) -> Person:
    """Who a user is."""
    chosen = (user.language, user.time_zone)
    return Person(user.name, user.title, Role(user.role), user.belongs_to_id, *chosen, scopes)
