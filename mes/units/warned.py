"""Warnings of map files: what was odd about the map of a substrate, and what that caused; kept with its layers."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.units.models import Layer


class Consequence(StrEnum):
    """What a warning caused."""

    RECORDED = "recorded"
    """Nothing more than that it is known."""
    HELD = "held"
    """Its lot is held."""
    STOPPED = "stopped"
    """Its file was not taken in, nor what came with it."""


MOST_KEPT = 100
"""Warnings that are kept with one map; history has all."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning: the discrepancy of a file, and what it caused once a rule has judged it."""

    file: str
    code: str
    place: str
    message: str
    caused: Consequence = Consequence.RECORDED
    hold_code: str | None = None

    def __str__(self) -> str:
        return f"{self.file}, {self.place}: {self.message}"

    def told(self) -> dict[str, Any]:
        """As plain values."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def warnings_of(session: Session, substrate_id: int) -> list[dict[str, Any]]:
    """The warnings of the map that a substrate came with, as `Warned.told` gives them."""
    kept = select(Layer.warnings).where(Layer.substrate_id == substrate_id, Layer.warnings.is_not(None))
    return [one for warnings in session.scalars(kept.order_by(Layer.id)) for one in warnings or ()]
