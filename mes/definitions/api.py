"""Products over HTTP: what lots become."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mes.definitions.looks import select_products
from mes.definitions.models import Product
from mes.http import paging
from mes.http.shapes import example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission

router = APIRouter(prefix="/products", tags=["plant"], dependencies=[require(Permission.SEE_LINE)])


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
    )

    product: str
    title: str
    unit: str = Field(description="The word for one of it: die, stack, package.")
    layout: str
    substrate_kind: str
    rows: int
    columns: int


@router.get("", response_model=paging.Page[ProductRow])
def list_products(session: Tx, asked: paging.Asked) -> Any:
    """All products by name."""
    return paging.paged(session, select_products(), (Product.name,), asked)
