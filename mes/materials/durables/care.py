"""What people do to durables: register, mount, dismount, clean, inspect and scrap them."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import unique
from mes.equipment.models import Equipment
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, record
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import durable_kind, lock_durables, lock_where_it_is
from mes.materials.durables.states import TRANSITIONS, DurableState, DurableVerb
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN

WHO = "operator"
"""Who mounts, dismounts and cleans durables."""
INSPECTS = "line_engineer"
"""Who inspects and scraps them."""


def register(session: Session, name: str, kind: str, count: int, act: Act) -> Durable:
    """Take a durable in, with what it has done before it came; it was cleaned and inspected.

    Raises `NotFound` (kind), `Malformed` (no name, a count that it cannot have) and `Refused` where there is one of
    that number.
    """
    of_kind = durable_kind(session, kind)
    if not (name.strip() and len(name) <= 64):
        raise Malformed("A durable has a number of 1 to 64 characters.")
    if not 0 <= count < of_kind.most:
        raise Malformed(f"It has done {count} {of_kind.counts}; a {of_kind.title} is used up at {of_kind.most}.")
    counts = {"count": count, "cleaned_at_count": count, "inspected_at_count": count}
    with unique("uq_durable_name", Refused(f"There is already a durable {name}.")):
        durable = Durable(name=name, kind_id=of_kind.id, state=DurableState.STORED.value, **counts)
        session.add(durable)
        session.flush()
    after = {"kind": kind, "state": durable.state, "registered": count}
    record(session, "register_durable", act, [Change(durable, after=after)])
    return durable


def mount_durable(session: Session, durable_id: int, equipment_id: int, act: Act) -> Durable:
    """Put a durable on an equipment.

    Raises `Refused` with every reason: its state, it carries loads, it is used up, another is there.
    """
    locked = lock_durables(session, [durable_id], equipment_id)
    durable, equipment = locked.one(Durable, durable_id), locked.one(Equipment, equipment_id)
    found = [*_wrong_state(durable, DurableVerb.MOUNT), *_no_tool(durable), *_used_up(durable)]
    found += _another(session, durable, equipment)
    if found:
        raise Refused(f"Durable {durable.name} is not mounted on {equipment.name}.", *found)
    before = {"state": durable.state}
    _go(durable, DurableVerb.MOUNT)
    durable.equipment_id, durable.mounted_at = equipment_id, act.at
    after = {"state": durable.state, "equipment": equipment.name}
    record(session, "mount_durable", act, [Change(durable, before, after)])
    return durable


def dismount_durable(session: Session, durable_id: int, act: Act) -> Durable:
    """Take a durable off its equipment. Raises `Refused`: its state, an open run counts on it."""
    return _do(session, durable_id, DurableVerb.DISMOUNT, act)


def clean_durable(session: Session, durable_id: int, act: Act) -> Durable:
    """Clean a durable, where it is: its next cycle begins. Raises `Refused`: its state, an open run counts on it."""
    return _do(session, durable_id, DurableVerb.CLEAN, act)


def inspect_durable(session: Session, durable_id: int, act: Act, *, fit: bool) -> Durable:
    """Inspect a durable: its next cycle begins; one that is not ``fit`` comes off its equipment, which is said why.

    Raises `Malformed` without a reason where it is unfit, and `Refused` as `clean_durable` does.
    """
    if not fit and not act.why.strip():
        raise Malformed("Say what the inspection found.")
    return _do(session, durable_id, DurableVerb.INSPECT if fit else DurableVerb.REJECT, act)


def scrap_durable(session: Session, durable_id: int, act: Act) -> Durable:
    """Throw a durable away. ``act.why`` is required. Raises `Malformed` without it, `Refused` as `clean_durable`."""
    if not act.why.strip():
        raise Malformed("Say why this durable is thrown away.")
    return _do(session, durable_id, DurableVerb.SCRAP, act)


def _do(session: Session, durable_id: int, verb: DurableVerb, act: Act) -> Durable:
    durable = lock_where_it_is(session, durable_id)
    found = [*_wrong_state(durable, verb), *_in_use(session, durable)]
    if found:
        raise Refused(f"Durable {durable.name} stays as it is.", *found)
    before = {"state": durable.state, "count": durable.count}
    _go(durable, verb)
    if verb == DurableVerb.CLEAN:
        durable.cleaned_at_count = durable.count
    if verb in (DurableVerb.INSPECT, DurableVerb.REJECT):
        durable.inspected_at_count = durable.count
    if durable.state != DurableState.MOUNTED:
        durable.equipment_id = durable.mounted_at = None
    record(session, f"{verb}_durable", act, [Change(durable, before, {"state": durable.state})])
    return durable


def _go(durable: Durable, verb: DurableVerb) -> None:
    durable.state = TRANSITIONS.after(f"Durable {durable.name}", DurableState(durable.state), verb)


def _wrong_state(durable: Durable, verb: DurableVerb) -> Iterator[Reason]:
    if not TRANSITIONS.allows(DurableState(durable.state), verb):
        from_states = ", ".join(sorted({state for state, known in TRANSITIONS.table if known == verb}))
        said = f"Durable {durable.name} is {durable.state}; to {verb} it, it must be {from_states}."
        yield Reason("durable_state", said, WHO)


def _no_tool(durable: Durable) -> Iterator[Reason]:
    if durable.kind.per == "load":
        said = f"{durable.kind.title} {durable.name} carries loads; it is taken when one is filled."
        yield Reason("durable_is_holder", said, WHO)


def _used_up(durable: Durable) -> Iterator[Reason]:
    kind = durable.kind
    if durable.count >= kind.most:
        said = f"{kind.title} {durable.name} has done {durable.count} of {kind.most} {kind.counts}; take another."
        yield Reason("durable_worn", said, WHO)


def _another(session: Session, durable: Durable, equipment: Equipment) -> Iterator[Reason]:
    """An equipment has one durable of a kind, so that it is known on which one its jobs count."""
    here = (Durable.equipment_id == equipment.id, Durable.kind_id == durable.kind_id, Durable.id != durable.id)
    other = session.scalar(select(Durable.name).where(*here))
    if other is not None:
        said = f"{durable.kind.title} {other} is on {equipment.name}; dismount it first."
        yield Reason("durable_there", said, WHO)


def _in_use(session: Session, durable: Durable) -> Iterator[Reason]:
    if durable.equipment_id is None:
        return
    query = select(Run.name).join(Operation, Operation.id == Run.operation_id)
    query = query.where(Run.equipment_id == durable.equipment_id, Run.state.in_(OPEN))
    run = session.scalars(query.where(Operation.durables.contains([durable.kind.name])).order_by(Run.name)).first()
    if run is not None:
        yield Reason("durable_in_use", f"{run} counts on durable {durable.name}; wait until it ends.", WHO)
