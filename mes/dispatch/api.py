"""Dispatch over HTTP: what an equipment should start next, and why not the others."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mes.definitions.clock import plant_now
from mes.dispatch.criteria import Criterion
from mes.dispatch.looks import look
from mes.dispatch.what_if import WhatIf
from mes.equipment.queries import equipment_id
from mes.http.shapes import Name, ToldReason, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission

router = APIRouter(prefix="/dispatch", tags=["dispatch"], dependencies=[require(Permission.SEE_LINE)])


class Value(BaseModel):
    """What a criterion says of a lot; null where it does not know it, which then comes after others."""

    criterion: Criterion
    value: int | float | None
    unit: str | None


class WaitingLot(BaseModel):
    """A lot that waits for the class of the equipment. Times are UTC on the plant clock."""

    lot: str
    customer: str
    operation: str
    priority: int
    since: datetime = Field(description="Since when its longest waiting substrate waits.")
    criteria: list[Value] = Field(description="By which the equipment ranks it, the first before the others.")


class RankedLot(WaitingLot):
    """A lot that may start, with how much of it would."""

    rank: int = Field(description="1 would start next.")
    substrates: int = Field(description="That would start at once.")
    sources: int = Field(description="Substrates that would be picked from.")


class ExcludedLot(WaitingLot):
    """A lot that may not start now, with every reason."""

    reasons: list[ToldReason]


class Dispatch(BaseModel):
    """What waits for an equipment: what may start, most urgent first, and what may not."""

    model_config = example(
        equipment="TCB-01",
        ranked=[
            {
                "rank": 1,
                "lot": "D1",
                "customer": "hanbit",
                "operation": "hbm_stack/10",
                "priority": 3,
                "since": "2026-03-01T01:05:00Z",
                "criteria": [
                    {"criterion": "priority", "value": 3, "unit": None},
                    {"criterion": "first_in_first_out", "value": 2.25, "unit": "h"},
                ],
                "substrates": 1,
                "sources": 4,
            }
        ],
        excluded=[
            {
                "lot": "D2",
                "customer": "hanbit",
                "operation": "hbm_stack/10",
                "priority": 5,
                "since": "2026-03-01T01:05:00Z",
                "criteria": [
                    {"criterion": "priority", "value": 5, "unit": None},
                    {"criterion": "first_in_first_out", "value": 2.25, "unit": "h"},
                ],
                "reasons": [{"code": "held", "message": "Lot D2 is held.", "who": "process_engineer"}],
            }
        ],
    )

    equipment: str
    ranked: list[RankedLot]
    excluded: list[ExcludedLot]


@router.get("", response_model=Dispatch)
def show(
    session: Tx,
    *,
    equipment: Annotated[Name, Query(description="For which equipment.")],
    ranking: Annotated[
        list[Criterion] | None, Query(max_length=5, description="What if lots were ranked by these?")
    ] = None,
    later_h: Annotated[float, Query(ge=0, le=8760, description="What if it were so many hours later?")] = 0,
    free: Annotated[bool, Query(description="What if the equipment were connected, able and had a place?")] = False,
) -> Any:
    """What an equipment should start next, and why not the others that wait for its class; or would, what if."""
    at = plant_now(session) + timedelta(hours=later_h)
    ranked, excluded = look(session, equipment_id(session, equipment), at, WhatIf(tuple(ranking or ()), free))
    told = [row | {"reasons": [vars(reason) for reason in row["reasons"]]} for row in excluded]
    return {"equipment": equipment, "ranked": ranked, "excluded": told}
