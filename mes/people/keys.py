"""Keys by which programs act as a user, with a part of what that user may do, until they expire."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import ARRAY, LargeBinary, Select, any_, bindparam, delete, func, select
from sqlalchemy.orm import Session

from mes.errors import Malformed, NotFound, Refused
from mes.people.models import ApiKey, User
from mes.people.permissions import ALLOWED, Permission
from mes.people.sign_in import Person, as_person, hashed

LONGEST = timedelta(days=366)
PREFIX = "mes_"
"""Lets scanners for secrets find a key that was left somewhere."""

log = structlog.get_logger()


def select_keys() -> Select[*tuple[Any, ...]]:
    """One row for each key, by name; ``expired`` by the database's clock."""
    return (
        select(
            ApiKey.name.label("key"), User.name.label("user"), ApiKey.scopes, ApiKey.created_at, ApiKey.expires_at,
            (ApiKey.expires_at <= func.clock_timestamp()).label("expired"),
        )
        .join(User, User.id == ApiKey.user_id)
        .order_by(ApiKey.name)
    )  # fmt: skip


def create_key(session: Session, name: str, user: str, scopes: Iterable[Permission], lasts: timedelta, by: str) -> str:
    """Make a key and return it; it is never shown again.

    Raises `NotFound` (no such user), `Malformed` (no scope, one that the user's role does not have, a term beyond
    `LONGEST`), `Refused` (there is a key of that name).
    """
    owner = session.scalars(select(User).where(User.name == user)).one_or_none()
    if owner is None:
        raise NotFound(f"There is no user {user}.")
    wanted = list(dict.fromkeys(scopes))
    beyond = [scope for scope in wanted if owner.role not in ALLOWED[scope]]
    if not wanted or beyond:
        own = ", ".join(scope for scope, roles in ALLOWED.items() if owner.role in roles)
        what = f"{beyond[0]} is not" if beyond else "Nothing is"
        raise Malformed(f"{what} given by the role {owner.role} of {user}; a key may have {own}.")
    if not timedelta() < lasts <= LONGEST:
        raise Malformed(f"A key lasts from 1 to {LONGEST.days} days.")
    if session.scalar(select(ApiKey.id).where(ApiKey.name == name)):
        raise Refused(f"There is already a key {name}; choose another name, or revoke that one.")
    token = PREFIX + secrets.token_urlsafe(32)
    expires_at = func.clock_timestamp() + lasts
    key = ApiKey(name=name, token_sha256=hashed(token), user_id=owner.id, scopes=wanted, expires_at=expires_at)
    session.add(key)
    session.flush()
    log.info("key_created", key=name, user=user, scopes=[scope.value for scope in wanted], days=lasts.days, by=by)
    return token


def revoke_key(session: Session, name: str, by: str) -> None:
    """End a key now. Raises `NotFound`."""
    if session.scalar(delete(ApiKey).where(ApiKey.name == name).returning(ApiKey.id)) is None:
        raise NotFound(f"There is no key {name}; mes key list shows those there are.")
    log.info("key_revoked", key=name, by=by)


_HELD = (
    select(ApiKey.token_sha256, User, ApiKey.scopes)
    .join(User, User.id == ApiKey.user_id)
    .where(ApiKey.token_sha256 == any_(bindparam("held", type_=ARRAY(LargeBinary))))
    .where(ApiKey.expires_at > func.clock_timestamp())
)


def holders(session: Session, held: Iterable[bytes]) -> dict[bytes, Person]:
    """As whom the holders of keys act, by the SHA-256 of each; what is unknown or has expired is left out."""
    return {key: as_person(user, frozenset(scopes)) for key, user, scopes in session.execute(_HELD, {"held": [*held]})}


def holder(session: Session, token: str) -> Person | None:
    """As whom the holder of a key acts; None where it is unknown or has expired."""
    return next(iter(holders(session, [hashed(token)]).values()), None)
