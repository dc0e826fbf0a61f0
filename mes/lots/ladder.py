"""A lot's ladder: every operation of its route, and what the lot did there."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

SQL = (Path(__file__).parent / "ladder.sql").read_text()


@dataclass(frozen=True)
class Rung:
    """One operation. Units are those of its runs; ``waiting`` and ``at_work`` count substrates.

    ``units_in`` are the good and the failed, as in the yield report: units that are tested again count once, with the
    pass that settles them, and suspect ones not.
    """

    operation: str
    title: str
    equipment_class: str
    waiting: int
    at_work: int
    substrates_done: int
    units_in: int
    units_good: int
    units_failed: int
    units_again: int
    units_suspect: int
    began_at: datetime | None
    ended_at: datetime | None
    equipment: list[str]
    rework: dict[str, Any] | None
    """Where to, how often and why what waits there may go back."""
    future_holds: list[str]
    """Codes of the holds that the lot gets when it reaches it."""

    @property
    def worked(self) -> bool:
        """Whether anything is known of its units."""
        return self.units_in + self.units_again + self.units_suspect > 0

    @property
    def state(self) -> str:
        """Where the lot is with it, in a word."""
        if self.at_work:
            return "at work"
        if self.waiting:
            return "waiting"
        return "done" if self.substrates_done else ""


def ladder(session: Session, lot_id: int) -> list[Rung]:
    """The operations of the lot's route in order."""
    return [Rung(**row) for row in session.execute(text(SQL), {"lot": lot_id}).mappings()]
