"""Records from equipment: stored once and acknowledged, then applied once, each in a transaction of its own.

Transaction one, `receive`, stores the raw record, unique by journal and sequence; only then is it acknowledged.
Transaction two, `apply`, lets it take effect. A record whose job or substrates cannot be identified is kept as rejected
with its sentence for a person; an unexpected failure leaves it received, to be tried again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from equipment.interface.codec import read_record, record_text, sha256_of
from equipment.interface.messages import (
    AlarmChange,
    BadMessage,
    EquipmentChange,
    Identity,
    JobChange,
    Record,
    RecordBatch,
    SubstrateResult,
)
from equipment.interface.states import E10State, JobState
from mes.equipment import condition
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.errors import Refused
from mes.history import Act
from mes.jobs.models import Journal, ReceivedRecord, SentOrder
from mes.jobs.states import OrderState, RecordState
from mes.lots.work import run_course
from mes.lots.work.identify import Unidentified
from mes.lots.work.track_out import track_out
from mes.runs.models import Run
from mes.runs.states import RunState, RunVerb

COURSE = {JobState.RUNNING: RunVerb.START, JobState.ENDED: RunVerb.END, JobState.ABORTED: RunVerb.ABORT}
"""What a job state means for the run; states not named here change nothing."""


SKEW = timedelta(seconds=1)
"""By how much a run may start before its order until the equipment's clock counts as wrong."""


BEGINNING = (JobState.NOT_ALLOWED_TO_START, JobState.ALLOWED_TO_START, JobState.RUNNING)
"""The states of a job until it is at work."""


class AlreadyApplied(Refused):
    """The record has taken effect, by this process or another; there is nothing left to do."""


@dataclass(frozen=True)
class Pending:
    """A stored record that has not taken effect."""

    record_id: int
    equipment_id: int
    equipment: str
    sequence: int
    happened_at: datetime


def meet(session: Session, equipment_id: int, identity: Identity, at: datetime) -> Journal:
    """Find the journal of an equipment that answers, or begin it.

    Another journal than the last one means another disk: open runs whose order was sent are in doubt, because nobody
    can say what was done.
    """
    query = select(Journal).where(Journal.equipment_id == equipment_id)
    known = {j.name: j for j in session.scalars(query, execution_options={"populate_existing": True})}
    journal = known.get(identity.journal)
    is_other = bool(known) and (journal is None or not journal.current)
    if journal is None:
        journal = Journal(equipment_id=equipment_id, name=identity.journal, received=0)
    if is_other:
        for old in known.values():
            old.current = False
        session.flush()
    journal.current, journal.boot = True, identity.boot
    session.add(journal)
    session.flush()
    if is_other:
        _doubt_open_runs(session, equipment_id, identity, at)
    return journal


def _doubt_open_runs(session: Session, equipment_id: int, identity: Identity, at: datetime) -> None:
    query = (
        select(Run.id)
        .join(SentOrder, SentOrder.run_id == Run.id)
        .where(Run.equipment_id == equipment_id, SentOrder.state == OrderState.SENT)
        .where(Run.state.in_([RunState.ORDERED, RunState.RUNNING]))
        .order_by(Run.id)
    )
    reason = f"{identity.equipment} came back with a new journal and does not remember it"
    for run_id in session.scalars(query).all():
        run_course.doubt(session, run_id, reason, Act(identity.equipment, at))


def receive(session: Session, journal_id: int, batch: RecordBatch) -> int:
    """Store the records of a batch, each once. Returns the sequence up to which all are stored: acknowledge that.

    A record that comes again with another content is not stored. That, and records that the equipment does not have
    any more, raise an alarm on it.
    """
    rows = [_stored(journal_id, record) for record in batch.records]
    if rows:
        session.execute(insert(ReceivedRecord).on_conflict_do_nothing(), rows)
        _alarm_on_other_content(session, journal_id, rows, batch)
        _alarm_on_gap(session, journal_id, batch)
    upto = max((r.sequence for r in batch.records), default=0)
    newest = update(Journal).where(Journal.id == journal_id, Journal.received < upto).values(received=upto)
    session.execute(newest.execution_options(synchronize_session=False))
    return upto


def _stored(journal_id: int, record: Record) -> dict[str, object]:
    text = record_text(record)
    return {
        "journal_id": journal_id,
        "sequence": record.sequence,
        "kind": record.kind.value,
        "run": record.job_order_id,
        "happened_at": record.happened_at,
        "sha256": sha256_of(text),
        "body": text,
        "state": RecordState.RECEIVED.value,
        "problem": "",
    }


def _alarm_on_other_content(
    session: Session, journal_id: int, rows: list[dict[str, object]], batch: RecordBatch
) -> None:
    query = select(ReceivedRecord.sequence, ReceivedRecord.sha256).where(
        ReceivedRecord.journal_id == journal_id, ReceivedRecord.sequence.in_([r["sequence"] for r in rows])
    )
    known = {row.sequence: row.sha256 for row in session.execute(query)}
    for row, record in zip(rows, batch.records, strict=True):
        if known[record.sequence] != row["sha256"]:
            text = f"Record {record.sequence} came again with another content; the first one stands."
            _alarm(session, journal_id, "RECORD_CHANGED", text, record)


def _alarm_on_gap(session: Session, journal_id: int, batch: RecordBatch) -> None:
    """Records are numbered without gaps: what does not come now was lost, and with it what it told."""
    last = session.scalars(select(Journal.received).where(Journal.id == journal_id)).one()
    for record in sorted(batch.records, key=lambda r: r.sequence):
        if record.sequence > last + 1:
            text = f"Records {last + 1} to {record.sequence - 1} never came; what they told is not known."
            _alarm(session, journal_id, "RECORDS_MISSING", text, record)
        last = max(last, record.sequence)


