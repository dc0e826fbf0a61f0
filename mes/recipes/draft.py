"""Make the next version of a recipe: another body inside the limits of a version that is there."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.codec import sha256_of
from equipment.interface.recipe_body import SetPoint, set_points
from mes.db import lock
from mes.errors import Malformed, NotFound, Reason
from mes.history import Act, Change, record
from mes.recipes.models import RecipeVersion
from mes.recipes.states import RecipeState

MOST_CHARACTERS = 65_536


class BodyRefused(Malformed):
    """The body sets something that cannot be read or has no limits, or does not set all that has; see ``reasons``."""


def draft(session: Session, like_id: int, body: str, act: Act) -> RecipeVersion:
    """Add a draft with the next number of the recipe, for the class and within the limits of the version ``like_id``.

    Its targets are what the body sets. Raises `NotFound`, or `BodyRefused` with everything that is wrong in the body.
    """
    recipe = session.scalar(select(RecipeVersion.recipe).where(RecipeVersion.id == like_id))
    if recipe is None:
        raise NotFound(f"There is no recipe version with id {like_id}.")
    versions = session.scalars(select(RecipeVersion.id).where(RecipeVersion.recipe == recipe)).all()
    locked = lock(session, (RecipeVersion, versions))  # all of them: two drafts at once take two numbers
    like = locked.one(RecipeVersion, like_id)
    number = max(version.version for version in locked.all(RecipeVersion)) + 1
    row = RecipeVersion(
        recipe=recipe,
        version=number,
        name=f"{recipe}@{number}",
        class_id=like.class_id,
        body=body,
        sha256=sha256_of(body),
        parameters=_parameters(like, body),
        state=RecipeState.DRAFT.value,
    )
    session.add(row)
    session.flush()
    after = {"state": row.state, "like": like.name, "sha256": row.sha256, "parameters": row.parameters}
    record(session, "draft", act, [Change(row, after=after)])
    return row


def _parameters(like: RecipeVersion, body: str) -> list[dict[str, Any]]:
    """The limits of a version with the targets that a body sets."""
    points = list(set_points(body[: MOST_CHARACTERS + 1]))
    wrong = list(_mistakes(like, points))
    if len(body) > MOST_CHARACTERS:
        wrong = [f"It has more than {MOST_CHARACTERS} characters"]
    if wrong:
        reasons = (Reason("recipe_body", sentence, "process_engineer") for sentence in wrong)
        raise BodyRefused(f"The body is no version of {like.recipe}.", *reasons)
    targets = {point.name: point.value for point in points}
    return [{**limits, "target": targets[limits["name"]]} for limits in like.parameters]


def _mistakes(like: RecipeVersion, points: list[SetPoint]) -> Iterator[str]:
    limits = {parameter["name"]: parameter for parameter in like.parameters}
    seen: set[str] = set()
    for point in points:
        limit, said = limits.get(point.name), f"Line {point.line} sets {point.name}"
        if point.value is None:
            yield f"Line {point.line} is {point.text[:60]!r}; write name = value unit."
        elif point.name in seen:
            yield f"{said} again; keep one."
        elif limit is None:
            yield f"{said}, which has no limits in {like.name}."
        elif point.unit != limit["unit"]:
            yield f"{said} in {point.unit or 'no unit'}; its limits are in {limit['unit']}."
        elif not limit["low"] <= point.value <= limit["high"]:
            yield f"{said} to {point.value:g}; its limits are {limit['low']:g} to {limit['high']:g}."
        seen.add(point.name)
    yield from (f"It does not set {name}." for name in limits if name not in seen)
