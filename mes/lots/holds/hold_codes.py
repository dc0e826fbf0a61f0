"""The codes of holds: the plant's own, those that the system sets itself, and those that people here have used."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from mes.definitions.models import HoldCode
from mes.errors import Malformed
from mes.lots.models import Hold
from mes.people.permissions import ALLOWED, Permission
from mes.people.roles import Role

OWNERS = tuple(role for role in Role if role in ALLOWED[Permission.RELEASE_HOLDS])
"""To whom a hold may belong: who may release one. A customer sees the holds of its lots and releases none."""

EXCEPTION, IN_DOUBT, EQUIPMENT_REFUSED = "exception", "in_doubt", "equipment_refused"
DISCREPANCY = "discrepancy"
OWNER_OF_REPORTED = "line_engineer"
"""Who releases the holds that the system places."""
OWNER_BY_CUSTOM = "line_engineer"
"""Whose a hold is where neither the plant's text nor who places it says so."""

MEANINGS = {
    EXCEPTION: "Set by the system: a report broke a rule, and what it concerns is suspect.",
    IN_DOUBT: "Set by the system: what was done is not known, or was reported only after the run had ended.",
    EQUIPMENT_REFUSED: "Set by the system: the equipment refused the job; the lot waits again.",
    DISCREPANCY: "Set by the system: what came in a shipment is not what its document says.",
}


def owner_of(session: Session, code: str, named: str | None) -> str:
    """Whose a hold of that code is that a person places: the role that is named, or that of the code.

    Raises `Malformed` where the plant has codes and this is none of them, or the code does not let that role own it. A
    plant without codes lets people choose both.
    """
    if named is not None and named not in OWNERS:
        raise Malformed(f"A hold does not belong to {named or 'nobody'}, but to one of {', '.join(OWNERS)}.")
    codes = {one.name: one for one in _of_the_plant(session)}
    if not codes:
        return named or OWNER_BY_CUSTOM
    if code not in codes:
        by_whom = "is set by the system alone" if code in MEANINGS else "is none of the plant"
        raise Malformed(f"The code {code} {by_whom}; choose one of {', '.join(codes)}.")
    may_own = [codes[code].owner, *codes[code].other_owners]
    if named is not None and named not in may_own:
        raise Malformed(f"A hold with the code {code} belongs to one of {', '.join(may_own)}, not to {named}.")
    return named or codes[code].owner


def _of_the_plant(session: Session) -> Sequence[HoldCode]:
    return session.scalars(select(HoldCode).order_by(HoldCode.ordinal, HoldCode.id)).all()


def hold_codes(session: Session) -> list[dict[str, Any]]:
    """Every code with its meaning, whose its holds are, whether people may choose it, and how many there are of it.

    First the plant's, in the order of its text, then those of the system and those that people have used. In a plant
    without codes people choose freely; to choose one that is in use keeps lists and counts together.
    """
    plants = {one.name: one for one in _of_the_plant(session)}
    used = {row["code"]: dict(row) for row in session.execute(_USED).mappings()}
    return [
        _told(code, plants.get(code), used.get(code, {}), chosen=code in (plants or used.keys() - MEANINGS))
        for code in [*plants, *sorted((used.keys() | MEANINGS) - plants.keys())]
    ]


_USED = select(
    Hold.code,
    func.array_agg(aggregate_order_by(Hold.owner_role, Hold.held_at.desc(), Hold.id.desc()))[1].label("owner"),
    func.count().filter(Hold.released_at.is_(None)).label("standing"),
    func.count().label("placed"),
).group_by(Hold.code)


def _told(code: str, of_plant: HoldCode | None, used: dict[str, Any], *, chosen: bool) -> dict[str, Any]:
    owner = used.get("owner", OWNER_OF_REPORTED) if of_plant is None else of_plant.owner
    return {
        "code": code,
        "meaning": MEANINGS.get(code, "") if of_plant is None else of_plant.title,
        "owner": owner,
        "other_owners": [] if of_plant is None else of_plant.other_owners,
        "running_job": "finish" if of_plant is None else of_plant.running_job,
        "may_choose": chosen,
        "standing": used.get("standing", 0),
        "placed": used.get("placed", 0),
    }
