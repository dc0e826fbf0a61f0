"""`mes lot list`, `show` and their like: reads of lots."""

from typing import Annotated, Any

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show, show_one
from mes.cli.remote import server
from mes.lots.holds.hold_codes import hold_codes
from mes.lots.ladder import ladder, steps
from mes.lots.looks import LINE_FIRST, LotFilter, look, maps, select_lots
from mes.lots.queries import lot_id
from mes.lots.states import LotState

app = typer.Typer()

LotName = Annotated[str, typer.Argument(metavar="LOT", help="Name of the lot.")]
CustomerName = Annotated[str | None, typer.Option("--customer", help="Whose lot, where customers share a name.")]


@app.command(name="list")
def list_lots(
    *,
    state: Annotated[LotState | None, typer.Option(help="Only lots of this state.")] = None,
    operation: Annotated[str | None, typer.Option(help="Only lots at this operation, e.g. module/20.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only lots of this customer.")] = None,
    named: Annotated[str | None, typer.Option("--q", help="Only lots with this in their name.")] = None,
    held: Annotated[bool | None, typer.Option(help="Only lots with a standing hold, or only those without.")] = None,
    on_line: Annotated[
        bool | None, typer.Option("--on-line/--ended", help="Only lots on the line, or only those that have ended.")
    ] = None,
    route: Annotated[str | None, typer.Option(help="Only lots of this route, or one version: name@1.")] = None,
    as_json: Json = False,
) -> None:
    """All lots, those on the line first by priority and age, then those that have ended.

    Example: mes lot list --on-line --operation module/20
    """
    if there := server():
        found = there.rows(
            "lots",
            state=state,
            operation=operation,
            customer=customer,
            q=named,
            held=held,
            on_line=on_line,
            route=route,
        )
    else:
        wanted = LotFilter(state, operation, customer, named, held, on_line, route)
        with reading() as session:
            found = [dict(row) for row in session.execute(select_lots(wanted).order_by(*LINE_FIRST)).mappings()]
    show(found if as_json else [_brief(lot) for lot in found], as_json=as_json, empty="No lots.")


def _brief(lot: dict[str, Any]) -> dict[str, Any]:
    """What of a lot fits on a line."""
    kept = ("lot", "customer", "state", "held", "operation", "substrates", "units")
    return {**{key: lot[key] for key in kept}, "substrates": _standing(lot), "due": lot["due_at"]}


def _standing(lot: dict[str, Any]) -> str:
    """How many substrates it has, or, where some have gone on, how many of them stand at its operation."""
    here, of = lot.get("at_operation", 0), lot["substrates"]
    return f"{here} of {of}" if 0 < here < of else str(of)


@app.command(name="show")
def show_lot(name: LotName, *, customer: CustomerName = None, as_json: Json = False) -> None:
    """One lot with its substrates, open runs, standing holds and ledger.

    Example: mes lot show L-104 --json
    """
    if there := server():
        told = there.get("lots", name, customer=customer)
    else:
        with reading() as session:
            told = look(session, lot_id(session, name, customer))
    show_one(told, as_json=as_json)


@app.command(name="hold-codes")
def list_hold_codes(*, as_json: Json = False) -> None:
    """The codes of holds: the plant's, those that the system sets, and those in use; which ones people may choose.

    Example: mes lot hold-codes
    """
    if there := server():
        found = there.entries("hold-codes")
    else:
        with reading() as session:
            found = hold_codes(session)
    show(found, as_json=as_json)


@app.command(name="maps")
def list_maps(name: LotName, *, customer: CustomerName = None, as_json: Json = False) -> None:
    """The maps of a lot's substrates, each in its newest version; mes map export writes one.

    Example: mes lot maps L-104
    """
    if there := server():
        found = there.entries("lots", name, "maps", customer=customer)
    else:
        with reading() as session:
            found = maps(session, lot_id(session, name, customer))
    show(found, as_json=as_json, empty="No maps.")


@app.command(name="operations")
def list_operations(name: LotName, *, customer: CustomerName = None, as_json: Json = False) -> None:
    """Every operation of a lot's route in order, and what the lot has done there or left out.

    Example: mes lot operations L-104
    """
    if there := server():
        found = there.entries("lots", name, "operations", customer=customer)
    else:
        with reading() as session:
            found = steps(ladder(session, lot_id(session, name, customer)))
    show(found if as_json else [_brief_step(step) for step in found], as_json=as_json)


def _brief_step(step: dict[str, Any]) -> dict[str, Any]:
    """What of an operation fits on a line."""
    kept = ("operation", "title", "state", "waiting", "at_work", "done", "skipped", "good", "failed")
    return {**{key: step[key] for key in kept}, "equipment": ", ".join(step["equipment"])}
