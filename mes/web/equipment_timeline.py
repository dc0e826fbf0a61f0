"""The E10 states of an equipment over a period: bars of a picture, and the hours and shares that stand beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from mes.equipment.looks import states_between
from mes.equipment.states import EquipmentState

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}
"""By their names in the address; the first is shown where none is asked for."""
THIN = 0.1
"""Per cent of the period: a narrower bar is drawn as wide, and a narrower gap between two bars is not drawn."""
STEPS = {"24h": timedelta(hours=3), "7d": timedelta(days=1)}
"""From one mark of the time axis to the next."""


@dataclass(frozen=True)
class Stay:
    """A time in one state, cut to the period."""

    state: EquipmentState
    began_at: datetime
    ended_at: datetime
    reason: str


@dataclass(frozen=True)
class Bar:
    """What is drawn of one stay, or of several that touch: per cent of the period."""

    left: float
    width: float
    began_at: datetime
    ended_at: datetime
    reason: str


@dataclass(frozen=True)
class Lane:
    """One state over the period: when, how long, and its share of the whole period in per cent."""

    state: EquipmentState
    bars: Sequence[Bar]
    hours: float
    percent: float


@dataclass(frozen=True)
class Mark:
    """A mark of the time axis, per cent from its begin. ``label`` is empty where only a line is drawn."""

    left: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """A period of one equipment. ``unknown_h``: hours for which no state is recorded."""

    name: str
    begin: datetime
    end: datetime
    lanes: Sequence[Lane]
    marks: Sequence[Mark]
    unknown_h: float

    @property
    def hours(self) -> float:
        """How long the period is."""
        return _hours(self.end - self.begin)


def read_timeline(session: Session, equipment_id: int, end: datetime, name: str, zone: str) -> Timeline:
    """The states of the period called ``name`` that ends at plant time ``end``; marks are in time zone ``zone``."""
    begin = end - PERIODS[name]
    rows = session.execute(states_between(equipment_id, begin, end)).mappings()
    return timeline([dict(row) for row in rows], begin, end, name, zone)


def timeline(rows: Sequence[dict[str, Any]], begin: datetime, end: datetime, name: str, zone: str) -> Timeline:
    """Lanes of all states from stays in order of time. A stay ends where the next one begins: no hour counts twice."""
    stays = list(_cut(rows, begin, end))
    lanes = []
    for state in EquipmentState:
        own = [stay for stay in stays if stay.state is state]
        hours = sum(_hours(stay.ended_at - stay.began_at) for stay in own)
        lanes.append(Lane(state, _bars(own, begin, end), hours, 100 * hours / _hours(end - begin)))
    unknown_h = _hours(end - begin) - sum(lane.hours for lane in lanes)
    return Timeline(name, begin, end, lanes, list(_marks(begin, end, name, zone)), max(unknown_h, 0.0))


def _cut(rows: Sequence[dict[str, Any]], begin: datetime, end: datetime) -> Iterator[Stay]:
    for row, after in pairwise([*rows, None]):
        assert row is not None
        until = min(row["ended_at"] or end, end, after["began_at"] if after else end)
        if until > max(row["began_at"], begin):
            yield Stay(EquipmentState(row["state"]), max(row["began_at"], begin), until, row["reason"])


def _bars(stays: Sequence[Stay], begin: datetime, end: datetime) -> list[Bar]:
    bars: list[Bar] = []
    for stay in stays:
        left, right = _percent(stay.began_at, begin, end), _percent(stay.ended_at, begin, end)
        began_at, reason = stay.began_at, stay.reason
        if bars and left - (bars[-1].left + bars[-1].width) < THIN:
            last = bars.pop()
            left, began_at, reason = last.left, last.began_at, last.reason if last.reason == reason else ""
        bars.append(Bar(left, max(right - left, THIN), began_at, stay.ended_at, reason))
    return bars


def _marks(begin: datetime, end: datetime, name: str, zone: str) -> Iterator[Mark]:
    """Full hours of the time zone, every third, and midnights by their date; one at the very end has no room."""
    at = begin.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    while at < end:
        if at > begin:
            left = _percent(at, begin, end)
            label = at.strftime("%m-%d") if at.hour == 0 else at.strftime("%H:%M") if at.hour % 6 == 0 else ""
            yield Mark(left, label if 2 < left < 96 else "")
        at += STEPS[name]


def _percent(at: datetime, begin: datetime, end: datetime) -> float:
    return round(100 * ((at - begin) / (end - begin)), 3)


def _hours(length: timedelta) -> float:
    return length.total_seconds() / 3600
