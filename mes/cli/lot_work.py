"""`mes lot track-in`, `track-out`, `abort`: work on lots, by hand."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from mes.cli.database import writing
from mes.cli.finding import position
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import Row, server
from mes.equipment.queries import equipment_id
from mes.errors import Malformed
from mes.lots.looks import select_lots
from mes.lots.models import Lot
from mes.lots.queries import lot_id, open_run
from mes.lots.work import run_course
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import TrackIn, lot_parts
from mes.lots.work.track_in import track_in as order_run
from mes.materials.durables.queries import durable_id
from mes.runs.models import Run
from mes.units.queries import substrate_id

app = typer.Typer()

RunName = Annotated[str | None, typer.Option("--run", help="Which run, where the lot has several.")]


@app.command()
def track_in(
    names: Annotated[list[str], typer.Argument(metavar="LOT...", help="Lots to start together.")],
    *,
    equipment: Annotated[str, typer.Option(help="Where to start them.")],
    substrates: Annotated[list[str] | None, typer.Option("--substrate", help="Only these; repeat.")] = None,
    sources: Annotated[
        list[str] | None, typer.Option("--source", help="Substrate to pick from, in this order; repeat.")
    ] = None,
    holders: Annotated[
        list[str] | None, typer.Option("--holder", help="Boat or tray for a load, in this order; repeat.")
    ] = None,
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Order a run of waiting substrates on an equipment. Refused with every reason of the start gate.

    Example: mes lot track-in L-104 --equipment TCB-01 --source HBM-7 --source TOP-2
    """
    if there := server():
        if len(names) > 1:
            raise there.lacks("Starting several lots together is", "start them where the database is.")
        named = {"substrates": substrates or [], "sources": sources or [], "holders": holders or []}
        body = {"equipment": equipment, **named, "why": why}
        seen = _short(there.post("lots", names[0], "track-in", body=body, customer=customer))
    else:
        with writing(why) as (session, act):
            lots = [lot_id(session, name, customer) for name in names]
            parts = lot_parts(session, lots, substrates or [])
            given = tuple(substrate_id(session, name) for name in sources or [])
            boats = tuple(durable_id(session, name) for name in holders or [])
            run = order_run(session, TrackIn(equipment_id(session, equipment), tuple(parts), given, boats), act)
            seen = _look(session, run, lots)
    show_one(seen, as_json=as_json)


def _look(session: Session, run: Run, lot_ids: list[int]) -> Row:
    """A run and its lots after the act."""
    rows = session.execute(select_lots().where(Lot.id.in_(lot_ids)).order_by(Lot.id)).mappings()
    return _short({"run": run.name, "state": run.state, "lots": [dict(row) for row in rows]})


def _short(told: Row) -> Row:
    """A run with what changes of its lots."""
    kept = ("lot", "state", "operation", "substrates", "units")
    return told | {"lots": [{key: lot[key] for key in kept} for lot in told["lots"]]}


@app.command()
def track_out(
    name: LotName,
    *,
    failed: Annotated[
        list[str] | None, typer.Option("--fail", metavar="SUBSTRATE:X,Y=BIN", help="A unit that failed; repeat.")
    ] = None,
    good: Annotated[int | None, typer.Option(help="Counted good units; only checks.")] = None,
    run: RunName = None,
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Report by hand that a run is done: every unit it asked for is good but those named.

    Not for operations that move units: only their equipment knows which went where.

    Example: mes lot track-out L-104 --fail W-3:4,7=12 --good 118
    """
    failures = _failures(failed or [])
    if there := server():
        named = [{"id": one, "bins": _bins(units)} for one, units in failures.items()]
        body = {"run": run, "substrates": named, "good": good, "why": why}
        seen = _short(there.post("lots", name, "track-out", body=body, customer=customer))
    else:
        with writing(why) as (session, act):
            lot = lot_id(session, name, customer)
            done = finish(session, open_run(session, lot, run), lot, Told(failures, good), act)
            seen = _look(session, done, [lot])
    show_one(seen, as_json=as_json)


def _failures(told: list[str]) -> dict[str, dict[tuple[int, int], int]]:
    found: dict[str, dict[tuple[int, int], int]] = {}
    for text in told:
        try:
            substrate, rest = text.rsplit(":", 1)
            place, code = rest.split("=")
            found.setdefault(substrate, {})[position(place)] = int(code)
        except ValueError:
            raise Malformed(f"{text} is no failed unit; write SUBSTRATE:X,Y=BIN, e.g. W-3:4,7=12.") from None
    return found


def _bins(units: dict[tuple[int, int], int]) -> list[dict[str, int]]:
    return [{"x": x, "y": y, "bin": code} for (x, y), code in units.items()]


@app.command()
def abort(
    name: LotName, *, why: Why, run: RunName = None, customer: CustomerName = None, as_json: Json = False
) -> None:
    """Break a run off: what it did not report queues again. Make sure that the equipment has stopped.

    Example: mes lot abort L-104 --run J-0000012 --why "wrong collet"
    """
    if there := server():
        seen = _short(there.post("lots", name, "abort", body={"run": run, "why": why}, customer=customer))
    else:
        with writing(why) as (session, act):
            lot = lot_id(session, name, customer)
            broken = run_course.abort(session, open_run(session, lot, run).id, why, act)
            seen = _look(session, broken, [lot])
    show_one(seen, as_json=as_json)
