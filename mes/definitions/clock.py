"""The plant clock of a database: one row, read at the edges."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.clock import PlantClock
from mes.definitions.models import PlantClockRow

CHANNEL = "mes_clock"
"""Notified when the clock is set."""


def plant_clock(session: Session) -> PlantClock:
    """The clock as it is set. A plant whose clock nobody set runs on true time."""
    row = session.execute(select(PlantClockRow.plant_at, PlantClockRow.wall_at, PlantClockRow.speed)).one_or_none()
    if row is None:
        wall = _wall(session)
        return PlantClock(wall, wall, 1.0)
    return PlantClock(row.plant_at, row.wall_at, row.speed)


def plant_now(session: Session) -> datetime:
    """Plant time by the database's own wall clock."""
    clock = plant_clock(session)
    return clock.plant_at if clock.stepped else clock.at(_wall(session))


def set_plant_clock(session: Session, plant_at: datetime, speed: float) -> None:
    """Let the plant clock show ``plant_at`` now and run ``speed`` times as fast as the wall clock; 0 stops it."""
    values = {"plant_at": plant_at, "wall_at": _wall(session), "speed": speed}
    statement = insert(PlantClockRow).values(id=1, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    session.execute(text(f"notify {CHANNEL}"))


def _wall(session: Session) -> datetime:
    wall = session.scalar(text("select clock_timestamp()"))
    assert isinstance(wall, datetime)
    return wall
