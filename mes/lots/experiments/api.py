"""Experiments over HTTP: plans with their legs, drafted, approved by a signature, closed."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.http.command import CommandRoute
from mes.http.shapes import PRINTED, Asked, Name, Text, Why, example
from mes.http.transaction import Tx
from mes.lots.experiments.looks import experiment_id, experiments, look
from mes.lots.experiments.plan import NewExperiment, NewLeg, approve, close, draft
from mes.lots.experiments.states import ExperimentState
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.people.signing import GUESSED, signing

router = APIRouter(prefix="/experiments", route_class=CommandRoute, tags=["lots"])

ExperimentName = Annotated[Name, Path(description="Name of the experiment.")]
Viewer = Annotated[Person, require(Permission.SEE_RECIPES)]
Planner = Annotated[Person, require(Permission.PLAN_EXPERIMENTS)]
Approver = Annotated[Person, require(Permission.APPROVE_EXPERIMENTS)]

LEG = {"leg": "high", "recipe": None, "parameters": [{"name": "bond_force", "value": 110.0}], "substrates": ["W2"]}
TOLD = {"experiment": "force-1", "title": "More force", "operation": "hbm_stack/10"}


class SetPoint(Asked):
    """A set point of a recipe by its name, in the unit that the recipe has."""

    name: Name
    value: float = Field(allow_inf_nan=False)


class LegBody(Asked):
    """A way in which the operation is done: another recipe, set points of it, both; or neither, to compare with."""

    leg: Name
    recipe: Name | None = Field(None, description="`recipe@version`, approved; without it what runs there otherwise.")
    parameters: list[SetPoint] = Field(default=[], max_length=50, description="Inside the recipe's limits.")
    substrates: list[Name] = Field(default=[], max_length=1000, description="That run by it.")


class ExperimentBody(Asked):
    """A plan. Substrates of its lots that no leg names are dealt to the legs; without both all that comes is in it."""

    model_config = example(**TOLD, lots=["D1"], customer="hanbit", legs=[{"leg": "usual"}, LEG], why="fewer voids")

    experiment: Name
    title: str = Field(min_length=1, max_length=200, pattern=PRINTED)
    operation: Name = Field(description="`route/number`.")
    legs: list[LegBody] = Field(min_length=1, max_length=50)
    lots: list[Name] = Field(default=[], max_length=1000)
    customer: Name | None = Field(None, description="Whose lots and substrates, where customers share a name.")
    why: Text = ""


class ApproveBody(Asked):
    """Who signs: a process engineer, with the password given for this act alone."""

    model_config = example(signer="process.engineer", password="correct horse battery", why="fewer voids")  # noqa: S106

    signer: Name | None = Field(None, description="Name of the user who signs; the caller if not given.")
    password: str = Field(min_length=1, max_length=1000, description="Of the signer, no PIN; kept nowhere.")
    why: Text = ""


class CloseBody(Asked):
    """Why nothing is to start by it any more."""

    model_config = example(why="24 wafers are enough")

    why: Why


class LegLook(BaseModel):
    """A leg and what came of it."""

    leg: str
    recipe: str | None
    parameters: list[SetPoint]
    substrates: list[str] = Field(description="That are named for it.")
    ran: int = Field(description="Substrates that were ordered by it.")
    good: int = Field(description="Units that came out good at the operation.")
    failed: int


class ExperimentLook(BaseModel):
    """An experiment with its legs."""

    model_config = example(
        **TOLD, state="approved", every=False, drafted_by="process.engineer", drafted_at="2026-03-01T01:00:00Z",
        approved_by="process.engineer", approved_at="2026-03-01T02:00:00Z", closed_at=None,
        legs=[LEG | {"ran": 1, "good": 355, "failed": 5}],
    )  # fmt: skip

    experiment: str
    title: str
    operation: str
    state: ExperimentState
    every: bool = Field(description="All that comes to the operation is in it, not only what is named.")
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    closed_at: datetime | None
    legs: list[LegLook]


@router.get("", response_model=list[ExperimentLook])
def list_experiments(session: Tx, _: Viewer) -> Any:
    """All experiments with their legs, the newest first."""
    return experiments(session)


@router.get("/{experiment}", response_model=ExperimentLook)
def show(session: Tx, _: Viewer, experiment: ExperimentName) -> Any:
    """One experiment with its legs, and how many substrates and units ran by each."""
    return look(session, experiment_id(session, experiment))


@router.post("", response_model=ExperimentLook, status_code=201)
def draft_experiment(session: Tx, by: Planner, body: ExperimentBody) -> Any:
    """Write a plan down. Refused with every set point that leaves its limits; nothing runs by it until it is signed."""
    legs = tuple(
        NewLeg(one.leg, one.recipe, {p.name: p.value for p in one.parameters}, tuple(one.substrates))
        for one in body.legs
    )
    wanted = NewExperiment(body.experiment, body.title, body.operation, legs, tuple(body.lots), body.customer)
    return _told(session, draft(session, wanted, act_now(session, by.name, body.why)).id)


@router.post("/{experiment}/approve", response_model=ExperimentLook, responses={429: {"description": GUESSED}})
def approve_experiment(
    session: Tx, request: Request, by: Approver, experiment: ExperimentName, body: ApproveBody
) -> Any:
    """Sign that substrates run by the legs of a draft. Refused with everything that speaks against it."""
    found = experiment_id(session, experiment)
    signer = signing(request, body.signer or by.name, body.password, pin=False)
    return _told(session, approve(session, found, signer, act_now(session, by.name, body.why)).id)


@router.post("/{experiment}/close", response_model=ExperimentLook)
def close_experiment(session: Tx, by: Planner, experiment: ExperimentName, body: CloseBody) -> Any:
    """Let nothing start by an experiment any more. What runs goes on, and what ran stays known."""
    found = experiment_id(session, experiment)
    return _told(session, close(session, found, act_now(session, by.name, body.why)).id)


def _told(session: Session, of: int) -> Any:
    session.flush()
    return look(session, of)
