"""Durables over HTTP: kinds, what there is, and a path for each verb."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.definitions.models import DurableKind
from mes.equipment.queries import equipment_id
from mes.history import Act
from mes.http import etag, paging
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import Asked, Name, Text, Why, example
from mes.http.transaction import Tx
from mes.materials.durables.care import (
    clean_durable,
    dismount_durable,
    inspect_durable,
    mount_durable,
    register,
    scrap_durable,
)
from mes.materials.durables.looks import look, select_durables, select_kinds, wanted
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import durable_id
from mes.materials.durables.states import DurableState
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

kinds = APIRouter(prefix="/durable-kinds", tags=["materials"], dependencies=[require(Permission.SEE_LINE)])
router = APIRouter(prefix="/durables", route_class=CommandRoute, tags=["materials"])

DurableName = Annotated[Name, Path(description="Number of the durable.")]
Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Keeper = Annotated[Person, require(Permission.KEEP_MATERIALS)]
Worker = Annotated[Person, require(Permission.WORK_MATERIALS)]
MOST = 2_000_000_000

DURABLE: dict[str, Any] = {
    "durable": "COL-0012",
    "kind": "collet",
    "title": "Collet",
    "state": "mounted",
    "count": 4120,
    "counts": "touchdowns",
    "per": "unit",
    "most": 20000,
    "until_clean": 880,
    "until_inspection": None,
    "worn": False,
    "equipment": "TCB-01",
    "mounted_at": "2026-03-01T02:10:00Z",
    "load": None,
}
"""A durable in the examples."""


class DurableKindRow(BaseModel):
    """A kind of durables that operations need."""

    model_config = example(
        kind="collet", title="Collet", counts="touchdowns", per="unit", most=20000, clean_every=1000, inspect_every=None
    )

    kind: str
    title: str
    counts: str = Field(description="The word for what is counted.")
    per: str = Field(description="Whether each unit counts, or each substrate, or each load.")
    most: int = Field(description="It is used up at so many.")
    clean_every: int | None
    inspect_every: int | None


class DurableRow(BaseModel):
    """A durable. Times are UTC on the plant clock."""

    model_config = example(**DURABLE)

    durable: str
    kind: str
    title: str
    state: DurableState
    count: int = Field(description="What it has done.")
    counts: str
    per: str = Field(description="Whether each unit counts, or each substrate, or each load.")
    most: int
    until_clean: int | None = Field(description="Until it is to be cleaned; zero or less: it is due.")
    until_inspection: int | None
    worn: bool = Field(description="It is used up.")
    equipment: str | None = Field(description="What it is mounted on.")
    mounted_at: datetime | None
    load: str | None = Field(description="The name of the load that a boat or tray carries.")


class RegisterBody(Asked):
    """A durable that came."""

    model_config = example(id="COL-0012", kind="collet", count=0)

    id: Name
    kind: Name
    count: int = Field(0, ge=0, le=MOST, description="What it has done before.")
    why: Text = ""


class MountDurableBody(Asked):
    """Where to mount a durable."""

    model_config = example(equipment="TCB-01")

    equipment: Name
    why: Text = ""


class CareBody(Asked):
    """A command on a durable that needs nothing but, if you like, a reason."""

    model_config = example(why="end of the shift")

    why: Text = ""


class InspectBody(Asked):
    """What an inspection found."""

    model_config = example(fit=False, why="chipped at the edge")

    fit: bool
    why: Text = Field("", description="Required where it is unfit.")


class ScrapDurableBody(Asked):
    """Why a durable is thrown away."""

    model_config = example(why="worn out")

    why: Why


@dataclass
class _Named:
    """The durable that a command is for, and the version that the caller has seen of it."""

    durable: DurableName
    if_match: IfMatch = None

    def id(self, session: Session) -> int:
        """Its id. Raises `NotFound`, and later `Stale` where it has changed since."""
        found = durable_id(session, self.durable)
        etag.asked(session, Durable, found, self.if_match)
        return found


Named = Annotated[_Named, Depends()]


@kinds.get("", response_model=paging.Page[DurableKindRow])
def list_durable_kinds(session: Tx, asked: paging.Asked) -> Any:
    """All kinds of durables by name, with what is counted and their cycles."""
    return paging.paged(session, select_kinds(), (DurableKind.name,), asked)


@router.get("", response_model=paging.Page[DurableRow])
def list_durables(
    session: Tx, _: Viewer, asked: paging.Asked, kind: Name | None = None, state: DurableState | None = None,
    equipment: Annotated[Name | None, Query(description="Only what is mounted on it.")] = None,
    q: Annotated[str | None, Query(max_length=64, description="A part of the number.")] = None,
) -> Any:  # fmt: skip
    """Durables by number, with what they have done and how long until they are cleaned and inspected."""
    query = wanted(select_durables(), kind=kind, state=state, equipment=equipment, named=q)
    return paging.paged(session, query, (Durable.name,), asked)


@router.get("/{durable}", response_model=DurableRow)
def show_durable(session: Tx, _: Viewer, response: Response, durable: DurableName) -> Any:
    """One durable."""
    return _look(session, response, durable_id(session, durable))


@router.post("", response_model=DurableRow, status_code=201)
def register_durable(session: Tx, by: Keeper, response: Response, body: RegisterBody) -> Any:
    """Take a durable in, cleaned and inspected."""
    made = register(session, body.id, body.kind, body.count, act_now(session, by.name, body.why))
    return _look(session, response, made.id)


@router.post("/{durable}/mount", response_model=DurableRow)
def mount(session: Tx, by: Worker, of: Named, response: Response, body: MountDurableBody) -> Any:
    """Put a durable on an equipment, which has one of a kind."""
    found = of.id(session)
    mount_durable(session, found, equipment_id(session, body.equipment), act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{durable}/dismount", response_model=DurableRow)
def dismount(session: Tx, by: Worker, of: Named, response: Response, body: CareBody) -> Any:
    """Take a durable off its equipment. Refused while a run counts on it."""
    return _done(session, by, of, response, body.why, dismount_durable)


@router.post("/{durable}/clean", response_model=DurableRow)
def clean(session: Tx, by: Worker, of: Named, response: Response, body: CareBody) -> Any:
    """Clean a durable, where it is."""
    return _done(session, by, of, response, body.why, clean_durable)


@router.post("/{durable}/inspect", response_model=DurableRow)
def inspect(session: Tx, by: Keeper, of: Named, response: Response, body: InspectBody) -> Any:
    """Inspect a durable; one that is unfit comes off its equipment."""
    return _done(session, by, of, response, body.why, lambda s, i, act: inspect_durable(s, i, act, fit=body.fit))


@router.post("/{durable}/scrap", response_model=DurableRow)
def scrap(session: Tx, by: Keeper, of: Named, response: Response, body: ScrapDurableBody) -> Any:
    """Throw a durable away."""
    return _done(session, by, of, response, body.why, scrap_durable)


def _done(
    session: Session, by: Person, of: _Named, response: Response, why: str,
    verb: Callable[[Session, int, Act], Durable],
) -> dict[str, Any]:  # fmt: skip
    found = of.id(session)
    verb(session, found, act_now(session, by.name, why))
    return _look(session, response, found)


def _look(session: Session, response: Response, found: int) -> dict[str, Any]:
    """A durable as the transaction leaves it, and its version in the head of the answer."""
    session.flush()
    etag.tell_row(session, response, Durable, found)
    return look(session, found)
