"""Reads the board: three questions, put together by equipment and by class, and what dispatch says of what waits."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mes.dispatch.waiting import first_reasons
from mes.errors import Reason

HEARD = text("select exists (select from connector where seen_at > clock_timestamp() - interval '60 s')")

HERE = Path(__file__).parent

IN_SHORT = {
    "alarm": "alarm on equipment",
    "batch_short": "waits for more of the same",
    "by_hand": "a person starts it at the terminal",
    "equipment_down": "equipment down",
    "held": "held",
    "masked": "what is left to move is masked",
    "no_equipment": "no equipment",
    "not_connected": "equipment not connected",
    "places_full": "equipment busy",
    "queue_time_ahead": "a later operation would come too late",
    "queue_time_exceeded": "queue time exceeded",
    "recipe_differs": "recipe differs on equipment",
    "recipe_not_approved": "recipe not approved",
    "reserved": "reserved for other equipment",
    "source_missing": "no supply",
    "source_short": "too little supply",
    "source_short_ahead": "too little supply for a later operation",
    "suspect": "what is left to move is suspect",
}
"""Reasons of dispatch as they stand in a list; one that is not here stands there with its sentence."""


@dataclass(frozen=True)
class Running:
    """One lot in an open run: ``done`` of ``substrates`` are finished; ``since`` it was begun, or else ordered."""

    equipment_id: int
    run: str
    state: str
    since: datetime
    lot: str
    owner: str
    customer: str
    operation: str
    operation_title: str
    substrates: int
    done: int
    held: bool


@dataclass(frozen=True)
class Equipment:
    """One equipment with its E10 state, the alarm that stands highest, and what is on it."""

    id: int
    name: str
    title: str
    state: str
    state_since: datetime
    connected: bool
    connection_since: datetime | None
    by_hand: bool
    """People work it; it has no connection to lose."""
    area: str
    area_title: str
    class_title: str
    reason: str
    alarm_code: str | None
    alarm_text: str | None
    running: Sequence[Running]


@dataclass(frozen=True)
class Area:
    """The equipment of one area, as laid out."""

    name: str
    title: str
    equipment: Sequence[Equipment]


@dataclass(frozen=True)
class Waiting:
    """One lot that waits at an operation; ``due_at`` is when its queue time ends, if it has any.

    ``why`` it does not start now: the first reason, None where it may.
    """

    lot_id: int
    operation_id: int
    class_: str
    class_title: str
    lot: str
    owner: str
    customer: str
    priority: int
    operation: str
    operation_title: str
    substrates: int
    since: datetime | None
    due_at: datetime | None
    warning_at: datetime | None
    held: bool
    why: Reason | None

    @property
    def in_short(self) -> str:
        """Why in a few words."""
        return "may start" if self.why is None else IN_SHORT.get(self.why.code, self.why.message)


@dataclass(frozen=True)
class Queue:
    """What waits for one class of equipment, the most urgent first."""

    name: str
    title: str
    lots: Sequence[Waiting]


@dataclass(frozen=True)
class Board:
    """The line as it is."""

    areas: Sequence[Area]
    queues: Sequence[Queue]
    unheard: bool
    """No connector is at work: what equipment does now is not known."""


def read_board(session: Session, at: datetime) -> Board:
    """The line as it is now, at plant time ``at``, for people of the centre."""
    areas = read_areas(session)
    why = first_reasons(session, at)
    waiting = [
        Waiting(class_=row.pop("class"), why=why.get((row["lot_id"], row["operation_id"])), **row)
        for row in _rows(session, "waiting.sql")
    ]
    return Board(
        areas,
        [Queue(name, title, list(w)) for (name, title), w in groupby(waiting, lambda w: (w.class_, w.class_title))],
        bool(areas) and not session.scalar(HEARD),
    )


def read_areas(session: Session) -> list[Area]:
    """All equipment with what is on it, area by area."""
    on: dict[int, list[Running]] = defaultdict(list)
    for row in _rows(session, "running.sql"):
        on[row["equipment_id"]].append(Running(**row))
    equipment = [Equipment(**row, running=on[row["id"]]) for row in _rows(session, "equipment.sql")]
    return [Area(name, title, list(e)) for (name, title), e in groupby(equipment, lambda e: (e.area, e.area_title))]


def _rows(session: Session, file: str) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(text((HERE / file).read_text())).mappings()]
