"""The codes of holds: those that the system sets itself, with what they mean, and those that people here have used."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from mes.lots.models import Hold

EXCEPTION, IN_DOUBT = "exception", "in_doubt"
OWNER_OF_REPORTED = "line_engineer"
"""Who releases the holds that the system places."""

MEANINGS = {
    EXCEPTION: "Set by the system: a report broke a rule, and what it concerns is suspect.",
    IN_DOUBT: "Set by the system: what was done is not known, or was reported only after the run had ended.",
}


def hold_codes(session: Session) -> list[dict[str, Any]]:
    """Every code with its meaning, who released or is to release its last hold, and how many stand and were placed.

    People choose codes freely; to choose one that is in use keeps lists and counts together.
    """
    last_owner = func.array_agg(aggregate_order_by(Hold.owner_role, Hold.held_at.desc(), Hold.id.desc()))[1]
    query = select(
        Hold.code, last_owner.label("owner"), func.count().filter(Hold.released_at.is_(None)).label("standing"),
        func.count().label("placed"),
    ).group_by(Hold.code)  # fmt: skip
    unused = {"owner": OWNER_OF_REPORTED, "standing": 0, "placed": 0}
    found = {code: {"code": code, "meaning": meaning, **unused} for code, meaning in MEANINGS.items()}
    for row in session.execute(query).mappings():
        found[row["code"]] = {"code": row["code"], "meaning": MEANINGS.get(row["code"], ""), **row}
    return [found[code] for code in sorted(found)]
