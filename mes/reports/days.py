"""The days on which a report has rows: what to say, and what to offer, where the period asked for has none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from mes.reports.catalog import PERIOD, Report
from mes.reports.period import Period, span

OTHERWISE = {"from", "to", "period", "by"}
"""Parameters that are asked otherwise here; all others stay as they were asked for."""


def days(
    report: Report, asked: Mapping[str, Any], rows: Callable[[dict[str, Any]], Iterable[Mapping[str, Any]]]
) -> list[date]:
    """The plant days with rows of what was asked for, in whichever period, first to last; none if it takes no period.

    ``rows`` answers the report for parameters, by names of columns.
    """
    if PERIOD not in report.parameters:
        return []
    given = {name: value for name, value in asked.items() if name not in OTHERWISE}
    column = "day"
    if any(parameter.name == "by" for parameter in report.parameters):
        given["by"], column = "day", "by"
    return sorted({date.fromisoformat(str(row[column])) for row in rows(given) if row[column]})


def periods_of(held: Sequence[date], now: datetime, zone: ZoneInfo) -> list[Period]:
    """The periods, as seen at plant time ``now``, into which one of the days falls."""
    spans = {period: [at.date() for at in span(period, now, zone)] for period in Period}
    return [period for period, (first, after) in spans.items() if any(first <= day < after for day in held)]
