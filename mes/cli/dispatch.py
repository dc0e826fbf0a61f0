"""`mes dispatch`: what starts next, and why not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.dispatch.criteria import Criterion
from mes.dispatch.looks import look
from mes.dispatch.what_if import WhatIf
from mes.equipment.queries import equipment_id

app = typer.Typer(no_args_is_help=True)


@app.command(name="list")
def list_waiting(
    *,
    equipment: Annotated[str, typer.Option(help="For which equipment.")],
    as_json: Json = False,
) -> None:
    """Lots that wait for an equipment: those that may start, most urgent first, and the others with every reason.

    Example: mes dispatch list --equipment TCB-01
    """
    _show(equipment, as_json=as_json)


@app.command(name="what-if")
def what_if(
    *,
    equipment: Annotated[str, typer.Option(help="For which equipment.")],
    ranking: Annotated[
        list[Criterion] | None, typer.Option(help="Ranked by this; repeat, the first before the others.")
    ] = None,
    later_h: Annotated[float, typer.Option(min=0, max=8760, help="So many hours later, and all else as now.")] = 0.0,
    free: Annotated[bool, typer.Option("--free", help="If it were connected, able and had a place.")] = False,
    as_json: Json = False,
) -> None:
    """What would start, and what not and why, if something were otherwise than it is. Nothing is done.

    Example: mes dispatch what-if --equipment TCB-01 --ranking critical_ratio --ranking priority --free
    """
    _show(equipment, ranking or [], later_h, free=free, as_json=as_json)


def _show(
    equipment: str, ranking: Sequence[Criterion] = (), later_h: float = 0.0, *, free: bool = False, as_json: bool
) -> None:
    if there := server():
        asked = {"ranking": [c.value for c in ranking], "later_h": later_h, "free": free}
        found = there.get("dispatch", equipment=equipment, **asked)
        ranked, excluded = found["ranked"], found["excluded"]
    else:
        with reading() as session:
            at = plant_now(session) + timedelta(hours=later_h)
            ranked, excluded = look(session, equipment_id(session, equipment), at, WhatIf(tuple(ranking), free))
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
