"""`mes maintenance`: what is due on which equipment, and doing it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.equipment.maintenance.looks import all_equipment, last_done, plans_of
from mes.equipment.maintenance.maintain import Found, found_of, maintain
from mes.equipment.maintenance.states import MaintenanceState
from mes.equipment.queries import equipment_id
from mes.errors import Malformed

app = typer.Typer(no_args_is_help=True)

EquipmentName = Annotated[str, typer.Argument(metavar="EQUIPMENT", help="Name of the equipment.")]
MOST = 50
WORDS = {"yes": True, "no": False}


@app.command(name="list")
def list_maintenance(
    *,
    state: Annotated[MaintenanceState | None, typer.Option(help="Only what stands so.")] = None,
    as_json: Json = False,
) -> None:
    """How every plan stands on every equipment.

    Example: mes maintenance list --state due
    """
    if there := server():
        found = there.entries("maintenance", state=state)
    else:
        with reading() as session:
            rows = plans_of(session, all_equipment(session), plant_now(session))
            found = [row for row in rows if state in (None, row["state"])]
    brief = ("equipment", "plan", "state", "due_at", "runs_left", "units_left", "since")
    shown = found if as_json else [{key: row[key] for key in brief} for row in found]
    show(shown, as_json=as_json, empty="Nothing; the text of the plant says what is maintained in maintenance.yaml.")


@app.command(name="show")
def show_maintenance(equipment: EquipmentName, *, as_json: Json = False) -> None:
    """How the plans of an equipment stand, and what was found in its last maintenance.

    Example: mes maintenance show TCB-01
    """
    if there := server():
        told = there.get("equipment", equipment, "maintenance")
    else:
        with reading() as session:
            of = equipment_id(session, equipment)
            told = {"plans": plans_of(session, [of], plant_now(session)), "done": last_done(session, of, MOST)}
    show_one(told, as_json=as_json)


@app.command()
def do(
    equipment: EquipmentName,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Which plan was gone through.")],
    found: Annotated[list[str], typer.Argument(metavar="CHECK=VALUE...", help="A number, yes or no for every check.")],
    *,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Record a maintenance with what was found. What is outside its limits is kept, and blocks the equipment.

    Example: mes maintenance do TCB-01 bonder_weekly force=50.2 vacuum_lines=yes
    """
    values = _values(found)
    if there := server():
        asked = [{"check": check, "value": value} for check, value in values.items()]
        told = there.post("equipment", equipment, "maintain", body={"plan": plan, "found": asked, "why": why})
        rows = [row for row in told["plans"] if row["plan"] == plan]
    else:
        with writing(why) as (session, act):
            of = equipment_id(session, equipment)
            maintain(session, of, plan, values, act)
            session.flush()
            rows = [row for row in plans_of(session, [of], act.at) if row["plan"] == plan]
    show_one({key: value for key, value in rows[0].items() if key != "checks"}, as_json=as_json)


def _values(found: Sequence[str]) -> Found:
    """What was found, by check. Raises `Malformed` with the first word that is not so."""
    told: list[tuple[str, float | bool]] = []
    for word in found:
        name, _, value = word.partition("=")
        try:
            told.append((name, WORDS[value] if value in WORDS else float(value)))
        except ValueError as error:
            raise Malformed(f"'{word}' says nothing; write CHECK=VALUE, with a number, yes or no.") from error
    return found_of(told)
