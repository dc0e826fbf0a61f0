"""Lists in pages. A cursor holds the place of the last row in the list's order, so that nothing is skipped or repeated
by what comes and goes in between."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar, cast

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, literal, tuple_
from sqlalchemy.orm import Session

from mes.errors import Malformed

Item = TypeVar("Item")
Order = Sequence[SQLColumnExpression[Any]]
"""Columns that together are unique and never null."""

MOST = 500
"""Rows of a page."""
LONGEST = 1000
"""Characters of a cursor."""


class Page(BaseModel, Generic[Item]):
    """Some rows of a list."""

    items: list[Item]
    next: str | None = Field(description="Give it as `after` to get what follows; null at the end of the list.")


@dataclass(frozen=True)
class Paging:
    """Which part of a list is asked for."""

    limit: int
    after: str | None


def _paging(
    limit: Annotated[int, Query(ge=1, le=MOST, description="Rows of the page.")] = 100,
    after: Annotated[str | None, Query(max_length=LONGEST, description="`next` of the page before.")] = None,
) -> Paging:
    return Paging(limit, after)


Asked = Annotated[Paging, Depends(_paging)]


def paged(
    session: Session, query: Select[Any], order: Order, asked: Paging, *, newest_first: bool = False
) -> dict[str, Any]:
    """The rows of ``query`` in ``order``, or against it, after the cursor, as `Page` has them.

    Raises `Malformed`: no such cursor.
    """
    keys: list[ColumnElement[Any]] = [key.label(f"key_{n}") for n, key in enumerate(order)]
    query = query.add_columns(*keys).limit(asked.limit + 1)
    query = query.order_by(*(key.desc() if newest_first else key for key in order))
    if asked.after is not None:
        here, place = tuple_(*order), tuple_(*_place(asked.after, order))
        query = query.where(here < place if newest_first else here > place)
    rows = [dict(row) for row in session.execute(query).mappings()]
    places = [[row.pop(key.name) for key in keys] for row in rows]
    more = len(rows) > asked.limit
    return {"items": rows[: asked.limit], "next": _cursor(places[asked.limit - 1]) if more else None}


def _cursor(place: list[Any]) -> str:
    text = json.dumps([key.isoformat() if isinstance(key, datetime) else key for key in place])
    return urlsafe_b64encode(text.encode()).decode()


def _place(cursor: str, order: Order) -> list[ColumnElement[Any]]:
    try:
        if len(cursor) > LONGEST:
            raise ValueError("longer than any cursor")
        place = json.loads(urlsafe_b64decode(cursor.encode()))
        return [_key(text, key) for text, key in zip(place, order, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed("`after` is no cursor of this list; give `next` of the page before, as it was.") from error


def _key(text: Any, key: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    column = cast(ColumnElement[Any], key)  # mapped attributes are columns, but do not say so
    kind = column.type.python_type
    value: Any = datetime.fromisoformat(text) if kind is datetime else text
    if type(value) is not kind or (kind is int and not -(2**63) <= value < 2**63):
        raise ValueError(f"{text} is no {kind}")
    return literal(value, column.type)
