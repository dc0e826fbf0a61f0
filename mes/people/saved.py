"""What people keep for themselves: filters of lists and reports, by a name of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.db import STAFF, seeing_as
from mes.errors import Malformed, Refused
from mes.people.models import SavedFilter, User
from mes.people.sign_in import Person

MOST = 50
"""Filters that one person may keep."""
_ONE_AT_A_TIME = 0x5AFE
"""Keeps these advisory locks, of one person each, apart from others."""


def saved_filters(session: Session, person: Person, page: str) -> Sequence[SavedFilter]:
    """The person's own filters of the page at this path, by name."""
    with _own(session, person) as user_id:
        mine = select(SavedFilter).where(SavedFilter.user_id == user_id)
        of_page = func.split_part(SavedFilter.address, "?", 1) == page
        return session.scalars(mine.where(of_page).order_by(SavedFilter.name)).all()


def save_filter(session: Session, person: Person, name: str, address: str) -> None:
    """Keep a path of ours with its query under a name; what had that name is replaced.

    Raises `Malformed` (no name) and `Refused` (too many).
    """
    name = name.strip()
    if not name:
        raise Malformed("A filter is kept under a name; give it one.")
    with _own(session, person) as user_id:
        session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME, user_id)))  # else two count the same
        others = (SavedFilter.user_id == user_id, SavedFilter.name != name)
        if session.scalars(select(func.count()).select_from(SavedFilter).where(*others)).one() >= MOST:
            raise Refused(f"You keep {MOST} filters already; remove one first.")
        kept = insert(SavedFilter).values(user_id=user_id, name=name, address=address)
        session.execute(kept.on_conflict_do_update(constraint=_ONCE, set_={"address": address}))


def forget_filter(session: Session, person: Person, name: str) -> None:
    """Remove one of the person's own filters; one that is not there is removed already."""
    with _own(session, person) as user_id:
        session.execute(delete(SavedFilter).where(SavedFilter.user_id == user_id, SavedFilter.name == name))


_ONCE = "uq_saved_filter_user_id_name"


@contextmanager
def _own(session: Session, person: Person) -> Iterator[int]:
    """The id of the person, with the staff's eyes: a customer's role reads no table of people.

    Safe, because every statement in the block is limited to that id.
    """
    with seeing_as(session, STAFF):
        yield session.scalars(select(User.id).where(User.name == person.name)).one()
