"""Figures for a monitoring system, in the text format of Prometheus; the page of reference says what each is for."""

from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from sqlalchemy import text

from mes.db import Session
from mes.definitions.clock import plant_now
from mes.events.outbox import Cursor, head
from mes.http.metrics import Metrics
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission

router = APIRouter()

QUERY = text(Path(__file__).with_suffix(".sql").read_text())

FIGURES = {
    "mes_feed_lag_rows": ("Events that this server's pages and streams have not been told yet.", ""),
    "mes_feed_lag_seconds": ("Age of the oldest of them.", ""),
    "mes_records_unapplied": ("Records of equipment that are stored and have not taken effect.", ""),
    "mes_records_unapplied_oldest_seconds": ("Since when the first of them has been stored.", ""),
    "mes_records_rejected": ("Rejected records that were not let be tried again.", ""),
    "mes_orders_unsent": ("Orders that their equipment has not accepted yet.", ""),
    "mes_runs_in_doubt": ("Runs of which nobody knows what was done.", ""),
    "mes_connector_silent_seconds": ("Since when a connector has not been seen at work.", "connector"),
    "mes_equipment_connected": ("Equipment that answers, by E10 state.", "state"),
    "mes_equipment_disconnected": ("Equipment that does not answer, by the E10 state that it was in.", "state"),
    "mes_alarms": ("Standing alarms of equipment.", ""),
    "mes_lots": ("Lots on the line, by state.", "state"),
    "mes_holds": ("Standing holds of lots.", ""),
    "mes_hold_oldest_seconds": ("Plant time since the oldest of them was set.", ""),
    "mes_sign_in_failures": ("Failed sign-ins that have counted within the last hour.", ""),
}
"""What the query tells: each figure with its meaning, and what it is of."""


class _Scrape:
    """The figures of the database at one moment, as the library writes them."""

    def __init__(self, session: Session, place: Cursor) -> None:
        self._families = {name: _family(name) for name in FIGURES}
        asked = {"xid": str(place.xid), "n": place.n, "now": plant_now(session)}
        for figure, of_what, number in session.execute(QUERY, asked):
            self._families[figure].add_metric([of_what] if FIGURES[figure][1] else [], float(number))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every figure."""
        yield from self._families.values()


def _family(name: str) -> GaugeMetricFamily:
    meaning, of_what = FIGURES[name]
    return GaugeMetricFamily(name, meaning, labels=[of_what] if of_what else [])


@router.get("/metrics", dependencies=[require(Permission.SEE_METRICS)])
def metrics(request: Request, session: Tx) -> Response:
    """All figures of this server and of the database, with the staff's eyes."""
    figures: Metrics = request.app.state.metrics
    scrape = _Scrape(session, request.app.state.feed.cursor or head(session))
    return Response(generate_latest(figures.registry) + generate_latest(scrape), media_type=CONTENT_TYPE_LATEST)
