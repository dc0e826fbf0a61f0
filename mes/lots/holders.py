"""Boats and trays: taken for loads that a run is to fill, counted once for each filling, free when a load is closed."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from mes.db import Locked
from mes.history import Change
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import lock_durables
from mes.materials.durables.states import TRANSITIONS, DurableState, DurableVerb
from mes.units.models import Substrate


def take(holders: Sequence[Durable], loads: Sequence[Substrate], run: str) -> list[Change]:
    """Let locked holders carry new loads, each one of them; nobody else takes them from now on."""
    changes = []
    for holder, load in zip(holders, loads, strict=True):
        load.holder_id, holder.load = holder.id, load.name
        changes.append(_go(holder, DurableVerb.FILL, {"load": load.name, "run": run}))
    return changes


def lock_holders(session: Session, loads: Iterable[Substrate]) -> Locked | None:
    """Lock what carries these locked substrates; None where nothing does."""
    ids = [load.holder_id for load in loads if load.holder_id is not None]
    return lock_durables(session, ids) if ids else None


def let_go(session: Session, substrates: Iterable[Substrate]) -> list[Change]:
    """Free what carries those of these locked substrates that are closed; gives what is to be recorded.

    A load that is opened again later has no holder: nobody knows what its units lie in then.
    """
    closed = {load.holder_id: load for load in substrates if load.closed and load.holder_id is not None}
    locked = lock_holders(session, closed.values())
    if locked is None:
        return []
    changes = []
    for holder in locked.all(Durable):
        load = closed[holder.id]
        load.holder_id = holder.load = None
        changes.append(_go(holder, DurableVerb.EMPTY, {"load": load.name}))
    return changes


def _go(holder: Durable, verb: DurableVerb, told: dict[str, str]) -> Change:
    before = holder.state
    holder.state = TRANSITIONS.after(f"Durable {holder.name}", DurableState(before), verb)
    return Change(holder, {"state": before}, {"state": holder.state, **told})
