"""Periods by their name, in the plant's time zone and on the plant's clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mes.db import Database
from mes.definitions.clock import set_plant_clock
from mes.errors import Malformed
from mes.reports.period import Period, span
from mes.reports.run import run
from tests.reports.line import Line, utc

SEOUL, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        (Period.TODAY, "2026-11-09", "2026-11-10"),
        (Period.LAST_7_DAYS, "2026-11-03", "2026-11-10"),
        (Period.LAST_WEEK, "2026-11-02", "2026-11-09"),
        (Period.THIS_MONTH, "2026-11-01", "2026-12-01"),
        (Period.LAST_MONTH, "2026-10-01", "2026-11-01"),
    ],
)
def test_periods_are_whole_days_of_the_plant(period: Period, first: str, after: str) -> None:
    """Monday half past midnight in Seoul, when it is still Sunday in Greenwich."""
    begin, end = span(period, datetime(2026, 11, 8, 15, 30, tzinfo=UTC), SEOUL)
    assert (begin.isoformat(), end.isoformat()) == (f"{first}T00:00:00+09:00", f"{after}T00:00:00+09:00")


def test_sunday_belongs_to_the_week_that_began_before_it() -> None:
    begin, _ = span(Period.LAST_WEEK, datetime(2026, 11, 8, 12, tzinfo=UTC), SEOUL)
    assert begin.date().isoformat() == "2026-10-26"


def test_a_week_with_a_change_of_clocks_begins_and_ends_at_midnight() -> None:
    begin, end = span(Period.LAST_WEEK, datetime(2026, 10, 28, 12, tzinfo=UTC), BERLIN)
    assert (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() == (7 * 24 + 1) * 3600


def test_months_at_the_turn_of_the_year() -> None:
    begin, end = span(Period.LAST_MONTH, datetime(2027, 1, 31, 12, tzinfo=UTC), SEOUL)
    assert (begin.date().isoformat(), end.date().isoformat()) == ("2026-12-01", "2027-01-01")
    assert span(Period.THIS_MONTH, begin, SEOUL) == (begin, end)


def test_report_of_a_named_period_is_that_of_its_days(database: Database, line: Line) -> None:
    with database.transaction() as session:
        set_plant_clock(session, utc("09T20:00"), 0)
    with database.reading() as session:
        named = run(session, "yield", {"period": "last_week"})
        days = run(session, "yield", {"from": "2026-11-02", "to": "2026-11-09"})
    assert named.rows == days.rows != []
    assert named.parameters == {**days.parameters, "period": "last_week"}


def test_link_to_last_week_stays_true(database: Database, line: Line) -> None:
    asked = {"period": "last_week"}
    counted = []
    for day in ("09T20:00", "16T20:00"):
        with database.transaction() as session:
            set_plant_clock(session, utc(day), 0)
        with database.reading() as session:
            counted.append(len(run(session, "yield", asked).rows))
    assert counted == [3, 0]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"period": "last_week", "from": "2026-11-01"}, "by its name or by from and to, not by both"),
        ({"period": "last_week", "to": "2026-11-01"}, "by its name or by from and to, not by both"),
        ({"period": "ever"}, "period is ever; it must be one of today, last_7_days, last_week"),
    ],
)
def test_period_that_contradicts_itself_is_refused(database: Database, given: dict[str, str], sentence: str) -> None:
    with database.reading() as session, pytest.raises(Malformed, match=sentence):
        run(session, "yield", given)
