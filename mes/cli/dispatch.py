"""`mes dispatch`: what starts next, and why not."""

from typing import Annotated

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.dispatch.looks import look
from mes.equipment.queries import equipment_id

app = typer.Typer(help="What starts next, and why not.", no_args_is_help=True)


@app.command(name="list")
def list_waiting(
    *,
    equipment: Annotated[str, typer.Option(help="For which equipment.")],
    as_json: Json = False,
) -> None:
    """Lots that wait for an equipment: those that may start, most urgent first, and the others with every reason.

    Example: mes dispatch list --equipment TCB-01
    """
    if there := server():
        found = there.get("dispatch", equipment=equipment)
        ranked, excluded = found["ranked"], found["excluded"]
    else:
        with reading() as session:
            ranked, excluded = look(session, equipment_id(session, equipment), plant_now(session))
        excluded = [row | {"reasons": [vars(reason) for reason in row["reasons"]]} for row in excluded]
    messages = [row | {"reasons": [reason["message"] for reason in row["reasons"]]} for row in excluded]
    told = excluded if as_json else messages
    show_one({"equipment": equipment, "ranked": ranked, "excluded": told}, as_json=as_json)
