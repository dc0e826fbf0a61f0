"""Statements that are made once and asked with lists of ids."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Executable, bindparam
from sqlalchemy.orm import Session

IDS: BindParameter[Any] = bindparam("ids", expanding=True)
"""Where a statement takes the ids."""


def ask(session: Session, query: Executable, ids: Iterable[int], **more: Any) -> Sequence[Any]:
    """The rows for these ids.

    Asked on the connection: a trace wants no objects, and to look for some takes longer than many a statement.
    """
    return session.connection().execute(query, {"ids": sorted(set(ids)), **more}).all()
