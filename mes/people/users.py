"""Who may sign in, as what: one place for the command line and the pages.

Each change is a line of the log that names who made it; no password and no PIN stands in one.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

import structlog
from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.errors import Malformed, NotFound, Refused
from mes.people.models import ApiKey, Customer, SignIn, User
from mes.people.passwords import hash_password
from mes.people.roles import Role
from mes.people.sign_in import hashed, is_pin

SHORTEST = 10
"""Characters of a password, at least."""
LONGEST = 1000
"""Characters of a password, at most."""

FIRST = "administrator"
"""Name of the user that the first start makes."""

log = structlog.get_logger()


@dataclass(frozen=True)
class NewUser:
    """A person to be made. ``customer`` is the company that a person of role customer belongs to, and nobody else."""

    name: str
    title: str
    role: Role
    customer: str | None
    password: str


def select_users() -> Select[*tuple[Any, ...]]:
    """One row for each user, by name: with ``password`` and ``pin`` only whether there is one."""
    return (
        select(
            User.name, User.title, User.role, Customer.name.label("customer"),
            User.password_hash.is_not(None).label("password"), User.pin_hash.is_not(None).label("pin"), User.from_text,
        )
        .outerjoin(Customer, Customer.id == User.belongs_to_id)
        .order_by(User.name)
    )  # fmt: skip


def create_user(session: Session, new: NewUser, by: str) -> None:
    """Let a person sign in.

    Raises `Malformed` (a password that is too short, a customer where the role has none or none where it has one),
    `NotFound` (no such customer) and `Refused` (there is a user of that name).
    """
    belongs_to = _belongs_to(session, new.role, new.customer)
    hashed_password = _hashed(new.password)
    if session.scalar(select(User.id).where(User.name == new.name)):
        raise Refused(f"There is already a user {new.name}; choose another name.")
    session.add(
        User(
            name=new.name, title=new.title or new.name, role=new.role, belongs_to_id=belongs_to,
            password_hash=hashed_password,
        )
    )  # fmt: skip
    session.flush()
    log.info("user_created", user=new.name, role=new.role.value, customer=new.customer, by=by)


def first_administrator(session: Session) -> str | None:
    """Make the first user, an administrator, where there is none at all; the password, which is never shown again.

    Of servers that start at the same moment one makes it.
    """
    password = secrets.token_urlsafe(12)
    if session.scalar(select(User.id).limit(1)):
        return None
    first = {"name": FIRST, "title": "Administrator", "role": Role.ADMINISTRATOR, "password_hash": _hashed(password)}
    made = insert(User).values(from_text=False, **first).on_conflict_do_nothing().returning(User.id)
    if session.scalar(made) is None:
        return None
    log.info("user_created", user=FIRST, role=Role.ADMINISTRATOR.value, customer=None, by="the first start")
    return password


def give_password(session: Session, name: str, password: str, by: str, kept: str = "") -> None:
    """Give a user a new password and end all sign-ins but that of the token ``kept``.

    Raises `NotFound`, and `Malformed` where it is too short.
    """
    user = _user(session, name)
    user.password_hash = _hashed(password)
    _end_sign_ins(session, user, kept)
    log.info("password_given", user=name, by=by)


def give_role(session: Session, name: str, role: Role, customer: str | None, by: str) -> None:
    """Let a user be something else on the line, from the next request on; keys give what the role still has.

    Raises `NotFound`, `Malformed` as `create_user` does, and `Refused` where nobody else is administrator.
    """
    user = _user(session, name)
    belongs_to = _belongs_to(session, role, customer)
    if role is not Role.ADMINISTRATOR:
        _refuse_without_administrator(session, user)
    before = user.role
    user.role, user.belongs_to_id = role.value, belongs_to
    log.info("role_given", user=name, before=before, role=role.value, customer=customer, by=by)


def end_access(session: Session, name: str, by: str) -> None:
    """Let a user sign in no more: password, PIN, sign-ins and keys end now. What the user did stays in history.

    A new password lets the user in again. Raises `NotFound`, and `Refused` where nobody else is administrator.
    """
    user = _user(session, name)
    _refuse_without_administrator(session, user)
    user.password_hash = user.pin_hash = None
    _end_sign_ins(session, user, "")
    keys = session.scalars(delete(ApiKey).where(ApiKey.user_id == user.id).returning(ApiKey.name)).all()
    log.info("access_ended", user=name, keys=sorted(keys), by=by)


def choose(session: Session, name: str, language: str | None, time_zone: str | None, languages: Sequence[str]) -> None:
    """Set in which language and time zone a user reads pages; None for the browser's, and for the plant's.

    Raises `NotFound`, and `Malformed` for a language that is none of ``languages`` or a zone that IANA does not know.
    """
    user = _user(session, name)
    if language is not None and language not in languages:
        raise Malformed(f"There is no language {language}; choose one of {', '.join(languages)}.")
    if time_zone is not None and time_zone not in available_timezones():
        raise Malformed(f"There is no time zone {time_zone}; give a name of IANA, such as Asia/Seoul.")
    user.language, user.time_zone = language, time_zone


def give_pin(session: Session, name: str, pin: str) -> None:
    """Let a user sign with these digits, too; with none, with the password alone.

    Raises `NotFound`, and `Malformed` where it is no PIN or one that is tried first.
    """
    user = _user(session, name)
    if pin and not is_pin(pin):
        raise Malformed("A PIN is 6 to 12 digits.")
    if pin and _is_guessed_first(pin):
        raise Malformed("Digits that are all the same or count up or down are tried first; choose other ones.")
    user.pin_hash = hash_password(pin) if pin else None
    log.info("pin_given" if pin else "pin_removed", user=name, by=name)


def _is_guessed_first(pin: str) -> bool:
    """Whether all its steps are the same: 777777, 123456, 987654, and 890123 beyond the nine."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return len(steps) == 1 and steps <= {0, 1, 9}


def _user(session: Session, name: str) -> User:
    user = session.scalars(select(User).where(User.name == name)).one_or_none()
    if user is None:
        raise NotFound(f"There is no user {name}.")
    return user


def _hashed(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        limit = f"at least {SHORTEST}" if len(password) < SHORTEST else f"at most {LONGEST}"
        raise Malformed(f"The password has {len(password)} characters; it needs {limit}.")
    return hash_password(password)


def _belongs_to(session: Session, role: Role, customer: str | None) -> int | None:
    if (role is Role.CUSTOMER) != (customer is not None):
        raise Malformed("A user of role customer belongs to a customer, and no other user does.")
    if customer is None:
        return None
    found = session.scalar(select(Customer.id).where(Customer.name == customer))
    if found is None:
        raise NotFound(f"There is no customer {customer}.")
    return found


def _refuse_without_administrator(session: Session, user: User) -> None:
    """Raise `Refused` where nobody but this user could run the system."""
    others = select(func.count()).where(
        User.role == Role.ADMINISTRATOR, User.password_hash.is_not(None), User.id != user.id
    )
    if user.role == Role.ADMINISTRATOR and not session.scalar(others):
        raise Refused(f"{user.name} is the only administrator who can sign in; let another one be it first.")


def _end_sign_ins(session: Session, user: User, kept: str) -> None:
    session.execute(delete(SignIn).where(SignIn.user_id == user.id, SignIn.token_sha256 != hashed(kept)))
