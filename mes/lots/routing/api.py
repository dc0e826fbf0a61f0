"""The way of a lot on its route, over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from mes.http.shapes import Name, example
from mes.http.transaction import Tx
from mes.lots.ladder import ladder, steps
from mes.lots.own_lots import own_lots
from mes.lots.queries import lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/lots", tags=["lots"])

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
