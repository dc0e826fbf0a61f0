"""Routes as people and programs look at them: what new lots take, and each operation in order."""

from typing import Any

from sqlalchemy import ScalarSelect, Select, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from mes.definitions.models import EquipmentClass, Product
from mes.errors import NotFound
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, OperationAlternative, RouteVersion

Row = dict[str, Any]


def select_routes() -> Select[*tuple[Any, ...]]:
    """One row for each route in the version that new lots take, to be ordered by its route."""
    return (
        select(
            RouteVersion.route, RouteVersion.name.label("version"), RouteVersion.title,
            Product.name.label("product"), RouteVersion.ends, RouteVersion.released_at,
        )
        .join(Product, Product.id == RouteVersion.product_id)
        .where(RouteVersion.current)
    )  # fmt: skip


def look(session: Session, route: str) -> Row:
    """A route with its operations in order. Raises `NotFound`."""
    found = session.execute(select_routes().where(RouteVersion.route == route)).mappings().one_or_none()
    if found is None:
        raise NotFound(f"There is no released route {route}.")
    steps = (
        select(
            Operation.name.label("operation"), Operation.title, Operation.kind, EquipmentClass.name.label("class"),
            RecipeVersion.name.label("recipe"), Operation.materials, Operation.rework, Operation.sampling,
            Operation.measures, alternatives().label("alternatives"),
        )
        .join(RouteVersion, RouteVersion.id == Operation.route_version_id)
        .join(EquipmentClass, EquipmentClass.id == Operation.class_id)
        .join(RecipeVersion, RecipeVersion.id == Operation.recipe_version_id)
        .where(RouteVersion.name == found["version"])
        .order_by(Operation.number)
    )  # fmt: skip
    return {**found, "operations": [dict(row) for row in session.execute(steps).mappings()]}


def alternatives() -> ScalarSelect[Any]:
    """The alternatives of an operation, in their order, as one value."""
    one = OperationAlternative
    told = func.json_build_object("class", EquipmentClass.name, "recipe", RecipeVersion.name)
    return (
        select(func.coalesce(func.json_agg(aggregate_order_by(told, one.ordinal)), literal_column("'[]'")))
        .join(EquipmentClass, EquipmentClass.id == one.class_id)
        .join(RecipeVersion, RecipeVersion.id == one.recipe_version_id)
        .where(one.operation_id == Operation.id)
        .correlate(Operation)
        .scalar_subquery()
    )
