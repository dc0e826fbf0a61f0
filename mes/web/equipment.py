"""Equipment: all of it area by area, and one with its states over time, its alarms, its recipes and its jobs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now, plant_now
from mes.equipment.condition import LONGEST_CODE, change_state, dismiss_alarm
from mes.equipment.looks import last_states, past_alarms, standing_alarms
from mes.equipment.maintenance.looks import last_done, plans_of
from mes.equipment.maintenance.maintain import found_of, maintain
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.equipment.states import EquipmentState
from mes.errors import Malformed
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.jobs.looks import select_jobs
from mes.materials.durables.looks import select_durables
from mes.materials.durables.models import Durable
from mes.materials.looks import select_containers
from mes.materials.models import Container
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.recipes.states import RecipeState
from mes.runs.models import Run
from mes.web.board.reading import HEARD, read_areas
from mes.web.equipment_timeline import PERIODS, read_timeline
from mes.web.forms import Field, Note, Why, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/equipment", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_LINE)]
EquipmentName = Annotated[Name, Path()]
Period = Literal["24h", "7d"]

MOST = 20
"""Of alarms that have gone away, of states and of jobs: the last ones."""
DOWN = (EquipmentState.UDT, EquipmentState.SDT, EquipmentState.ENG, EquipmentState.NST)
"""States that a person takes equipment into by hand; PRD is the equipment's own to tell."""


@router.get("")
def show_all(request: Request, session: Tx, viewer: Viewer) -> Response:
    """All equipment, area by area as the plant lays it out."""
    plant = plant_time(session, view_of(request, viewer))
    told: dict[str, Any] = {"areas": read_areas(session), "unheard": not session.scalar(HEARD), "plant": plant}
    return page(request, "equipment_list.html", "/equipment", viewer, **told)


@router.get("/{name}")
def show(request: Request, session: Tx, viewer: Viewer, name: EquipmentName, period: Period = "24h") -> Response:
    """One equipment: how it is now, what it runs, and how the last 24 hours or 7 days of plant time went."""
    of = equipment_id(session, name)
    plant = plant_time(session, view_of(request, viewer))
    told = {
        "equipment": next(one for area in read_areas(session) for one in area.equipment if one.id == of),
        "timeline": read_timeline(session, of, plant_now(session), period, plant["zone"]),
        "periods": tuple(PERIODS), "plant": plant, "here": path("equipment", name), "most": MOST, "down": DOWN,
        "plans": plans_of(session, [of], plant_now(session)), "maintained": last_done(session, of, MOST),
        **_looks(session, of),
    }  # fmt: skip
    return page(request, "equipment.html", "/equipment", viewer, **told)


def _looks(session: Session, of: int) -> dict[str, Any]:
    """What there is to read of an equipment, by the name it has on the page."""
    asked = {
        "alarms": standing_alarms(of),
        "past": past_alarms(of, MOST),
        "states": last_states(of, MOST),
        "recipes": _recipes(of),
        "mounted": select_containers(plant_now(session)).where(Equipment.id == of).order_by(Container.name),
        "tools": select_durables().where(Equipment.id == of).order_by(Durable.name),
        "jobs": select_jobs().where(Run.equipment_id == of).order_by(Run.id.desc()).limit(MOST),
    }
    return {name: session.execute(query).mappings().all() for name, query in asked.items()}


def _recipes(of: int) -> Any:
    """What it was last seen to hold, and what is approved for its class though it was not seen to hold it."""
    class_id = select(Equipment.class_id).where(Equipment.id == of).scalar_subquery()
    held, version = RecipeOnEquipment, RecipeVersion
    wanted = (version.class_id == class_id) & (version.state == RecipeState.APPROVED)
    return (
        select(
            version.name.label("recipe"), version.state, held.verified_at,
            (held.sha256 == version.sha256).label("as_approved"),
        )
        .outerjoin(held, (held.recipe_version_id == version.id) & (held.equipment_id == of))
        .where(wanted | held.equipment_id.is_not(None))
        .order_by(version.recipe, version.version)
    )  # fmt: skip


@router.post("/{name}/state")
def change(
    session: Tx, by: Annotated[Person, require(Permission.RUN_EQUIPMENT)], name: EquipmentName,
    state: Annotated[EquipmentState, Form()], why: Why,
) -> Response:  # fmt: skip
    """Take the equipment down by hand, or give it back."""
    change_state(session, equipment_id(session, name), state, act_now(session, by.name, why))
    return onwards(path("equipment", name))


@router.post("/{name}/clear-alarm")
def clear_alarm(
    session: Tx, by: Annotated[Person, require(Permission.MAINTAIN_EQUIPMENT)], name: EquipmentName,
    alarm: Annotated[str, Form(min_length=1, max_length=LONGEST_CODE)], why: Why,
) -> Response:  # fmt: skip
    """Clear an alarm that was seen to."""
    dismiss_alarm(session, equipment_id(session, name), alarm, act_now(session, by.name, why))
    return onwards(path("equipment", name))


WORDS = {"yes": True, "no": False}


@router.post("/{name}/maintain")
def maintain_equipment(
    session: Tx, by: Annotated[Person, require(Permission.MAINTAIN_EQUIPMENT)], name: EquipmentName, plan: Field,
    check: Annotated[list[Field], Form(max_length=100)], value: Annotated[list[Field], Form(max_length=100)],
    why: Note = "",
) -> Response:  # fmt: skip
    """Record a maintenance with what was found: a value for each check of its plan."""
    if len(check) != len(value):
        raise Malformed("Give every check its value.")
    found = [(one, _value(said.strip())) for one, said in zip(check, value, strict=True)]
    maintain(session, equipment_id(session, name), plan, found_of(found), act_now(session, by.name, why))
    return onwards(path("equipment", name))


def _value(said: str) -> float | bool:
    """Yes, no or a number. Raises `Malformed`."""
    try:
        return WORDS[said] if said in WORDS else float(said)
    except ValueError as error:
        raise Malformed(f"'{said}' is no number; write it with a point, such as 50.2.") from error
