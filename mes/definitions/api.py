"""Products over HTTP, what lots become; and the plant clock."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mes.definitions.clock import plant_clock, plant_now, time_zone
from mes.definitions.looks import select_products
from mes.definitions.models import Product
from mes.http import paging
from mes.http.shapes import example
from mes.http.transaction import Tx
from mes.people.access import OPEN, require
from mes.people.permissions import Permission

router = APIRouter(prefix="/products", tags=["plant"], dependencies=[require(Permission.SEE_LINE)])
clock = APIRouter(prefix="/clock", tags=["plant"], dependencies=[OPEN])


class ClockLook(BaseModel):
    """The plant clock, which stamps what happens on the line, and the zone in which people of the plant read it."""

    model_config = example(plant_now="2026-03-01T01:00:00Z", speed=1.0, time_zone="Asia/Seoul")

    plant_now: datetime
    speed: float = Field(description="Plant seconds in a second of true time; 0 where a program steps it.")
    time_zone: str


@clock.get("", response_model=ClockLook)
def show_clock(session: Tx) -> Any:
    """What the plant clock shows."""
    speed = plant_clock(session).speed
    return {"plant_now": plant_now(session), "speed": speed, "time_zone": time_zone(session)}


class ProductRow(BaseModel):
    """A product, and the form in which its material arrives."""

    model_config = example(
        product="hbm_core",
        title="HBM core die",
        unit="die",
        layout="core_wafer",
        substrate_kind="wafer",
        rows=20,
        columns=18,
        moisture_level=None,
    )

    product: str
    title: str
    unit: str = Field(description="The word for one of it: die, stack, package.")
    layout: str
    substrate_kind: str
    rows: int
    columns: int
    moisture_level: str | None = Field(description="Of a package that takes up moisture, by J-STD-020.")


@router.get("", response_model=paging.Page[ProductRow])
def list_products(session: Tx, asked: paging.Asked) -> Any:
    """All products by name."""
    return paging.paged(session, select_products(), (Product.name,), asked)
