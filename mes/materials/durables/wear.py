"""Count what a run did on the durables of its equipment. It has happened: beyond a limit it is counted, too."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import DurableKind
from mes.history import Change
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import lock_durables


@dataclass(frozen=True)
class Worn:
    """How much was counted on which durables, by id, and what is to be recorded of them."""

    counts: dict[int, int]
    changes: list[Change]


def wear(session: Session, equipment_id: int, kinds: Sequence[str], units: int, run: str) -> Worn:
    """Count work on so many units of one substrate on the durables of these kinds that are mounted on an equipment."""
    query = select(Durable.id).join(DurableKind, DurableKind.id == Durable.kind_id)
    ids = session.scalars(query.where(Durable.equipment_id == equipment_id, DurableKind.name.in_(kinds))).all()
    counts, changes = {}, []
    for durable in lock_durables(session, ids).all(Durable) if ids else ():
        done = units if durable.kind.per == "unit" else 1
        before = {"count": durable.count}
        durable.count += done
        counts[durable.id] = done
        changes.append(Change(durable, before, {"count": durable.count, "done": done, "run": run}))
    return Worn(counts, changes)
