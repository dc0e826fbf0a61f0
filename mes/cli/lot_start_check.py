"""`mes lot start-check`: why a lot may not start on an equipment, and what dispatch waits for."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mes.cli.database import ADMINISTRATOR, reading
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, print_json, refuse, say
from mes.cli.refusals import REFUSED
from mes.cli.remote import Server, server
from mes.definitions.clock import plant_now
from mes.dispatch.waiting import ranking
from mes.equipment.queries import equipment_id
from mes.errors import Reason
from mes.lots.gate import start_gate
from mes.lots.queries import lot_id

app = typer.Typer()


@app.command()
def start_check(
    name: LotName,
    *,
    equipment: Annotated[str, typer.Option(help="Where it is to start.")],
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Every reason why a lot may not start on an equipment, and who can clear it. Exit code 1 if there is one.

    Where there is none it tells what dispatch waits for before it starts the lot by itself.

    Example: mes lot start-check L-104 --equipment TCB-01
    """
    there = server()
    found, waits = _checked_there(there, name, equipment, customer) if there else _checked(name, equipment, customer)
    if as_json:
        told = {"reasons": [vars(r) for r in found], "dispatch_waits": [vars(r) for r in waits]}
        print_json({"lot": name, "equipment": equipment, "may_start": not found, **told})
    elif not found:
        say(f"Lot {name} may start on {equipment}.")
        for reason in waits:
            say(f"Dispatch does not start it by itself: {reason.message}")
    if found:
        refuse(f"Lot {name} may not start on {equipment}.", found)
        raise typer.Exit(REFUSED)


Reasons = Sequence[Reason]


def _checked(name: str, equipment: str, customer: str | None) -> tuple[Reasons, Reasons]:
    """Why a lot may not start and, where it may, what dispatch waits for."""
    with reading() as session:
        lot = lot_id(session, name, customer)
        on, at = equipment_id(session, equipment), plant_now(session)
        found = start_gate.reasons(session, lot, on, at, ADMINISTRATOR)
        ranked = [] if found else ranking(session, on, at)
    return found, next((one.reasons for one in ranked if one.candidate.lot_id == lot), ())


def _checked_there(there: Server, name: str, equipment: str, customer: str | None) -> tuple[Reasons, Reasons]:
    """The same, as a server tells it."""
    found = there.get("lots", name, "start-check", equipment=equipment, customer=customer)["reasons"]
    excluded = [] if found else there.get("dispatch", equipment=equipment)["excluded"]
    waits = (row["reasons"] for row in excluded if row["lot"] == name and customer in (None, row["customer"]))
    return [Reason(**reason) for reason in found], [Reason(**reason) for reason in next(waits, ())]
