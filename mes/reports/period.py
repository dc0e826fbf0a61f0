"""Periods by their name: a link that asks for last week stays true in the next one."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    """Whole days of the plant's time zone. A week begins on Monday."""

    TODAY = "today"
    """This plant day."""
    LAST_7_DAYS = "last_7_days"
    """Today and the six days before it."""
    LAST_WEEK = "last_week"
    """The week that has ended."""
    THIS_MONTH = "this_month"
    """The month of today, from its first day to its last."""
    LAST_MONTH = "last_month"
    """The month before that."""


def span(period: Period, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin of the period, inside it, and its end, outside it, as seen at ``now``; midnights in ``zone``."""
    first, after = _days(period, now.astimezone(zone).date())
    return datetime.combine(first, time(), zone), datetime.combine(after, time(), zone)


def _days(period: Period, today: date) -> tuple[date, date]:
    monday, month = today - timedelta(days=today.weekday()), today.replace(day=1)
    match period:
        case Period.TODAY:
            return today, today + timedelta(days=1)
        case Period.LAST_7_DAYS:
            return today - timedelta(days=6), today + timedelta(days=1)
        case Period.LAST_WEEK:
            return monday - timedelta(days=7), monday
        case Period.THIS_MONTH:
            return month, (month + timedelta(days=31)).replace(day=1)
        case Period.LAST_MONTH:
            return (month - timedelta(days=1)).replace(day=1), month
