"""Run a report: its SQL, with checked parameters, on the lots that the caller's own scope shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mes.definitions.clock import plant_now
from mes.definitions.models import Site
from mes.errors import Malformed, NotAllowed, NotFound
from mes.lots.own_lots import own_lots
from mes.reports.catalog import REPORTS, Column, Kind, Parameter, Report
from mes.reports.period import Period, span

HERE = Path(__file__).parent
NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True)
class Table:
    """What a report answered: the parameters it ran with, its columns, and rows of plain values in their order.

    ``at``: when it was run, plant time in the time zone in which its days begin.
    """

    report: Report
    parameters: dict[str, Any]
    rows: list[tuple[Any, ...]]
    at: datetime

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in the order of the values of a row."""
        return self.report.columns

    @property
    def filled(self) -> list[Column]:
        """The columns that hold anything, which is what people are shown; all where there are no rows."""
        held = {i for row in self.rows for i, value in enumerate(row) if value is not None}
        return [column for i, column in enumerate(self.columns) if i in held or not self.rows]

    def records(self) -> list[dict[str, Any]]:
        """The rows with the names of their columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def run(session: Session, name: str, given: Mapping[str, object] = NOTHING) -> Table:
    """Answer report ``name``. ``given`` holds parameters as text or times; those missing or empty take their default.

    Counts the lots that the transaction's scope shows. Raises `NotFound` (no such report), `Malformed` (a parameter
    that the report does not have, or a value it cannot take), `NotAllowed` (a customer asks for equipment).
    """
    report = REPORTS.get(name)
    if report is None:
        raise NotFound(f"There is no report {name}; there are {', '.join(REPORTS)}.")
    with own_lots(session) as lots:
        zone, now = _zone(session, given.get("time_zone")), plant_now(session)
        parameters = checked(report, given, zone, now)
        if lots is not None and parameters.get("by") == "equipment":
            raise NotAllowed("Which equipment worked on a lot is the centre's; ask for it by lot, product or day.")
        answer = session.execute(text(sql(f"{report.name}.sql")), {**parameters, "lots": lots})
    return Table(report, parameters, [tuple(plain(value) for value in row) for row in answer], now.astimezone(zone))


def sql(file: str) -> str:
    """The text of a ``.sql`` file of this folder."""
    return (HERE / file).read_text()


def checked(report: Report, given: Mapping[str, object], zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Every parameter of the report with the value it takes at plant time ``now``. Raises `Malformed`."""
    stray = sorted(set(given) - {parameter.name for parameter in report.parameters})
    if stray:
        known = ", ".join(parameter.name for parameter in report.parameters)
        raise Malformed(f"Report {report.name} has no parameter {stray[0]}; it has {known}.")
    values: dict[str, Any] = {p.name: _value(p, given.get(p.name) or p.default, zone) for p in report.parameters}
    if "time_zone" in values:
        values["time_zone"] = zone.key
    if "at" in values and values["at"] is None:
        values["at"] = now
    if values.get("period"):
        if values["from"] or values["to"]:
            raise Malformed("A period is asked for by its name or by from and to, not by both.")
        values["from"], values["to"] = (at.astimezone(UTC) for at in span(Period(values["period"]), now, zone))
    begin, end = values.get("from"), values.get("to")
    if isinstance(begin, datetime) and isinstance(end, datetime) and begin > end:
        raise Malformed("The period ends before it begins; from must not be after to.")
    return values


def _value(parameter: Parameter, value: object, zone: ZoneInfo) -> object:
    if value is None:
        return None
    if parameter.kind is Kind.INSTANT:
        return instant(value, zone, parameter.name)
    if parameter.choices and value not in parameter.choices:
        raise Malformed(f"{parameter.name} is {value}; it must be one of {', '.join(parameter.choices)}.")
    return value


def instant(value: object, zone: ZoneInfo, name: str) -> datetime:
    """A point in time, UTC, from a day, a time or the text of one. Raises `Malformed`, naming the parameter."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime.combine(found, time(), zone)
    if not isinstance(found, datetime):
        raise Malformed(f"{name} is {value}; it must be a day or a time such as 2026-11-22 or 2026-11-22T08:00+09:00.")
    try:
        instant = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        instant.astimezone(zone)  # as it is shown
    except OverflowError:
        raise Malformed(f"{name} is {value}; no calendar has that time in UTC and in {zone.key}.") from None
    return instant


def _zone(session: Session, wanted: object) -> ZoneInfo:
    """The time zone asked for, or else that of the plant's sites."""
    if wanted:
        if str(wanted) not in available_timezones():
            raise Malformed(f"time_zone is {wanted}; it must be an IANA name such as Asia/Seoul.")
        return ZoneInfo(str(wanted))
    zones = sorted(set(session.scalars(select(Site.time_zone))))
    if len(zones) > 1:
        raise Malformed(f"The sites lie in {', '.join(zones)}; say in which time_zone days begin.")
    return ZoneInfo(zones[0] if zones else "UTC")


def plain(value: Any) -> Any:
    """A value of the database as one that JSON and CSV know: whole counts as int, shares as float, days as text."""
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return value.isoformat() if isinstance(value, date | datetime) else value
