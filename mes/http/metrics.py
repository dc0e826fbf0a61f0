"""Figures of one application: what it answered and how fast, its open streams, its connections to the database.

Each application has figures of its own, so that several in one process stay apart. Addresses are counted by the
template of their route, never as they were asked: they would be without number, and some are names of customers.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from sqlalchemy import QueuePool

from mes.db import Database

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
NOWHERE = "none"
"""The route of what was asked for and is not there."""
LABELS = ("method", "route", "status")


class Metrics:
    """The figures; ``registry`` gives them to whoever reads them."""

    def __init__(self, app: FastAPI, database: Database) -> None:
        self._app = app
        self._paths: dict[int, str] = {}
        own: dict[str, Any] = {"registry": CollectorRegistry()}
        self.registry: CollectorRegistry = own["registry"]
        self._answered = Counter("mes_http_requests", "Requests that were answered.", LABELS, **own)
        self._seconds = Histogram(
            "mes_http_request_seconds", "Time until the last byte of an answer; without event streams.", LABELS,
            buckets=BUCKETS_S, **own,
        )  # fmt: skip
        self._running = Gauge("mes_http_requests_running", "Requests that are being answered, streams included.", **own)
        self._streams = Gauge("mes_event_streams_open", "Event streams that somebody reads.", **own)
        pool = cast(QueuePool, database.engine.pool)
        used = Gauge("mes_database_connections_in_use", "Connections to the database that requests hold.", **own)
        used.set_function(pool.checkedout)
        Gauge("mes_database_connections_most", "Connections that there can be at once.", **own).set(database.pool_size)
        ProcessCollector(**own)

    def running(self) -> AbstractContextManager[object]:
        """Count a request as running while the block lasts."""
        running: Callable[[], AbstractContextManager[object]] = self._running.track_inprogress
        return running()

    def stream_opened(self) -> None:
        """Count a stream as open."""
        self._streams.inc()

    def answered(self, scope: Any, status: int | None, seconds: float, *, stream: bool) -> None:
        """Count a request; ``status`` is None where nobody waited for the answer any more."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        labels = (method, self._route(scope), NOWHERE if status is None else f"{status // 100}xx")
        self._answered.labels(*labels).inc()
        if stream:
            self._streams.dec()
        else:
            self._seconds.labels(*labels).observe(seconds)

    def _route(self, scope: Any) -> str:
        """The template of the route that answered, or the folder of files."""
        route = scope.get("route")
        if route is None:
            return scope.get("root_path") or NOWHERE
        if id(route) not in self._paths:
            routes = iter_route_contexts(self._app.routes)
            self._paths = {id(context.original_route): str(context.path) for context in routes}
        return self._paths.get(id(route), NOWHERE)
