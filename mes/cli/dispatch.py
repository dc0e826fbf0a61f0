"""`mes dispatch`: what starts next, and why not."""

from typing import Annotated, Any

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
    if not as_json:
        ranked = [row | _in_words(row) for row in ranked]
        messages = [{"reasons": [reason["message"] for reason in row["reasons"]]} for row in excluded]
        excluded = [row | _in_words(row) | told for row, told in zip(excluded, messages, strict=True)]
    show_one({"equipment": equipment, "ranked": ranked, "excluded": excluded}, as_json=as_json)


def _in_words(row: dict[str, Any]) -> dict[str, str]:
    """What the criteria say: ``priority 3, first_in_first_out 2.25 h``."""
    words = (
        " ".join((c["criterion"], "unknown" if c["value"] is None else f"{c['value']:g}", c["unit"] or "")).strip()
        for c in row["criteria"]
    )
    return {"criteria": ", ".join(words)}
