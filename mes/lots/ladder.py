"""A lot's ladder: every operation of its route, and what the lot did there."""

from collections.abc import Iterable
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
    skipped: int
    """Substrates that left it out."""
    units_in: int
    units_good: int
    units_failed: int
    units_again: int
    units_suspect: int
    began_at: datetime | None
    ended_at: datetime | None
    equipment: list[str]
    recipes: list[str]
    """What ran there, each ``recipe@version``."""
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
        if self.substrates_done:
            return "done"
        return "left out" if self.skipped else ""


def ladder(session: Session, lot_id: int) -> list[Rung]:
    """The operations of the lot's route in order."""
    return [Rung(**row) for row in session.execute(text(SQL), {"lot": lot_id}).mappings()]


def steps(rungs: Iterable[Rung]) -> list[dict[str, Any]]:
    """The ladder as programs look at it."""
    return [
        {
            "operation": rung.operation, "title": rung.title, "state": rung.state, "waiting": rung.waiting,
            "at_work": rung.at_work, "done": rung.substrates_done, "skipped": rung.skipped, "units_in": rung.units_in,
            "good": rung.units_good, "failed": rung.units_failed, "again": rung.units_again,
            "suspect": rung.units_suspect, "began_at": rung.began_at, "ended_at": rung.ended_at,
            "equipment": rung.equipment, "recipes": rung.recipes,
        }
        for rung in rungs
    ]  # fmt: skip
