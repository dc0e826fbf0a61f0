"""Reads of recipes worth a name."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.errors import NotFound
from mes.recipes.models import RecipeVersion


def recipe_version_id(session: Session, name: str) -> int:
    """A recipe version by ``recipe@version``. Raises `NotFound`."""
    found = session.scalar(select(RecipeVersion.id).where(RecipeVersion.name == name))
    if found is None:
        raise NotFound(f"There is no recipe version {name}.")
    return found
