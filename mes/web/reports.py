"""Reports as pages, and as files for machines: every report of the catalog by the same two routes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mes.errors import NotFound
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.reports.catalog import OPERATION, REPORTS, Column, Kind
from mes.reports.days import days, periods_of
from mes.reports.export import cell
from mes.reports.formats import FORMATS
from mes.reports.period import Period
from mes.reports.run import Table, run
from mes.web.forms import onwards
from mes.web.pages import page

router = APIRouter(prefix="/reports")
VIEWER = require(Permission.SEE_REPORTS)

FIRST = "/reports/yield"
ROUTE = "route"
"""Asks for one route; every report that has the column takes it."""


@router.get("")
def begin(_: Annotated[Person, VIEWER]) -> Response:
    """To the report that the navigation opens; every other stands above it."""
    return onwards(FIRST)


@router.get("/{name}.{extension}", dependencies=[VIEWER])
def file(name: str, extension: str, request: Request, session: Tx) -> Response:
    """A report as a file, in every format of the table of formats. Raises `NotFound` for another."""
    format = FORMATS.get(extension)  # noqa: A001
    if format is None:
        raise NotFound(f"Reports are given as {', '.join(FORMATS)}, not as {extension}.")
    table, _ = _answer(session, name, request.query_params)
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{extension}"'}
    return Response(format.write(table), media_type=format.media_type, headers=disposition)


@router.get("/{name}")
def show(name: str, request: Request, session: Tx, viewer: Annotated[Person, VIEWER]) -> Response:
    """A report as a page: what it asks, with what, a chart where it has one, the table, and what each column means."""
    asked = dict(request.query_params)
    table, routes = _answer(session, name, asked)
    held = days(table.report, asked, lambda given: _answer(session, name, given)[0].records()) if not table.rows else []
    return page(
        request,
        "report.html",
        FIRST,
        viewer,
        reports=REPORTS.values(),
        report=table.report,
        fields=[p for p in table.report.parameters if p.kind is Kind.CHOICE or p.name in {"from", "to"}],
        asked=asked,
        periods=_periods(name, asked) if "period" in table.parameters else [],
        held=held,
        offered=_offered(table, asked, held),
        everything=_address(name, _kept(asked)),
        begin=_local(table, "from"),
        end=_local(table, "to"),
        run_at=_told(table.at),
        zone=str(table.at.tzinfo),
        query=request.url.query,
        formats=FORMATS.values(),
        routes=routes,
        cell=cell,
        columns=_shown(table),
        rows=table.records(),
        points=yield_points(table) if name == "yield" else [],
        titles={column.name: column.title for column in table.columns},
    )


@dataclass(frozen=True)
class Choice:
    """A period that one click asks for; all else that was asked for stays."""

    name: str
    address: str
    is_shown: bool


def _periods(name: str, asked: Mapping[str, str]) -> list[Choice]:
    kept = _kept(asked)
    return [
        Choice(period, _address(name, {**kept, "period": period}), asked.get("period") == period) for period in Period
    ]


def _kept(asked: Mapping[str, str]) -> dict[str, str]:
    """What was asked for but the period."""
    return {key: value for key, value in asked.items() if key not in ("from", "to", "period") and value}


def _address(name: str, asked: Mapping[str, str]) -> str:
    return f"/reports/{name}?{urlencode(asked)}"


def _offered(table: Table, asked: Mapping[str, str], held: Sequence[date]) -> list[Choice]:
    """The periods in which there are rows for the rest of what was asked."""
    if not held:
        return []
    names = periods_of(held, table.at, ZoneInfo(str(table.at.tzinfo)))
    return [choice for choice in _periods(table.report.name, asked) if choice.name in names]


def _local(table: Table, parameter: str) -> str:
    """A limit of the period as a plant time; empty where it is open."""
    limit = table.parameters.get(parameter)
    return "" if limit is None else _told(limit.astimezone(table.at.tzinfo))


def _told(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def _answer(session: Tx, name: str, asked: Mapping[str, str]) -> tuple[Table, list[str]]:
    """The report for what was asked, and the routes that there are without asking for one."""
    given = {key: value for key, value in asked.items() if key != ROUTE}
    table = run(session, name, given)
    names = [column.name for column in table.columns]
    if ROUTE not in names:
        return table, []
    at = names.index(ROUTE)
    routes = list(dict.fromkeys(str(row[at]) for row in table.rows))
    wanted = asked.get(ROUTE)
    if not wanted:
        return table, routes
    of_route = [row for row in table.rows if row[at] == wanted]
    return replace(table, rows=of_route, parameters={**table.parameters, ROUTE: wanted}), routes


@dataclass(frozen=True)
class Point:
    """Yields of one operation or one day, from the counts of all rows that belong to it; None without input."""

    label: str
    title: str
    first_pass: float | None
    operation_yield: float | None


def yield_points(table: Table) -> list[Point]:
    """What the chart of the yield report shows: a point for each day if the report is by day, else each operation.

    Days in order; operations by route and number, however the rows are sorted.
    """
    by_day = table.parameters.get("by") == "day"
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in table.records():
        groups.setdefault(str(row["by"] if by_day else row["operation"]), []).append(row)
    points = [
        Point(
            label,
            "" if by_day else str(rows[0]["title"]),
            _share(_sum(rows, "first_good"), _sum(rows, "first_in")),
            _share(_sum(rows, "good"), _sum(rows, "in")),
        )
        for label, rows in groups.items()
    ]
    return sorted(points, key=lambda p: (p.label.rpartition("/")[0], len(p.label), p.label))


def _shown(table: Table) -> list[Column]:
    """The columns that hold anything; not the route where every row names an operation, which names it too."""
    told = all(row.get(OPERATION.name) for row in table.records())
    return [column for column in table.filled if not (told and column.name == ROUTE)]


def _sum(rows: Iterable[dict[str, Any]], name: str) -> int:
    return sum(row[name] or 0 for row in rows)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
