"""Recalls as people and programs look at them."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mes.errors import NotFound
from mes.genealogy.recalls.causes import Cause
from mes.genealogy.recalls.recall import Concern, concern
from mes.genealogy.recalls.shapes import CauseBody
from mes.lots.holds.models import Recall
from mes.lots.models import Hold

Row = dict[str, Any]

NEWEST_FIRST = (Recall.id,)
"""Against which a list of recalls is ordered."""

_BODY = TypeAdapter(CauseBody)


def select_recalls() -> Select[*tuple[Any, ...]]:
    """One row for each recall."""
    of = select(func.count(Hold.id)).where(Hold.recall_id == Recall.id)
    return select(
        Recall.name.label("recall"), Recall.cause, Recall.code, Recall.comment.label("why"), Recall.touched,
        Recall.recalled_by.label("by"), Recall.recalled_at.label("at"), of.scalar_subquery().label("holds"),
        of.where(Hold.released_at.is_(None)).scalar_subquery().label("standing"),
    )  # fmt: skip


def look(session: Session, name: str, *, in_full: bool = False) -> Row:
    """A recall, and where the units are that its cause has touched by now. Raises `NotFound`."""
    row = session.execute(select_recalls().where(Recall.name == name)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no recall {name}.")
    return {**row, "now": rows(concern(session, cause_of(row["cause"])), in_full=in_full)}


def cause_of(given: Row) -> Cause:
    """A cause from what is given of it."""
    return _BODY.validate_python(given).cause


def rows(found: Concern, *, in_full: bool = False) -> Row:
    """What a cause concerns, as it is told; ``in_full``: with the position of every unit."""
    return {"touched": found.touched, "ended": found.ended, "lots": [one.row(in_full=in_full) for one in found.lots]}
