"""Jobs and records of equipment as people and programs look at them."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mes.equipment.models import Equipment
from mes.errors import NotFound
from mes.jobs.models import Journal, ReceivedRecord, SentOrder
from mes.lots.models import Lot, RunSubstrate
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate

Row = dict[str, Any]


def select_jobs() -> Select[*tuple[Any, ...]]:
    """One row for each run whose order was to be sent, to be ordered by `Run.id`."""
    return (
        select(
            Run.name.label("job"), Equipment.name.label("equipment"), Operation.name.label("operation"),
            RecipeVersion.name.label("recipe"), SentOrder.state.label("order"), Run.state, Run.reason, Run.ordered_at,
            Run.started_at, Run.ended_at,
        )
        .join(SentOrder, SentOrder.run_id == Run.id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(RecipeVersion, RecipeVersion.id == Run.recipe_version_id)
    )  # fmt: skip


def look(session: Session, job: str) -> Row:
    """A job with its substrates, and how many records of it came by their state. Raises `NotFound`."""
    found = session.execute(select_jobs().where(Run.name == job)).mappings().one_or_none()
    if found is None:
        raise NotFound(f"There is no job {job}.")
    worked = (
        select(
            Substrate.name.label("substrate"), Lot.name.label("lot"), RunSubstrate.visit, RunSubstrate.work,
            RunSubstrate.units_in, RunSubstrate.units_good, RunSubstrate.units_failed, RunSubstrate.units_again,
            RunSubstrate.units_suspect,
        )
        .join(Run, Run.id == RunSubstrate.run_id)
        .join(Substrate, Substrate.id == RunSubstrate.substrate_id)
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .where(Run.name == job)
        .order_by(Lot.name, Substrate.name)
    )  # fmt: skip
    came = (
        select(ReceivedRecord.state, func.count().label("records"))
        .join(Journal, Journal.id == ReceivedRecord.journal_id)
        .join(Equipment, Equipment.id == Journal.equipment_id)
        .where(ReceivedRecord.run == job, Equipment.name == found["equipment"])
        .group_by(ReceivedRecord.state)
    )
    return {
        **found,
        "substrates": [dict(row) for row in session.execute(worked).mappings()],
        "records": {row.state: row.records for row in session.execute(came)},
    }


def select_records() -> Select[*tuple[Any, ...]]:
    """One row for each record of equipment, to be ordered by `ReceivedRecord.id`.

    What happened is in plant time, when it came in true time.
    """
    query = select(
        ReceivedRecord.id.label("record"), Equipment.name.label("equipment"), ReceivedRecord.sequence,
        ReceivedRecord.kind, ReceivedRecord.run, ReceivedRecord.happened_at, ReceivedRecord.recorded_at,
        ReceivedRecord.state, ReceivedRecord.problem,
    )  # fmt: skip
    return query.join(Journal, Journal.id == ReceivedRecord.journal_id).join(
        Equipment, Equipment.id == Journal.equipment_id
    )


def look_record(session: Session, number: int) -> Row:
    """One record. Raises `NotFound`."""
    found = session.execute(select_records().where(ReceivedRecord.id == number)).mappings().one_or_none()
    if found is None:
        raise NotFound(f"There is no record {number}.")
    return dict(found)
