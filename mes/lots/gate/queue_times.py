"""Queue times: by when a substrate that waits must start.

A clock runs from the end of the limit's first operation, for each substrate by itself, and no hold stops it. It is
known by when it began: a substrate that comes through that operation again has a new clock, with no signature.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Result,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from mes.lots.models import Lot, LotSubstrate, QueueDisposition, RunSubstrate
from mes.lots.states import Progress
from mes.routes.limits import LIMITS
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate

_SECOND: ColumnElement[timedelta] = literal_column("interval '1 second'")
_DONE = aliased(Operation)
"""The same operation, in the version of the route by which it was done."""
_HERE = aliased(Operation)
_AT_END = LIMITS.c.to_operation_id == LotSubstrate.operation_id
_IS_FLOOR_LIFE = LIMITS.c.moisture_level.is_not(None)
_LIES_OPEN = and_(_IS_FLOOR_LIFE, LIMITS.c.from_number < _HERE.number, _HERE.number < LIMITS.c.to_number)


@dataclass(frozen=True)
class Clock:
    """One limit that runs for a substrate that waits."""

    substrate_id: int
    substrate: str
    limit_id: int
    from_operation: str
    since: datetime
    warning_at: datetime | None
    ends_at: datetime | None
    """By when it must start; none once it was signed that it may wait."""
    moisture_level: str | None
    """Of packages whose floor life it is."""
    here: bool
    """It waits at the limit's second operation; floor life is told of before, too."""

    def is_over(self, at: datetime) -> bool:
        """Whether it has waited too long at plant time ``at``."""
        return self.ends_at is not None and at > self.ends_at


def select_clocks(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """One row for each clock of substrates that wait, of those lots: ``which`` says of `LotSubstrate` which.

    Units that are judged again were there in time at their first visit, and so were substrates that come again by a
    rework, unless the limit's first operation was done again, too. Of a clock that was disposed of the last
    signature counts; the warning then comes as long before its end as before the limit's. Floor life runs wherever
    packages wait before they are sealed, whatever else is done again meanwhile.
    """
    begun = (
        select(
            LotSubstrate.lot_id, LotSubstrate.substrate_id, Substrate.name.label("substrate"),
            LIMITS.c.id.label("limit_id"), LIMITS.c.from_number, LIMITS.c.from_operation,
            func.max(RunSubstrate.ended_at).label("since"), LIMITS.c.most_s, LIMITS.c.warning_s,
            LIMITS.c.moisture_level, _AT_END.label("here"),
        )
        .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
        .join(_HERE, _HERE.id == LotSubstrate.operation_id)
        .join(LIMITS, (LIMITS.c.route_version_id == _HERE.route_version_id) & or_(_AT_END, _LIES_OPEN))
        .join(RunSubstrate, RunSubstrate.substrate_id == LotSubstrate.substrate_id)
        .join(Run, Run.id == RunSubstrate.run_id)
        .join(_DONE, (_DONE.id == Run.operation_id) & (_DONE.name == LIMITS.c.from_operation))
        .where(*which, LotSubstrate.progress == Progress.QUEUED, RunSubstrate.ended_at.is_not(None))
        .where(or_(LotSubstrate.visit == LotSubstrate.first_visit, _IS_FLOOR_LIFE))
        .group_by(LotSubstrate.lot_id, LotSubstrate.substrate_id, Substrate.id, *LIMITS.c, _HERE.id)
        .having(or_(begun_anew(RunSubstrate.ended_at), _IS_FLOOR_LIFE))
        .correlate(Lot)
        .subquery()
    )  # fmt: skip
    signed, ends = signed_end(begun)
    ahead = (begun.c.most_s - begun.c.warning_s) * _SECOND
    return (
        select(
            begun.c.lot_id, begun.c.substrate_id, begun.c.substrate, begun.c.limit_id, begun.c.from_operation,
            begun.c.since, (ends - ahead).label("warning_at"), ends.label("ends_at"),
            begun.c.moisture_level, begun.c.here,
        )
        .join(signed, true(), isouter=True)
        .order_by(begun.c.from_number, begun.c.substrate)
    )  # fmt: skip


def begun_anew(ended_at: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Whether a clock counts that began with the last of these ends: a rework starts none anew that was kept."""
    return or_(func.max(LotSubstrate.first_visit) == 1, func.max(ended_at) > func.max(LotSubstrate.reworked_at))


def signed_end(begun: Subquery) -> tuple[FromClause, ColumnElement[Any]]:
    """When clocks end, and the last signature under each, to be joined to them: null where one says they may wait.

    ``begun`` has the columns substrate_id, limit_id, since and most_s.
    """
    its = (
        QueueDisposition.substrate_id == begun.c.substrate_id,
        QueueDisposition.queue_limit_id == begun.c.limit_id,
        QueueDisposition.since == begun.c.since,
    )
    last = select(QueueDisposition.id, QueueDisposition.until).where(*its).order_by(QueueDisposition.id.desc()).limit(1)
    signed = last.lateral()
    return signed, case((signed.c.id.is_(None), begun.c.since + begun.c.most_s * _SECOND), else_=signed.c.until)


_OF_SUBSTRATES = select_clocks(LotSubstrate.substrate_id.in_(bindparam("substrates", expanding=True)))


def clocks_of(session: Session, substrate_ids: Collection[int]) -> dict[int, list[Clock]]:
    """The clocks of these substrates where they wait, by substrate, those of the earliest operation first."""
    if not substrate_ids:
        return {}
    return _by_substrate(session.execute(_OF_SUBSTRATES, {"substrates": list(substrate_ids)}))


def clocks(session: Session, which: ColumnElement[bool]) -> dict[int, list[Clock]]:
    """The clocks by substrate, those of the earliest operation first."""
    return _by_substrate(session.execute(select_clocks(which)))


def _by_substrate(rows: Result[*tuple[Any, ...]]) -> dict[int, list[Clock]]:
    found: dict[int, list[Clock]] = defaultdict(list)
    for row in rows.mappings():
        found[row["substrate_id"]].append(Clock(**{name: row[name] for name in Clock.__dataclass_fields__}))
    return found
