"""The plant clock: what happens on the line is stamped with it. Handed in, never called from a verb.

One formula serves the real line (speed 1), a demonstration that runs faster, and a headless run whose time is
stepped (speed 0): plant time = plant_at + (wall - wall_at) * speed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class PlantClock:
    """``plant_at`` was the plant time at wall time ``wall_at``; since then it runs ``speed`` times as fast."""

    plant_at: datetime
    wall_at: datetime
    speed: float

    @property
    def stepped(self) -> bool:
        """Whether a conductor moves the clock; between its steps no plant time passes."""
        return self.speed == 0

    def at(self, wall: datetime) -> datetime:
        """Plant time at a wall time."""
        if self.stepped:
            return self.plant_at
        return self.plant_at + timedelta(seconds=(wall - self.wall_at).total_seconds() * self.speed)


def wall_clock() -> datetime:
    """The machine's time, UTC. For the edges only."""
    return datetime.now(UTC)
