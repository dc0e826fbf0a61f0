"""A person sets a record aside that cannot take effect, so that those behind it can; or lets it be tried again."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from equipment.interface.states import RecordKind
from mes.db import lock
from mes.equipment.models import Equipment
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Chained, Change, record
from mes.jobs.models import Journal, ReceivedRecord
from mes.jobs.results import moved
from mes.jobs.states import RecordState
from mes.runs.models import Run

NEWS = {RecordKind.EQUIPMENT, RecordKind.ALARM}
"""Kinds of records that say how an equipment is, not what it did to material."""


def set_aside(session: Session, record_id: int, act: Act) -> ReceivedRecord:
    """Reject a record that waits to take effect; it keeps who did it and why. ``act.why`` is required.

    Raises `NotFound`, `Malformed` without a reason, and `Refused` where the record does not wait.
    """
    if not act.why.strip():
        raise Malformed("Say why this record is set aside.")
    problem = f"Set aside by {act.actor}: {act.why}"
    return _move(session, record_id, RecordState.RECEIVED, RecordState.REJECTED, problem, "set_aside", act)


def retry(session: Session, record_id: int, act: Act) -> ReceivedRecord:
    """Let a rejected record wait to take effect again, as what happened then. The next round of the connector tries it.

    Raises `NotFound`, and `Refused` where the record is not rejected, or tells of an equipment's state or alarm and a
    later one has been applied: old news would stand as if it were new.
    """
    row = _move(session, record_id, RecordState.REJECTED, RecordState.RECEIVED, "", "retry", act)
    if row.kind in NEWS and session.scalar(_later(row).limit(1)) is not None:
        what = f"Record {record_id} is old news: later ones of its kind have been applied since. Leave it set aside."
        raise Refused(what, Reason("old_news", what))
    return row


def _later(row: ReceivedRecord) -> Select[int]:
    """Applied records of the same kind that the same journal wrote later."""
    same = (ReceivedRecord.journal_id == row.journal_id, ReceivedRecord.kind == row.kind)
    applied = (ReceivedRecord.sequence > row.sequence, ReceivedRecord.state == RecordState.APPLIED)
    return select(ReceivedRecord.id).where(*same, *applied)


def _move(
    session: Session, record_id: int, before: RecordState, after: RecordState, problem: str, verb: str, act: Act
) -> ReceivedRecord:
    """The record first, then what it is of: so does who applies it, and the two never wait for each other in a ring."""
    done = moved(session, record_id, before, after, problem) is not None
    row = session.get(ReceivedRecord, record_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no record {record_id}.")
    if not done:
        raise Refused(f"Record {record_id} is {row.state}; {verb.replace('_', ' ')} needs it to be {before}.")
    of = session.scalars(select(Journal.equipment_id).where(Journal.id == row.journal_id)).one()
    runs = session.scalars(select(Run.id).where(Run.name == row.run, Run.equipment_id == of)).all()
    locked = lock(session, (Equipment, [of]), (Run, runs))
    told = {"record": row.id, "sequence": row.sequence, "kind": row.kind, "became": row.state}
    subjects: list[Chained] = [*locked.all(Equipment), *locked.all(Run)]
    record(session, verb, act, [Change(subject, before={"was": before}, after=told) for subject in subjects])
    return row
