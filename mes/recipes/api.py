"""Recipes over HTTP: their versions, from draft to retirement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.definitions.models import EquipmentClass
from mes.equipment.queries import equipment_id
from mes.http import etag, paging
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import WRITTEN, Asked, Name, Text, Why, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.people.signing import GUESSED, signing
from mes.recipes.approve import approve, retire, submit
from mes.recipes.draft import MOST_CHARACTERS, draft
from mes.recipes.looks import look, select_recipes
from mes.recipes.models import RecipeVersion
from mes.recipes.queries import recipe_version_id
from mes.recipes.states import RecipeState
from mes.recipes.verify import verify

router = APIRouter(prefix="/recipes", route_class=CommandRoute, tags=["recipes"])

RecipeName = Annotated[Name, Path(description="`recipe@version`.")]


@dataclass
class _Named:
    """The version that a command is for, as the caller has seen it."""

    recipe: RecipeName
    if_match: IfMatch = None

    def id(self, session: Session) -> int:
        """Its id. Raises `NotFound`, and later `Stale` where it has changed since."""
        found = recipe_version_id(session, self.recipe)
        etag.asked(session, RecipeVersion, found, self.if_match)
        return found


Named = Annotated[_Named, Depends()]
Viewer = Annotated[Person, require(Permission.SEE_RECIPES)]
Writer = Annotated[Person, require(Permission.WRITE_RECIPES)]
Approver = Annotated[Person, require(Permission.APPROVE_RECIPES)]

RECIPE: dict[str, Any] = {
    "class": "bonder",
    "recipe": "tcb_stack@2",
    "state": "draft",
    "approved_by": None,
    "approved_at": None,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
"""A recipe version in the examples, alone and with what belongs to it."""


class RecipeRow(BaseModel):
    """A recipe version in a list. Times are UTC on the plant clock."""

    model_config = example(**RECIPE)

    recipe: str = Field(description="`recipe@version`.")
    of_class: str = Field(alias="class", description="Of equipment that can run it.")
    state: RecipeState
    approved_by: str | None
    approved_at: datetime | None
    sha256: str = Field(description="Over the body, hexadecimal.")


class RecipeParameter(BaseModel):
    """A parameter: what it is set to, within which limits."""

    name: str
    unit: str
    target: float
    low: float
    high: float


class RecipeHeld(BaseModel):
    """An equipment that was last seen to hold the version, and whether as it was approved."""

    equipment: str
    as_approved: bool
    sha256: str
    verified_at: datetime


class RecipeLook(RecipeRow):
    """A recipe version with its parameters, which equipment holds it, and its body."""

    model_config = example(
        **RECIPE,
        parameters=[{"name": "force", "unit": "N", "target": 42, "low": 30, "high": 50}],
        on_equipment=[
            {"equipment": "TCB-01", "as_approved": True, "sha256": "9f86d0", "verified_at": "2026-03-01T01:00:00Z"}
        ],
        body="force = 42 N",
    )

    parameters: list[RecipeParameter]
    on_equipment: list[RecipeHeld]
    body: str


class DraftBody(Asked):
    """The next version of a recipe: another body, inside the limits there are."""

    model_config = example(like="tcb_stack@1", body="force = 42 N", why="more force for the new die")

    like: Name = Field(description="`recipe@version` whose class and limits it takes.")
    body: str = Field(
        min_length=1, max_length=MOST_CHARACTERS, pattern=WRITTEN, description="What equipment is to run."
    )
    why: Text = ""


class SubmitBody(Asked):
    """A draft to submit and, if you like, why."""

    model_config = example(why="tried on ten wafers")

    why: Text = ""


class ApproveBody(Asked):
    """Who signs: a process engineer, with the password given for this act alone."""

    model_config = example(signer="process.engineer", password="correct horse battery", why="tried on ten wafers")  # noqa: S106

    signer: Name | None = Field(None, description="Name of the user who signs; the caller if not given.")
    password: str = Field(min_length=1, max_length=1000, description="Of the signer, no PIN; kept nowhere.")
    why: Text = ""


class RetireBody(Asked):
    """Why a version is taken out of use."""

    model_config = example(why="cracks at this force")

    why: Why


class VerifyBody(Asked):
    """An equipment on which the approved body is by now."""

    model_config = example(equipment="TCB-01", why="loaded the approved body by hand")

    equipment: Name
    why: Why


@router.get("", response_model=paging.Page[RecipeRow])
def list_recipes(
    session: Tx, _: Viewer, asked: paging.Asked, state: RecipeState | None = None, of_class: Name | None = None
) -> Any:
    """All recipe versions with state and approval, by recipe and version."""
    query = select_recipes()
    if state is not None:
        query = query.where(RecipeVersion.state == state)
    if of_class is not None:
        query = query.where(EquipmentClass.name == of_class)
    return paging.paged(session, query, (RecipeVersion.recipe, RecipeVersion.version), asked)


@router.get("/{recipe}", response_model=RecipeLook)
def show(session: Tx, _: Viewer, response: Response, recipe: RecipeName) -> Any:
    """One recipe version: parameters with limits, body, and which equipment holds it."""
    return _look(session, response, recipe_version_id(session, recipe))


@router.post("", response_model=RecipeLook, status_code=201)
def create_draft(session: Tx, by: Writer, response: Response, body: DraftBody) -> Any:
    """Draft the next version of a recipe. Refused with everything that is wrong in the body."""
    like = recipe_version_id(session, body.like)
    version = draft(session, like, body.body, act_now(session, by.name, body.why))
    return _look(session, response, version.id)


@router.post("/{recipe}/submit", response_model=RecipeLook)
def submit_draft(session: Tx, by: Writer, response: Response, of: Named, body: SubmitBody) -> Any:
    """Ask for the approval of a draft."""
    found = of.id(session)
    submit(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{recipe}/approve", response_model=RecipeLook, responses={429: {"description": GUESSED}})
def approve_version(
    session: Tx, request: Request, by: Approver, response: Response, of: Named, body: ApproveBody
) -> Any:
    """Sign that equipment may run a submitted version; it never changes again.

    The signer is a process engineer and gives the password again. Wrong ones make the next try wait, as at a sign-in.
    """
    found = of.id(session)
    signer = signing(request, body.signer or by.name, body.password, pin=False)
    approve(session, found, signer, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{recipe}/retire", response_model=RecipeLook)
def retire_version(session: Tx, by: Approver, response: Response, of: Named, body: RetireBody) -> Any:
    """Take an approved version out of use: no lot starts with it any more. What runs is not stopped."""
    found = of.id(session)
    retire(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{recipe}/verify", response_model=RecipeLook)
def verify_version(session: Tx, by: Approver, response: Response, of: Named, body: VerifyBody) -> Any:
    """Have what an equipment holds compared anew: the next order does, and is refused if the body still differs."""
    found = of.id(session)
    verify(session, found, equipment_id(session, body.equipment), act_now(session, by.name, body.why))
    return _look(session, response, found)


def _look(session: Session, response: Response, of: int) -> dict[str, Any]:
    etag.tell_row(session, response, RecipeVersion, of)
    return look(session, of)
