"""Make an application an edge of a database, and run it."""

from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mes.db import Database
from mes.errors import MesError
from mes.http.charset import OneCharset
from mes.http.command import Answered, replayed
from mes.http.guard import Guard, Heads, Known
from mes.http.heads import BoundedHeads
from mes.http.metrics import Metrics
from mes.http.problem import Page, teller
from mes.http.requests import Requests
from mes.http.transaction import REQUESTS_AT_ONCE


def install(app: FastAPI, database: Database, page: Page, known: Known) -> None:
    """Make ``app`` an edge of ``database``: requests named and logged, errors told once, bodies bounded.

    ``known`` says whether it is known who asks; strangers send small bodies only.
    """
    if database.pool_size <= REQUESTS_AT_ONCE:
        raise ValueError(f"The pool needs more than {REQUESTS_AT_ONCE} connections, it has {database.pool_size}.")
    app.state.database = database
    app.state.before_stop = []
    tell = teller(page)
    for kind in (MesError, RequestValidationError, PoolTimeout, *range(400, 500)):
        app.add_exception_handler(kind, tell)
    app.add_exception_handler(Answered, replayed)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(OneCharset)
    app.add_middleware(Guard, tell=tell, known=known)
    app.add_middleware(Heads)
    app.state.metrics = Metrics(app, database)
    app.add_middleware(Requests, metrics=app.state.metrics)


class Server(uvicorn.Server):
    """The web server. On a signal it ends the event streams first: they would hold up the stop until its timeout."""

    def __init__(self, app: FastAPI, host: str, port: int, **options: Any) -> None:
        ours: dict[str, Any] = {"timeout_graceful_shutdown": 10, "server_header": False, "access_log": False}
        ours["http"] = BoundedHeads
        super().__init__(uvicorn.Config(app, host, port, **ours, **options))
        self._before_stop: list[Callable[[], None]] = app.state.before_stop

    async def shutdown(self, sockets: Any = None) -> None:
        """End the streams, then wait for the requests that run."""
        for end in self._before_stop:
            end()
        await super().shutdown(sockets)
