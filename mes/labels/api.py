"""Codes over HTTP: what one names."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from mes.http.shapes import example
from mes.http.transaction import Tx
from mes.labels.find import find
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(tags=["labels"])

Viewer = Annotated[Person, require(Permission.SEE_LOTS)]
LOT: dict[str, Any] = {
    "kind": "lot", "name": "L-104", "customer": "hanbit", "form": "Memory stack", "code": "hanbit/L-104",
    "page": "/lots/hanbit/L-104",
}  # fmt: skip
"""A lot in the examples."""


class FoundRow(BaseModel):
    """One thing that a code names."""

    model_config = example(**LOT)

    kind: str = Field(description="Such as lot, substrate, unit, equipment, carrier, container, durable or shipment.")
    name: str
    customer: str = Field(description="Whose it is; empty of what belongs to the centre.")
    form: str = Field(description="What it is: the product of a lot, the kind of a substrate, carrier or tool.")
    code: str = Field(description="What names it alone among all of its kind, and stands on its label.")
    page: str = Field(description="The address of its page on this server.")


class FoundAll(BaseModel):
    """All that a code names, at most 50."""

    model_config = example(items=[LOT])

    items: list[FoundRow]


@router.get("/find", response_model=FoundAll)
def find_code(
    session: Tx, viewer: Viewer,
    q: Annotated[str, Query(description="A code as it was scanned or typed, with all that a scanner adds to it.")],
) -> Any:  # fmt: skip
    """What a code names: a name, CUSTOMER/NAME, SUBSTRATE:X,Y or ROUTE/NUMBER. Parts of names find nothing."""
    found = find(session, q, centre=may(viewer, Permission.SEE_LINE))
    return {"items": [{**vars(one), "code": one.code} for one in found]}
