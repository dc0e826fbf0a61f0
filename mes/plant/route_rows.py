"""The rows of a released route version."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.messages import PASS_BIN
from mes.definitions.models import EquipmentClass, Layout, Product
from mes.plant.refusals import route_hash
from mes.plant.stored import HOUR_S
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, OperationAlternative, QueueLimit, RouteVersion


def add_route(session: Session, name: str, content: dict[str, Any], at: datetime) -> RouteVersion:
    """Add a route version with its operations and queue-time limits; all that it names must be there."""
    row = RouteVersion(
        route=content["route"],
        version=content["version"],
        name=name,
        title=content["title"],
        product_id=_id(session, Product, content["product"]),
        ends=content["ends"],
        sha256=route_hash(content),
        released_at=at,
        current=True,
    )
    session.add(row)
    session.flush()
    operations = {o["number"]: _operation(session, row, o) for o in content["operations"]}
    session.add_all(operations.values())
    session.flush()
    session.add_all(
        OperationAlternative(
            operation_id=operations[o["number"]].id,
            ordinal=ordinal,
            class_id=_id(session, EquipmentClass, way["class"]),
            recipe_version_id=_id(session, RecipeVersion, way["recipe"]),
        )
        for o in content["operations"]
        for ordinal, way in enumerate(o.get("alternatives", ()), 1)
    )
    session.add_all(
        QueueLimit(
            from_operation_id=operations[limit["from"]].id,
            to_operation_id=operations[limit["to"]].id,
            most_s=_seconds(limit.get("most_h")),
            warning_s=_seconds(limit.get("warning_h")),
            floor_life=limit.get("floor_life", False),
        )
        for limit in content["queue_limits"]
    )
    return row


def _operation(session: Session, route: RouteVersion, content: dict[str, Any]) -> Operation:
    return Operation(
        route_version_id=route.id,
        number=content["number"],
        name=f"{route.route}/{content['number']}",
        title=content["title"],
        kind=content["kind"],
        class_id=_id(session, EquipmentClass, content["class"]),
        recipe_version_id=_id(session, RecipeVersion, content["recipe"]),
        fills=[[place["site"], place["level"]] for place in content["fills"]],
        dummies=content.get("dummies", False),
        makes_layout_id=_id(session, Layout, content["makes"]) if content["makes"] else None,
        bins={
            code: {"name": bin_name, "quality": "pass" if int(code) == PASS_BIN else "fail"}
            for code, bin_name in content["bins"].items()
        },
        process_s=content["process_h"] * HOUR_S if "process_h" in content else None,
        retest=content["retest"],
        materials=[
            {key: use[key] for key in ("material", "amount", "per")} | {"needed_s": _seconds(use["needed_h"])}
            for use in content.get("materials", ())
        ],
        rework=content.get("rework"),
        sampling=content.get("sampling"),
        certification=content.get("certification"),
        durables=content.get("durables", []),
        measures=content.get("measures", []),
    )


def _seconds(hours: float | None) -> float | None:
    return None if hours is None else hours * HOUR_S


def _id(session: Session, model: type[Any], name: str) -> int:
    return int(session.scalars(select(model.id).where(model.name == name)).one())
