"""What waits and why: ranked for one equipment, and for the whole line with the first reason of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from mes.definitions.models import BY_HAND
from mes.dispatch.candidates import Candidate, candidates
from mes.dispatch.criteria import Criterion
from mes.dispatch.line import Line, read_line
from mes.dispatch.what_if import AS_IT_IS, WhatIf
from mes.dispatch.what_next import judged_on
from mes.equipment.models import Equipment
from mes.errors import Reason
from mes.lots.work.track_in import TrackIn


@dataclass(frozen=True)
class Waiting:
    """A candidate before one equipment: what would start if it were its turn, or every reason why nothing does."""

    candidate: Candidate
    start: TrackIn | None
    reasons: tuple[Reason, ...]
    values: Mapping[Criterion, float | None]
    """What each criterion of the equipment's ranking says of it, the first before the others."""


def ranking(session: Session, equipment_id: int, at: datetime, what_if: WhatIf = AS_IT_IS) -> list[Waiting]:
    """All that waits for the class of an equipment at plant time ``at``, most urgent first, judged on that one."""
    equipment = session.get_one(Equipment, equipment_id, options=[joinedload(Equipment.equipment_class)])
    line = read_line(session, candidates(session), {equipment.id: equipment.class_id}, at, what_if)
    return [_judged(line, candidate, equipment, what_if) for candidate in line.order[equipment.id]]


def first_reasons(session: Session, at: datetime) -> Mapping[tuple[int, int], Reason | None]:
    """By lot and operation, of all that waits: why it does not start at plant time ``at``; None where it may.

    What speaks against a lot wherever it would start is told before what speaks against an equipment; equipment that
    has the fewest reasons speaks for its class. As many queries for a hundred lots as for one.
    """
    waiting = candidates(session)
    wanted = {c.class_id for c in waiting}
    query = select(Equipment).options(joinedload(Equipment.equipment_class)).where(Equipment.class_id.in_(wanted))
    there = session.scalars(query.order_by(Equipment.name)).all()
    line = read_line(session, waiting, {e.id: e.class_id for e in there}, at)
    judged: dict[tuple[int, int], list[Sequence[Reason]]] = {}
    for candidate in line.waiting:
        its_class = [e for e in there if e.class_id == candidate.class_id]
        at_once = [_judged(line, candidate, e).reasons or _for_people(candidate, e) for e in its_class]
        judged.setdefault((candidate.lot_id, candidate.operation_id), []).extend(at_once)
    return {(c.lot_id, c.operation_id): _first(c, judged.get((c.lot_id, c.operation_id), ())) for c in waiting}


def _judged(line: Line, candidate: Candidate, equipment: Equipment, what_if: WhatIf = AS_IT_IS) -> Waiting:
    judged = judged_on(line, candidate, equipment.id)
    reasons = () if isinstance(judged, TrackIn) else judged
    if not (equipment.connected or what_if.free) and equipment.equipment_class.kind != BY_HAND:
        reasons += (Reason("not_connected", f"{equipment.name} is not connected; nothing can be sent to it."),)
    start = judged if isinstance(judged, TrackIn) and not reasons else None
    return Waiting(candidate, start, reasons, line.ranks.values(candidate, equipment.id))


def _for_people(candidate: Candidate, equipment: Equipment) -> tuple[Reason, ...]:
    """Nobody starts a lot on equipment that is worked by hand but a person."""
    if equipment.equipment_class.kind != BY_HAND:
        return ()
    message = f"{equipment.name} is worked by hand; start lot {candidate.lot} there at the terminal."
    return (Reason("by_hand", message, "operator"),)


def _first(candidate: Candidate, judged: Sequence[Sequence[Reason]]) -> Reason | None:
    if not judged:
        return Reason("no_equipment", f"There is no equipment on which lot {candidate.lot} could start.")
    fewest = min(judged, key=len)
    everywhere = [reason for reason in fewest if all(reason in reasons for reasons in judged)]
    return next(iter([*everywhere, *fewest]), None)