def _alarm(session: Session, journal_id: int, code: str, text: str, record: Record) -> None:
    equipment_id = session.scalars(select(Journal.equipment_id).where(Journal.id == journal_id)).one()
    condition.set_alarm(session, equipment_id, code, 900, text, Act("connector", record.happened_at))


MOST = 1000
"""Records that are looked up at once."""
_IN_ORDER = (Journal.id, ReceivedRecord.sequence)
_NOT_BEFORE = func.max(ReceivedRecord.happened_at).over(partition_by=Equipment.id, order_by=_IN_ORDER)
_PENDING = (
    select(ReceivedRecord.id, Equipment.id, Equipment.name, ReceivedRecord.sequence, ReceivedRecord.happened_at)
    .join(Journal, Journal.id == ReceivedRecord.journal_id)
    .join(Equipment, Equipment.id == Journal.equipment_id)
    .where(ReceivedRecord.state == RecordState.RECEIVED, Equipment.id.not_in(bindparam("without", expanding=True)))
    .order_by(_NOT_BEFORE, Equipment.name, *_IN_ORDER)
    .limit(MOST)
)


def pending(session: Session, without: Collection[int] = ()) -> list[Pending]:
    """Stored records without effect in the order in which to apply them: time, equipment, sequence; at most `MOST`.

    Records of one equipment keep the order of its journal, whatever its clock said. ``without``: equipment to leave
    out, by id.
    """
    return [Pending(*row) for row in session.execute(_PENDING, {"without": list(without)})]


def apply(session: Session, waiting: Pending) -> bool:
    """Let one record take effect, once: of several who try, the others wait for the first.

    Returns whether something may start that could not before: nothing can because a job began that was ordered.
    Raises `Unidentified` where it cannot be and `AlreadyApplied`; whatever else it raises is a fault.
    """
    body = _finish(session, waiting.record_id, RecordState.APPLIED, "")
    try:
        record = read_record(body)
    except BadMessage as error:
        raise Unidentified(str(error)) from error
    _effect(session, waiting, record)
    return not _begins(record)


def _begins(record: Record) -> bool:
    """Whether it tells no more than that a job begins which was ordered."""
    match record.body:
        case JobChange(state):
            return state in BEGINNING
        case EquipmentChange(state):
            return state is E10State.PRD
    return False


def reject(session: Session, waiting: Pending, problem: str) -> None:
    """Keep a record as rejected, with the sentence that a person reads."""
    _finish(session, waiting.record_id, RecordState.REJECTED, problem)


def _finish(session: Session, record_id: int, state: RecordState, problem: str) -> str:
    body = moved(session, record_id, RecordState.RECEIVED, state, problem)
    if body is None:
        raise AlreadyApplied(f"Record {record_id} has taken effect already.")
    return body


def moved(session: Session, record_id: int, before: RecordState, after: RecordState, problem: str) -> str | None:
    """Take a record from one state to another, and give what it says; None where it is not in the first.

    Of several who try, one does.
    """
    there = {"record": record_id, "before": before.value, "after": after.value, "why": problem}
    return session.scalar(_MOVE, there)


_MOVE = (
    update(ReceivedRecord)
    .where(ReceivedRecord.id == bindparam("record"), ReceivedRecord.state == bindparam("before"))
    .values(state=bindparam("after"), problem=bindparam("why"))
    .returning(ReceivedRecord.body)
    .execution_options(synchronize_session=False)
)


def _effect(session: Session, waiting: Pending, record: Record) -> None:
    act = Act(waiting.equipment, record.happened_at)
    match record.body:
        case JobChange(state, reason):
            run_id = _run_id(session, waiting, record)
            if state in COURSE:
                run = run_course.reported(session, run_id, COURSE[state], reason, act)
                if state is JobState.RUNNING:
                    _compare_clocks(session, waiting, run)
        case SubstrateResult() as result:
            track_out(session, _run_id(session, waiting, record), result, act)
        case EquipmentChange(state, reason):
            act = Act(waiting.equipment, record.happened_at, reason)
            condition.change_state(session, waiting.equipment_id, EquipmentState[state.name], act)
        case AlarmChange(code, severity, text, is_set):
            if is_set:
                condition.set_alarm(session, waiting.equipment_id, code, severity, text, act)
            else:
                condition.clear_alarm(session, waiting.equipment_id, code, act)


def _compare_clocks(session: Session, waiting: Pending, run: Run) -> None:
    """No run starts before its order: where the equipment says so its clock is behind, and an alarm tells it.

    The run keeps the time that the equipment gave; the alarm is cleared by the next run that starts after its order.
    """
    early = run.ordered_at - waiting.happened_at
    act = Act("connector", waiting.happened_at)
    if early > SKEW:
        text = f"{run.name} started {early.total_seconds():.0f} s before its order: the clock here is behind."
        condition.set_alarm(session, waiting.equipment_id, "CLOCK_BEHIND", 500, text, act)
    else:
        condition.clear_alarm(session, waiting.equipment_id, "CLOCK_BEHIND", act)


def _run_id(session: Session, waiting: Pending, record: Record) -> int:
    query = select(Run.id).where(Run.name == record.job_order_id, Run.equipment_id == waiting.equipment_id)
    run_id = session.scalar(query)
    if run_id is None:
        raise Unidentified(f"{waiting.equipment} has no run {record.job_order_id or '(none named)'}.")
    return run_id
