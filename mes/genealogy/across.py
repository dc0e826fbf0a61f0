"""What an agreement shows of the other side of a border of ownership: of units that were got, and of those given.

The database decides it, by views that hold nothing but what the reader's agreements declare.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, TableClause, column, select, table
from sqlalchemy.orm import Session

MoveNumber = tuple[int, int]
"""A move by its transfer and its number there."""

_UNIT, _RESULT = (
    table(name, *(column(one) for one in ("transfer_id", "move", *told)))
    for name, told in (
        ("supplied_unit", ("device_id", "grade", "origin")),
        ("supplied_result", ("result",)),
    )
)


@dataclass(frozen=True)
class Supplied:
    """What is shown of a unit that another owner supplied; empty is what is not."""

    device_id: str = ""
    grade: str = ""
    origin: str = ""
    """Name of the substrate and position from which it was picked."""


def supplied_units(session: Session, moves: Collection[MoveNumber]) -> dict[MoveNumber, Supplied]:
    """By the move that brought it, what is shown of each unit of another owner."""
    found = _read(session, _UNIT, moves) if moves else ()
    return {
        (row.transfer_id, row.move): Supplied(row.device_id or "", row.grade or "", row.origin or "") for row in found
    }


def supplied_results(session: Session, moves: Collection[MoveNumber]) -> dict[MoveNumber, str]:
    """By the move that took it, how what a unit went into was tested last, where that is shown."""
    found = _read(session, _RESULT, moves) if moves else ()
    return {(row.transfer_id, row.move): row.result or "" for row in found}


def _read(session: Session, view: TableClause, moves: Collection[MoveNumber]) -> Sequence[Row[Any]]:
    transfers, numbers = ({move[side] for move in moves} for side in (0, 1))
    query = select(view).where(view.c.transfer_id.in_(transfers), view.c.move.in_(numbers))
    return [row for row in session.execute(query) if (row.transfer_id, row.move) in moves]
