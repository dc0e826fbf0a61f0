"""Dispatch over HTTP: what an equipment should start next, and why not the others."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mes.definitions.clock import plant_now
from mes.dispatch.looks import look
from mes.equipment.queries import equipment_id
from mes.http.shapes import Name, ToldReason, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission

router = APIRouter(prefix="/dispatch", tags=["dispatch"], dependencies=[require(Permission.SEE_LINE)])


class WaitingLot(BaseModel):
    """A lot that waits for the class of the equipment. Times are UTC on the plant clock."""

    lot: str
    customer: str
    operation: str
    priority: int
    since: datetime = Field(description="Since when its longest waiting substrate waits.")


class RankedLot(WaitingLot):
    """A lot that may start, with how much of it would."""

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
                "lot": "D1",
                "customer": "hanbit",
                "operation": "hbm_stack/10",
                "priority": 3,
                "since": "2026-03-01T01:05:00Z",
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
                "reasons": [{"code": "held", "message": "Lot D2 is held.", "who": "process_engineer"}],
            }
        ],
    )

    equipment: str
    ranked: list[RankedLot]
    excluded: list[ExcludedLot]


@router.get("", response_model=Dispatch)
def show(session: Tx, equipment: Annotated[Name, Query(description="For which equipment.")]) -> Any:
    """What an equipment should start next, and why not the others that wait for its class."""
    ranked, excluded = look(session, equipment_id(session, equipment), plant_now(session))
    told = [row | {"reasons": [vars(reason) for reason in row["reasons"]]} for row in excluded]
    return {"equipment": equipment, "ranked": ranked, "excluded": told}
