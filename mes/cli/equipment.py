"""`mes equipment`: what equipment is and does."""

from typing import Annotated, Any

import typer
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.models import EquipmentClass
from mes.equipment.condition import change_state, dismiss_alarm
from mes.equipment.looks import last_states, select_equipment, standing_alarms
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.equipment.states import EquipmentState
from mes.lots.models import Mount
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate

app = typer.Typer(no_args_is_help=True)

MOST_STATES = 100

EquipmentName = Annotated[str, typer.Argument(metavar="EQUIPMENT", help="Name of the equipment.")]


@app.command(name="list")
def list_equipment(
    *,
    of_class: Annotated[str | None, typer.Option("--class", help="Only equipment of this class.")] = None,
    as_json: Json = False,
) -> None:
    """All equipment with its E10 state and whether it answers.

    Example: mes equipment list --class tcb_bonder
    """
    if there := server():
        found = there.rows("equipment", of_class=of_class)
    else:
        query = select_equipment().order_by(Equipment.name)
        if of_class is not None:
            query = query.where(EquipmentClass.name == of_class)
        with reading() as session:
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No equipment; mes plant apply brings it in.")


@app.command(name="show")
def show_equipment(name: EquipmentName, *, as_json: Json = False) -> None:
    """One equipment with its standing alarms, last states, open runs, mounted sources and recipes.

    Over HTTP without the last three.

    Example: mes equipment show TCB-01
    """
    if there := server():
        told = there.get("equipment", name)
    else:
        with reading() as session:
            of = equipment_id(session, name)
            told = _row(session, of)
            for part, query in _parts(of).items():
                told[part] = [dict(row) for row in session.execute(query).mappings()]
    show_one(told, as_json=as_json)


def _parts(of: int) -> dict[str, Select[*tuple[Any, ...]]]:
    """What hangs on an equipment, by name."""
    return {
        "alarms": standing_alarms(of),
        "states": last_states(of, MOST_STATES),
        "runs": select(Run.name.label("run"), Run.state, Operation.name.label("operation"), Run.ordered_at)
        .join(Operation, Operation.id == Run.operation_id)
        .where(Run.equipment_id == of, Run.state.in_(OPEN))
        .order_by(Run.id),
        "mounted": select(Substrate.name.label("substrate"), Mount.mounted_at)
        .join(Substrate, Substrate.id == Mount.substrate_id)
        .where(Mount.equipment_id == of, Mount.dismounted_at.is_(None))
        .order_by(Mount.mounted_at, Mount.id),
        "recipes": select(
            RecipeVersion.name.label("recipe"),
            (RecipeOnEquipment.sha256 == RecipeVersion.sha256).label("as_approved"),
            RecipeOnEquipment.verified_at,
        )
        .join(RecipeVersion, RecipeVersion.id == RecipeOnEquipment.recipe_version_id)
        .where(RecipeOnEquipment.equipment_id == of)
        .order_by(RecipeVersion.name),
    }


@app.command()
def state(
    name: EquipmentName,
    new: Annotated[EquipmentState, typer.Argument(metavar="STATE", help="PRD, SBY, ENG, SDT, UDT or NST.")],
    *,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Enter an E10 state by hand: an operator takes equipment down, or gives it back.

    Example: mes equipment state TCB-01 SDT --why "collet change"
    """
    if there := server():
        told = _without_parts(there.post("equipment", name, "state", body={"state": new, "why": why}))
    else:
        with writing(why) as (session, act):
            of = equipment_id(session, name)
            change_state(session, of, new, act)
            told = _row(session, of)
    show_one(told, as_json=as_json)


@app.command()
def clear_alarm(
    name: EquipmentName,
    alarm: Annotated[str, typer.Argument(metavar="ALARM", help="Its code.")],
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Clear an alarm of which nothing reports that it went away; what the equipment reports next counts again.

    Example: mes equipment clear-alarm TCB-01 RECORDS_MISSING --why "all substrates counted"
    """
    if there := server():
        told = _without_parts(there.post("equipment", name, "clear-alarm", body={"alarm": alarm, "why": why}))
    else:
        with writing(why) as (session, act):
            of = equipment_id(session, name)
            dismiss_alarm(session, of, alarm, act)
            told = _row(session, of)
    show_one(told, as_json=as_json)


def _without_parts(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key not in {"alarms", "states"}}


def _row(session: Session, of: int) -> dict[str, Any]:
    return dict(session.execute(select_equipment().where(Equipment.id == of)).mappings().one())
