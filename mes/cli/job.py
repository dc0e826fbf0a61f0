"""`mes job`: what equipment reported, and what became of it."""

from typing import Annotated, Any

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.jobs import set_aside as verbs
from mes.jobs.looks import look, look_record, select_jobs, select_records
from mes.jobs.models import ReceivedRecord, SentOrder
from mes.jobs.states import OrderState, RecordState
from mes.runs.models import Run
from mes.runs.states import RunState

app = typer.Typer(no_args_is_help=True)

OfEquipment = Annotated[str | None, typer.Option("--equipment", help="Only of this equipment.")]
Most = Annotated[int, typer.Option(min=1, help="How many to show, of the newest.")]
RecordNumber = Annotated[int, typer.Argument(metavar="RECORD", help="Number of the record.")]


@app.command(name="list")
def list_jobs(
    *,
    state: Annotated[RunState | None, typer.Option(help="Only jobs of this state.")] = None,
    equipment: OfEquipment = None,
    order: Annotated[OrderState | None, typer.Option(help="Only jobs whose order stands so.")] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """Jobs that were ordered of equipment, the newest first.

    Example: mes job list --state running
    """
    if there := server():
        found = there.rows("jobs", most=most, state=state, equipment=equipment, order=order)
    else:
        query = select_jobs().order_by(Run.id.desc()).limit(most)
        with reading() as session:
            if state is not None:
                query = query.where(Run.state == state)
            if equipment is not None:
                query = query.where(Equipment.id == equipment_id(session, equipment))
            if order is not None:
                query = query.where(SentOrder.state == order)
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No jobs.")


@app.command(name="show")
def show_job(
    name: Annotated[str, typer.Argument(metavar="JOB", help="Name of the job, as of its run.")],
    *,
    as_json: Json = False,
) -> None:
    """One job with what came of its substrates, and how many of its records came by what became of them.

    Example: mes job show J-0000012
    """
    if there := server():
        told = there.get("jobs", name)
    else:
        with reading() as session:
            told = look(session, name)
    show_one(told, as_json=as_json)


@app.command()
def records(
    *,
    state: Annotated[RecordState | None, typer.Option(help="Only records of this state.")] = None,
    equipment: OfEquipment = None,
    run: Annotated[str | None, typer.Option(help="Only records of this run.")] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """Records of equipment, the newest first. One that stays received keeps what follows on its equipment waiting.

    Example: mes job records --state received
    """
    if there := server():
        found = there.rows("jobs", "records", most=most, state=state, equipment=equipment, run=run)
    else:
        query = select_records().order_by(ReceivedRecord.id.desc()).limit(most)
        with reading() as session:
            if state is not None:
                query = query.where(ReceivedRecord.state == state)
            if equipment is not None:
                query = query.where(Equipment.id == equipment_id(session, equipment))
            if run is not None:
                query = query.where(ReceivedRecord.run == run)
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found if as_json else [_told(one) for one in found], as_json=as_json, empty="No records.")


def _told(one: dict[str, Any]) -> dict[str, Any]:
    """The record with its two clocks named: what happened is in plant time, when it came in the machine's."""
    named = {"happened_at": "happened at (plant time)", "recorded_at": "came at (true time)"}
    return {named.get(key, key): value for key, value in one.items()}


@app.command()
def set_aside(number: RecordNumber, *, why: Why, as_json: Json = False) -> None:
    """Reject a record that cannot take effect, so that those behind it on its equipment can.

    What it says is not in the maps then: look at the units, and try it again when the cause is mended.

    Example: mes job set-aside 412 --why "names a strip that was scrapped by hand"
    """
    if there := server():
        told = there.post("jobs", "records", number, "set-aside", body={"why": why})
    else:
        with writing(why) as (session, act):
            verbs.set_aside(session, number, act)
            told = look_record(session, number)
    show_one(told, as_json=as_json)


@app.command()
def retry(number: RecordNumber, *, why: Why = "", as_json: Json = False) -> None:
    """Let a rejected record be tried again, by the connector's next round.

    Example: mes job retry 412 --why "the strip is in the plant now"
    """
    if there := server():
        told = there.post("jobs", "records", number, "retry", body={"why": why})
    else:
        with writing(why) as (session, act):
            verbs.retry(session, number, act)
            told = look_record(session, number)
    show_one(told, as_json=as_json)
