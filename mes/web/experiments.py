"""Experiments: plans with their legs and what came of them; drafted, approved by a signature, closed."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import select

from mes.definitions.clock import act_now
from mes.http.command import FormRoute
from mes.http.shapes import PRINTED, WRITTEN, Name
from mes.http.transaction import Tx
from mes.lots.experiments.looks import experiment_id, experiments
from mes.lots.experiments.plan import APPROVED_MEANS, NewExperiment, approve, close, draft
from mes.lots.experiments.text import read_leg
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.people.signing import SIGNED
from mes.routes.models import Operation, RouteVersion
from mes.web.forms import Field, Note, Why, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/experiments", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_RECIPES)]
Planner = Annotated[Person, require(Permission.PLAN_EXPERIMENTS)]
Approver = Annotated[Person, require(Permission.APPROVE_EXPERIMENTS)]
ExperimentName = Annotated[Name, Path()]
Title = Annotated[str, Form(min_length=1, max_length=200, pattern=PRINTED)]
Lines = Annotated[str, Form(min_length=1, max_length=10_000, pattern=WRITTEN)]


@router.get("")
def show_all(request: Request, session: Tx, viewer: Viewer) -> Response:
    """All experiments with their legs, the newest first."""
    query = select(Operation.name, Operation.title).join(RouteVersion, RouteVersion.id == Operation.route_version_id)
    query = query.where(RouteVersion.current).order_by(RouteVersion.route, Operation.number)
    told: dict[str, Any] = {
        "experiments": experiments(session),
        "operations": session.execute(query).all() if may(viewer, Permission.PLAN_EXPERIMENTS) else (),
        "signs": viewer.role is Role.PROCESS_ENGINEER and may(viewer, Permission.APPROVE_EXPERIMENTS),
        "means": APPROVED_MEANS,
        "plant": plant_time(session, view_of(request, viewer)),
    }
    return page(request, "experiments.html", "/recipes", viewer, **told)


@router.post("/draft")
def draft_experiment(
    session: Tx, by: Planner, name: Field, operation: Field, title: Title,
    legs: Lines, lots: Note = "", why: Note = "",
) -> Response:  # fmt: skip
    """Write a plan down: a leg a line, and lots apart by spaces or lines."""
    given = tuple(read_leg(line) for line in legs.splitlines() if line.strip())
    draft(session, NewExperiment(name, title, operation, given, tuple(lots.split())), act_now(session, by.name, why))
    return onwards("/experiments")


@router.post("/{experiment}/approve", dependencies=[SIGNED])
def approve_experiment(session: Tx, by: Approver, experiment: ExperimentName, why: Note = "") -> Response:
    """Sign that substrates run by the legs of a draft."""
    approve(session, experiment_id(session, experiment), by, act_now(session, by.name, why))
    return onwards("/experiments")


@router.post("/{experiment}/close")
def close_experiment(session: Tx, by: Planner, experiment: ExperimentName, why: Why) -> Response:
    """Let nothing start by an experiment any more."""
    close(session, experiment_id(session, experiment), act_now(session, by.name, why))
    return onwards("/experiments")
