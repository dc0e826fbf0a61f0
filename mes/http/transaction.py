"""One transaction per request: read only where the method changes nothing, committed before the answer leaves."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from mes.db import Database, Session

REQUESTS_AT_ONCE = 10
"""Requests that hold a connection; the others wait without a thread. The pool keeps two more for the live pages."""

SAFE = {"GET", "HEAD", "OPTIONS"}
"""Methods that change nothing: their transaction is read only."""


def _transaction(request: Request) -> Iterator[Session]:
    database: Database = request.app.state.database
    with database.reading() if request.method in SAFE else database.transaction() as session:
        yield session


# One object for all routes, so that all share the bound; scope "function", so that it commits before the answer.
Tx = Annotated[Session, Depends(_transaction, scope="function", max_concurrency=REQUESTS_AT_ONCE)]
