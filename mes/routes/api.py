"""Routes over HTTP: what a new lot can take, and what is done to it on the way."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from mes.definitions.models import Product
from mes.http import paging
from mes.http.shapes import Name, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.routes.looks import look, select_routes
from mes.routes.models import RouteVersion
from mes.routes.states import OperationKind, RouteEnd

router = APIRouter(prefix="/routes", tags=["plant"], dependencies=[require(Permission.SEE_LINE)])

ROUTE: dict[str, Any] = {
    "route": "hbm_core",
    "version": "hbm_core@1",
    "title": "HBM core dies",
    "product": "hbm_core",
    "ends": "stocked",
    "released_at": "2026-03-01T00:00:00Z",
}
"""A route in the examples, alone and with what belongs to it."""


class RouteRow(BaseModel):
    """A route in the version that new lots take."""

    model_config = example(**ROUTE)

    route: str
    version: str = Field(description="`route@version`.")
    title: str
    product: str = Field(description="What it makes.")
    ends: RouteEnd
    released_at: datetime


class UseLook(BaseModel):
    """What an operation uses up of a material."""

    material: str
    amount: int = Field(description="In the unit of the material.")
    per: Literal["unit", "substrate"]
    needed_s: float | None = Field(description="How long a run needs it from its start; null: as long as it takes.")


class MeasureLook(BaseModel):
    """What an operation keeps of what equipment measures of units."""

    name: str
    unit: str
    low: float | None
    high: float | None
    bin: int | None = Field(description="Of a unit below low or above high; null: nothing is judged by it.")


class WayLook(BaseModel):
    """Equipment and recipe that serve an operation as well as its own."""

    of_class: str = Field(alias="class")
    recipe: str = Field(description="`recipe@version`.")


class OperationLook(BaseModel):
    """One operation of a route."""

    operation: str = Field(description="`route/number`.")
    title: str
    kind: OperationKind
    of_class: str = Field(alias="class", description="Of equipment that does it.")
    recipe: str = Field(description="`recipe@version`.")
    materials: list[UseLook]
    rework: dict[str, Any] | None = Field(
        description="Whether what waits there may go back: back_to (number), most, most_per_lot, reasons."
    )
    sampling: dict[str, Any] | None = Field(
        description="Of what it is done: every so manieth lot (every_lots), so many substrates of it. Null: of all."
    )
    measures: list[MeasureLook]
    alternatives: list[WayLook] = Field(description="Taken where its own class or recipe is not, in this order.")


class RouteLook(RouteRow):
    """A route with its operations in order."""

    model_config = example(
        **ROUTE,
        operations=[
            {
                "operation": "hbm_core/10",
                "title": "Probe",
                "kind": "test",
                "class": "prober",
                "recipe": "probe@1",
                "materials": [],
                "rework": None,
                "sampling": None,
                "measures": [],
                "alternatives": [],
            }
        ],
    )  # fmt: skip

    operations: list[OperationLook]


@router.get("", response_model=paging.Page[RouteRow])
def list_routes(
    session: Tx, asked: paging.Asked,
    product: Annotated[Name | None, Query(description="Only routes that make this.")] = None,
) -> Any:  # fmt: skip
    """All routes by name, in the version that new lots take."""
    query = select_routes()
    if product is not None:
        query = query.where(Product.name == product)
    return paging.paged(session, query, (RouteVersion.route,), asked)


@router.get("/{route}", response_model=RouteLook)
def show(session: Tx, route: Annotated[Name, Path(description="Name of the route.")]) -> Any:
    """One route with its operations in order."""
    return look(session, route)
