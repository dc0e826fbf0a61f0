"""Whose lots may be shown: the one place where a customer's transaction is given the eyes of the centre."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import CUSTOMER_ROLE, STAFF, eyes, seeing_as
from mes.lots.models import Lot


@contextmanager
def own_lots(session: Session) -> Iterator[list[int] | None]:
    """Read with the staff's eyes, of these lots alone: the ids of a customer's own; None for the staff, who see all.

    Names of products and operations, runs and the plant clock are the centre's, and a customer's role reads none of
    them. Safe, because row-level security finds the ids before the eyes change, nothing can be written in between (a
    page's transaction is read only), the customer's eyes come back after the block and after any error in it, and every
    statement inside must be limited to the ids: a test changes all that others have and finds each report and page of a
    customer as it was.
    """
    if eyes(session).role != CUSTOMER_ROLE:
        yield None
        return
    lots = list(session.scalars(select(Lot.id)))
    with seeing_as(session, STAFF):
        yield lots
