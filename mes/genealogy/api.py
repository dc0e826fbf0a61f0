"""Genealogy over HTTP: one unit down to all that it contains and up to where it went, and where a lot's units went."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from mes.genealogy.reached import reached
from mes.genealogy.trace import trace_lot_up, trace_unit, trace_up
from mes.genealogy.tree import Trace, TraceUp
from mes.genealogy.used import durables_on, used_of_container, used_of_durable, used_of_lot, used_on
from mes.http.shapes import Name, example
from mes.http.transaction import Tx
from mes.lots.queries import lot_id
from mes.materials.durables.queries import durable_id
from mes.materials.queries import container_id, material_lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.units.queries import substrate_id

SEEN = [require(Permission.SEE_LOTS)]
OF_THE_CENTRE = [require(Permission.SEE_LINE)]
of_containers = APIRouter(prefix="/containers", tags=["genealogy"], dependencies=OF_THE_CENTRE)
of_material_lots = APIRouter(prefix="/material-lots", tags=["genealogy"], dependencies=OF_THE_CENTRE)
of_durables = APIRouter(prefix="/durables", tags=["genealogy"], dependencies=OF_THE_CENTRE)
of_substrates = APIRouter(prefix="/substrates", tags=["genealogy"], dependencies=OF_THE_CENTRE)
router = APIRouter(prefix="/units", tags=["genealogy"], dependencies=SEEN)
of_lots = APIRouter(prefix="/lots", tags=["genealogy"], dependencies=SEEN)

SubstrateName = Annotated[Name, Path(description="Name of the substrate.")]
Customer = Annotated[Name | None, Query(description="Whose substrate, where customers share a name.")]
X = Annotated[int, Path(ge=0, lt=2**15, description="From 0 at the left.")]
Y = Annotated[int, Path(ge=0, lt=2**15, description="From 0 at the top.")]


class UsedRow(BaseModel):
    """Material of a container that was used on a substrate."""

    model_config = example(
        lot="S1", customer="hanbit", substrate="B7", container="FLX-0031", material_lot="F-2207", amount=36,
        run="J-0000412", operation="hbm_stack/70", equipment="TCB-01", happened_at="2026-03-01T03:00:00Z",
    )  # fmt: skip

    lot: str = Field(description="The lot that the run was ordered for.")
    customer: str
    substrate: str
    container: str
    material_lot: str
    amount: int = Field(description="In the unit of the material.")
    run: str
    operation: str
    equipment: str
    happened_at: datetime


class DurableUseRow(BaseModel):
    """A durable that was used on a substrate."""

    model_config = example(
        lot="S1", customer="hanbit", substrate="B7", durable="COL-0012", kind="collet", done=36, run="J-0000412",
        operation="hbm_stack/70", equipment="TCB-01", happened_at="2026-03-01T03:00:00Z",
    )  # fmt: skip

    lot: str = Field(description="The lot that the run was ordered for.")
    customer: str
    substrate: str
    durable: str
    kind: str
    done: int = Field(description="What was counted on it.")
    run: str
    operation: str
    equipment: str
    happened_at: datetime


class LotReached(BaseModel):
    """A lot that units of the traced one came to."""

    lot: str
    customer: str
    product: str
    substrates: int
    units: int = Field(description="Positions that they came to.")
    end_there: int = Field(description="Of those, from how many no unit went on.")


class LotGenealogy(BaseModel):
    """Where the units of a lot went that left its first substrates: what a recall of its material concerns."""

    model_config = example(
        lot="D1",
        units=4,
        outcomes={"lost": 1},
        reached=[
            {"lot": "S1", "customer": "hanbit", "product": "hbm_stack", "substrates": 1, "units": 3, "end_there": 3}
        ],
        missing=[],
    )

    lot: str
    units: int = Field(description="That left.")
    outcomes: dict[str, int] = Field(description="Moves that placed nothing, such as units that were lost.")
    reached: list[LotReached]
    missing: list[str] = Field(description="A sentence for everything that is left out.")


@of_lots.get("/{lot}/genealogy", response_model=LotGenealogy)
def lot_went(
    session: Tx, lot: Annotated[Name, Path(description="Name of the lot.")],
    customer: Annotated[Name | None, Query(description="Whose lot, where customers share a name.")] = None,
) -> Any:  # fmt: skip
    """Where the units of a lot went, up to the packages, in numbers; `/units/…/destinations` follows one of them."""
    trace = trace_lot_up(session, lot_id(session, lot, customer))
    told = reached(trace)
    return {
        "lot": lot, "units": len(trace.positions), "outcomes": told.outcomes, "reached": told.lots,
        "missing": trace.missing,
    }  # fmt: skip


Owner = Annotated[Name | None, Query(description="Whose it is, where owners share a name.")]


@of_containers.get("/{container}/genealogy", response_model=list[UsedRow])
def container_went(
    session: Tx, container: Annotated[Name, Path(description="Name of the container.")], customer: Owner = None
) -> Any:
    """On which substrates of which lots the material of a container was used: what a recall of it concerns."""
    return used_of_container(session, container_id(session, container, customer))


@of_material_lots.get("/{lot}/genealogy", response_model=list[UsedRow])
def material_lot_went(
    session: Tx, lot: Annotated[Name, Path(description="Name of the lot of material.")], customer: Owner = None
) -> Any:
    """On which substrates of which lots the material of all containers of a delivery was used."""
    return used_of_lot(session, material_lot_id(session, lot, customer))


@of_durables.get("/{durable}/genealogy", response_model=list[DurableUseRow])
def durable_went(session: Tx, durable: Annotated[Name, Path(description="Number of the durable.")]) -> Any:
    """On which substrates of which lots a durable was used: what concerns it if it was bad."""
    return used_of_durable(session, durable_id(session, durable))


@of_substrates.get("/{substrate}/durables", response_model=list[DurableUseRow])
def tools_here(session: Tx, substrate: SubstrateName, customer: Customer = None) -> Any:
    """The durables that were used on a substrate, at which operation."""
    return durables_on(session, substrate_id(session, substrate, customer))


@of_substrates.get("/{substrate}/materials", response_model=list[UsedRow])
def used_here(session: Tx, substrate: SubstrateName, customer: Customer = None) -> Any:
    """The containers of which material was used on a substrate."""
    return used_on(session, substrate_id(session, substrate, customer))


@router.get("/{substrate}/{x}/{y}/genealogy", response_model=Trace)
def contains(session: Tx, substrate: SubstrateName, x: X, y: Y, customer: Customer = None) -> Any:
    """All that a unit contains: its dies with wafer, position, level, equipment, recipe and head; and material used."""
    return trace_unit(session, substrate_id(session, substrate, customer), x, y)


@router.get("/{substrate}/{x}/{y}/destinations", response_model=TraceUp)
def went(session: Tx, substrate: SubstrateName, x: X, y: Y, customer: Customer = None) -> Any:
    """Where a unit went, up to the package."""
    return trace_up(session, substrate_id(session, substrate, customer), x, y)
