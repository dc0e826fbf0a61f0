"""Recipe versions as people and programs look at them."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mes.definitions.models import EquipmentClass
from mes.equipment.models import Equipment
from mes.recipes.models import RecipeOnEquipment, RecipeVersion


def select_recipes() -> Select[*tuple[Any, ...]]:
    """One row for each version, to be ordered by recipe and version."""
    return select(
        RecipeVersion.name.label("recipe"),
        EquipmentClass.name.label("class"),
        RecipeVersion.state,
        RecipeVersion.approved_by,
        RecipeVersion.approved_at,
        RecipeVersion.sha256,
    ).join(EquipmentClass, EquipmentClass.id == RecipeVersion.class_id)


def look(session: Session, of: int) -> dict[str, Any]:
    """A recipe version with everything a person asks next: parameters, which equipment holds it, body."""
    version = session.get_one(RecipeVersion, of)
    held = (
        select(
            Equipment.name.label("equipment"),
            (RecipeOnEquipment.sha256 == version.sha256).label("as_approved"),
            RecipeOnEquipment.sha256,
            RecipeOnEquipment.verified_at,
        )
        .join(Equipment, Equipment.id == RecipeOnEquipment.equipment_id)
        .where(RecipeOnEquipment.recipe_version_id == of)
        .order_by(Equipment.name)
    )
    return {
        **session.execute(select_recipes().where(RecipeVersion.id == of)).mappings().one(),
        "parameters": [_parameter(parameter) for parameter in version.parameters],
        "on_equipment": [dict(found) for found in session.execute(held).mappings()],
        "body": version.body,
    }


def _parameter(stored: dict[str, Any]) -> dict[str, Any]:
    """The stored parameter in the order in which it is read, whole numbers as the others."""
    return {key: stored[key] for key in ("name", "unit")} | {
        key: float(stored[key]) for key in ("target", "low", "high")
    }
