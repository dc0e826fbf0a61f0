"""Recipes: all versions, and one with its limits, its body, who holds it, and how it differs from another."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.definitions.models import EquipmentClass
from mes.equipment.queries import equipment_id
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import WRITTEN, Name
from mes.http.transaction import Tx
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.people.signing import SIGNED
from mes.recipes.approve import APPROVED_MEANS, approve, retire, submit
from mes.recipes.draft import MOST_CHARACTERS, draft
from mes.recipes.looks import look, select_recipes
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.recipes.queries import recipe_version_id
from mes.recipes.states import RecipeState
from mes.recipes.verify import verify
from mes.web.forms import Field, Note, Unchosen, Why, onwards
from mes.web.pages import page, plant_time, view_of
from mes.web.recipe_difference import lines, parameters

router = APIRouter(prefix="/recipes", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_RECIPES)]
Writer = Annotated[Person, require(Permission.WRITE_RECIPES)]
Approver = Annotated[Person, require(Permission.APPROVE_RECIPES)]
Recipe = Annotated[Name, Path()]


@router.get("")
def show_all(request: Request, session: Tx, viewer: Viewer, state: RecipeState | Unchosen = "") -> Response:
    """All versions, the newest of each recipe first."""
    held = select(func.count()).where(RecipeOnEquipment.recipe_version_id == RecipeVersion.id).scalar_subquery()
    query = select_recipes().add_columns(EquipmentClass.title.label("class_title"), held.label("held"))
    query = query.order_by(RecipeVersion.recipe, RecipeVersion.version.desc())
    if state:
        query = query.where(RecipeVersion.state == state)
    told: dict[str, Any] = {
        "rows": session.execute(query).mappings().all(),
        "state": state,
        "states": list(RecipeState),
    }
    plant = plant_time(session, view_of(request, viewer))
    return page(request, "recipes.html", "/recipes", viewer, plant=plant, **told)


@router.get("/{recipe}")
def show(request: Request, session: Tx, viewer: Viewer, recipe: Recipe, against: str = "") -> Response:
    """One version; ``against``: beside another version of the recipe, the one before it if none is named."""
    of = recipe_version_id(session, recipe)
    others = _versions(session, of)
    before = against or next((name for name in others if name != recipe), "")
    told: dict[str, Any] = {
        "recipe": look(session, of), "others": [name for name in others if name != recipe], "before": before,
        "plant": plant_time(session, view_of(request, viewer)), "here": path("recipes", recipe),
        "signs": viewer.role is Role.PROCESS_ENGINEER and may(viewer, Permission.APPROVE_RECIPES),
        "means": APPROVED_MEANS, "most": MOST_CHARACTERS,
    }  # fmt: skip
    if before:
        other = look(session, recipe_version_id(session, before))
        told |= {"rows": lines(other["body"], told["recipe"]["body"])}
        told |= {"limits": parameters(other["parameters"], told["recipe"]["parameters"])}
    return page(request, "recipe.html", "/recipes", viewer, **told)


def _versions(session: Session, of: int) -> list[str]:
    """The versions of a recipe: those before this one first, the last of them in front, then those after it."""
    this = session.get_one(RecipeVersion, of)
    query = select(RecipeVersion.name).where(RecipeVersion.recipe == this.recipe)
    later, number = RecipeVersion.version > this.version, RecipeVersion.version
    return list(session.scalars(query.order_by(later, number.desc())))


@router.post("/{recipe}/draft")
def create_draft(
    session: Tx, by: Writer, recipe: Recipe, why: Why,
    body: Annotated[str, Form(min_length=1, max_length=2 * MOST_CHARACTERS, pattern=WRITTEN)],
) -> Response:  # fmt: skip
    """Draft the next version: another body, inside the limits of this one."""
    text = body.replace("\r\n", "\n")
    version = draft(session, recipe_version_id(session, recipe), text, act_now(session, by.name, why))
    return onwards(path("recipes", version.name))


@router.post("/{recipe}/submit")
def submit_draft(session: Tx, by: Writer, recipe: Recipe, why: Note = "") -> Response:
    """Ask for the approval of a draft."""
    submit(session, recipe_version_id(session, recipe), act_now(session, by.name, why))
    return onwards(path("recipes", recipe))


@router.post("/{recipe}/approve", dependencies=[SIGNED])
def approve_version(session: Tx, by: Approver, recipe: Recipe, why: Note = "") -> Response:
    """Sign that equipment may run a submitted version; it never changes again."""
    approve(session, recipe_version_id(session, recipe), by, act_now(session, by.name, why))
    return onwards(path("recipes", recipe))


@router.post("/{recipe}/retire")
def retire_version(session: Tx, by: Approver, recipe: Recipe, why: Why) -> Response:
    """Take an approved version out of use: no lot starts with it any more."""
    retire(session, recipe_version_id(session, recipe), act_now(session, by.name, why))
    return onwards(path("recipes", recipe))


@router.post("/{recipe}/verify")
def verify_version(session: Tx, by: Approver, recipe: Recipe, equipment: Field, why: Why) -> Response:
    """Have what an equipment holds compared anew with the next order."""
    of = equipment_id(session, equipment)
    verify(session, recipe_version_id(session, recipe), of, act_now(session, by.name, why))
    return onwards(path("recipes", recipe))
