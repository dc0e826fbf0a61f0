"""`mes lot priority`: how urgent a lot is."""

from datetime import datetime
from typing import Annotated

import typer

from mes.cli.database import writing
from mes.cli.lot_changes import DUE_FORMATS
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import server
from mes.lots.looks import look
from mes.lots.priority import change_priority
from mes.lots.queries import lot_id

app = typer.Typer()


@app.command()
def priority(
    name: LotName,
    *,
    priority: Annotated[int | None, typer.Option(help="1 is the most urgent, 9 the least.")] = None,
    due: Annotated[datetime | None, typer.Option(help="When it is due, with offset.", formats=DUE_FORMATS)] = None,
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Change the priority of a lot, by which dispatch ranks at once, its due date, or both.

    Example: mes lot priority L-104 --priority 2 --due 2026-12-01T09:00+0900 --why "the customer's line waits"
    """
    if there := server():
        body = {"priority": priority, "due_at": due and due.isoformat(), "why": why}
        told = there.post("lots", name, "priority", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            lot = change_priority(session, lot_id(session, name, customer), priority, due, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)
