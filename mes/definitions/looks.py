"""What the plant makes, as people and programs look at it."""

from typing import Any

from sqlalchemy import Select, select

from mes.definitions.models import Layout, Product


def select_products() -> Select[*tuple[Any, ...]]:
    """One row for each product with the form in which its material arrives, to be ordered by name."""
    return select(
        Product.name.label("product"), Product.title, Product.unit, Layout.name.label("layout"),
        Layout.substrate_kind, Layout.rows, Layout.columns, Product.moisture_level,
    ).join(Layout, Layout.id == Product.layout_id)  # fmt: skip
