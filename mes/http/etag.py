"""Versions of what people edit: told with each answer, and given back by who decides on what was seen."""

import re
from typing import Annotated

from fastapi import Header, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import Lockable, expect
from mes.errors import Malformed

_ETAG = re.compile(r'"([1-9][0-9]{0,9})"')

IfMatch = Annotated[
    str | None,
    Header(max_length=20, description="`ETag` of what was looked at: 412 where it has changed since."),
]


def tell_row(session: Session, response: Response, model: type[Lockable], row_id: int) -> None:
    """Tell the version of a row as `ETag`, as it is in this transaction."""
    session.flush()
    tell(response, session.scalars(select(model.row_version).where(model.id == row_id)).one())


def tell(response: Response, version: int) -> None:
    """Tell a version as `ETag`."""
    response.headers["ETag"] = f'"{version}"'


def asked(session: Session, model: type[Lockable], row_id: int, if_match: str | None) -> None:
    """Let the command be refused as `Stale` where the row is not as the caller saw it. Raises `Malformed`: no ETag."""
    if if_match is None or if_match == "*":
        return
    found = _ETAG.fullmatch(if_match)
    if found is None:
        raise Malformed("If-Match is no ETag of ours; give one as it came, with its quotes.")
    expect(session, model, row_id, int(found[1]))
