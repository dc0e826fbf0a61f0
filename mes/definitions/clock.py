"""The plant clock of a database: one row, read at the edges."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.clock import PlantClock
from mes.definitions.models import PlantClockRow, Site
from mes.errors import Malformed
from mes.history import Act

CHANNEL = "mes_clock"
"""Notified when the clock is set."""


_READ = text(
    "select clock_timestamp() as wall, plant_at, wall_at, speed from (select) as now left join plant_clock on true"
)


def plant_clock(session: Session) -> PlantClock:
    """The clock as it is set. A plant whose clock nobody set runs on true time."""
    clock, _ = _read(session)
    return clock


def plant_now(session: Session) -> datetime:
    """Plant time by the database's own wall clock."""
    clock, wall = _read(session)
    return clock.at(wall)


def _read(session: Session) -> tuple[PlantClock, datetime]:
    """The clock, and what the wall clock shows."""
    row = session.execute(_READ).one()
    is_set = row.speed is not None
    return PlantClock(row.plant_at, row.wall_at, row.speed) if is_set else PlantClock(row.wall, row.wall, 1.0), row.wall


LONGEST = timedelta(days=36525)
"""From now to such a time: beyond it is a slip of the pen."""


def time_zone(session: Session) -> str:
    """The zone in which people of the plant read times: that of its first site, UTC before there is one."""
    return session.scalars(select(Site.time_zone).order_by(Site.id).limit(1)).first() or "UTC"


def check_not_too_far(at: datetime, now: datetime) -> None:
    """Raise `Malformed` where a time that people give is too far off."""
    if at > now + LONGEST:
        raise Malformed(f"{at.isoformat()} is more than a hundred years from now; look at the year.")


def act_now(session: Session, actor: str, why: str = "") -> Act:
    """An act of somebody, now on the plant clock."""
    return Act(actor, plant_now(session), why)


def set_plant_clock(session: Session, plant_at: datetime, speed: float) -> None:
    """Let the plant clock show ``plant_at`` now and run ``speed`` times as fast as the wall clock; 0 stops it."""
    values = {"plant_at": plant_at, "wall_at": func.clock_timestamp(), "speed": speed}
    statement = insert(PlantClockRow).values(id=1, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    session.execute(text(f"notify {CHANNEL}"))
