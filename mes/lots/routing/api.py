"""The way of a lot on its route, over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from mes.http.shapes import Name, ToldReason, example
from mes.http.transaction import Tx
from mes.lots.ladder import ladder, steps
from mes.lots.own_lots import own_lots
from mes.lots.queries import lot_id
from mes.lots.routing.migration import others, told, version_of
from mes.lots.states import Progress
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/lots", tags=["lots"])
versions = APIRouter(prefix="/routes", tags=["lots"])

LotName = Annotated[Name, Path(description="Name of the lot.")]
Customer = Annotated[Name | None, Query(description="Whose lot, where customers share a name.")]


class StepLook(BaseModel):
    """One operation of the route and what the lot did there. Substrates that left it out neither passed nor failed."""

    model_config = example(
        operation="hbm_core/10", title="Probe", state="done", waiting=0, at_work=0, done=2, skipped=0, units_in=720,
        good=702, failed=18, again=5, suspect=0, began_at="2026-03-01T01:11:00Z", ended_at="2026-03-01T03:20:00Z",
        equipment=["PROBE-01"], recipes=["probe@1"],
    )  # fmt: skip

    operation: str
    title: str
    state: str = Field(description="waiting, at work, done, left out, or nothing yet.")
    waiting: int = Field(description="Substrates, like at_work, done and skipped.")
    at_work: int
    done: int
    skipped: int = Field(description="By sampling, or because a person said so.")
    units_in: int = Field(description="Good and failed, as in the yield report.")
    good: int
    failed: int
    again: int
    suspect: int
    began_at: datetime | None
    ended_at: datetime | None
    equipment: list[str] = Field(description="On which it was done; empty for a customer, like the recipes.")
    recipes: list[str] = Field(description="What ran there, `recipe@version`.")


@router.get("/{lot}/operations", response_model=list[StepLook])
def list_operations(
    session: Tx, _: Annotated[Person, require(Permission.SEE_LOTS)], lot: LotName, customer: Customer = None
) -> Any:
    """Every operation of a lot's route in order, and what the lot has done there or left out."""
    found = lot_id(session, lot, customer)
    with own_lots(session) as own:
        found_steps = steps(ladder(session, found))
    return found_steps if own is None else [one | {"equipment": [], "recipes": []} for one in found_steps]


class StandLook(BaseModel):
    """A substrate that would go over: where it stands, and where it would; null: nowhere on the route."""

    substrate: str
    progress: Progress
    stands: str | None
    would_stand: str | None = Field(description="Null also where something speaks against it.")
    reasons: list[ToldReason]


class MigrationLook(BaseModel):
    """What would become of a lot by another version of its route, and what speaks against it."""

    model_config = example(
        lot="D1", customer="hanbit", version="module@2", to="module@3", may_migrate=True, reasons=[],
        substrates=[{"substrate": "S1", "progress": "queued", "stands": "module/190", "would_stand": "module/190",
                     "reasons": []}],
    )  # fmt: skip

    lot: str
    customer: str
    version: str
    to: str
    may_migrate: bool
    reasons: list[ToldReason] = Field(description="Of the lot and of each of its substrates.")
    substrates: list[StandLook]


@versions.get("/{route}/migration", response_model=list[MigrationLook])
def show_migration(
    session: Tx,
    _: Annotated[Person, require(Permission.SEE_LINE)],
    route: Annotated[Name, Path(description="In the version to go over to: `route@version`.")],
    lot: Annotated[Name | None, Query(description="Only this lot, in whatever state.")] = None,
    customer: Customer = None,
) -> Any:
    """Where each substrate of the lots that take another version would stand by this one. Nothing is changed."""
    found = None if lot is None else lot_id(session, lot, customer)
    return [told(one) for one in others(session, version_of(session, route), found)]
