"""Make containers ready: take them out of the cold, open them. What is too old, or not yet due, is refused."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import MaterialKind
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, record
from mes.materials.models import Container, MaterialLot
from mes.materials.queries import expires, first_expires, lock_containers
from mes.materials.states import TRANSITIONS, ContainerState, ContainerVerb

OUT_OF_ORDER_BY = "line_engineer"
"""Who may let a container be used before one that expires earlier."""


def thaw(session: Session, container_id: int, act: Act, *, out_of_order: bool = False) -> Container:
    """Take a container out of the cold. It may be opened when it has thawed; from then on its floor life runs.

    Raises `Refused` with every reason: its state, it is not kept in the cold, its shelf life is over, another in the
    cold expires earlier and ``out_of_order`` is not said.
    """
    container = lock_containers(session, [container_id]).one(Container, container_id)
    kind = container.material_lot.kind
    if out_of_order:
        say_why(act)
    found = [*wrong_state(container, ContainerVerb.THAW), *too_old(container, act.at)]
    if kind.thaw_s is None:
        found.append(Reason("not_kept_cold", f"{kind.title} is not kept in the cold; open it.", "operator"))
    if not out_of_order:
        found += expires_later(session, container, act.at, ContainerVerb.THAW)
    if found:
        raise Refused(f"Container {container.name} is not taken out of the cold.", *found)
    assert kind.thaw_s is not None
    before = {"state": container.state}
    go(container, ContainerVerb.THAW)
    container.thawed_at = act.at + timedelta(seconds=kind.thaw_s)
    begin_floor_life(container, container.thawed_at)
    record(session, "thaw", act, [Change(container, before, told(container, out_of_order=out_of_order))])
    return container


def say_why(act: Act) -> None:
    """Raise `Malformed` where nothing is said of why a container goes first."""
    if not act.why.strip():
        raise Malformed("Say why this container goes before one that expires earlier.")


def open_container(session: Session, container_id: int, act: Act) -> Container:
    """Open a container. Raises `Refused` with every reason: its state, it has not thawed, its life is over."""
    container = lock_containers(session, [container_id]).one(Container, container_id)
    verb = ContainerVerb.OPEN
    found = [*wrong_state(container, verb), *too_old(container, act.at), *not_thawed(container, act.at)]
    if found:
        raise Refused(f"Container {container.name} is not opened.", *found)
    before = {"state": container.state}
    go(container, verb)
    opened(container, act.at)
    record(session, "open_container", act, [Change(container, before, told(container))])
    return container


def go(container: Container, verb: ContainerVerb) -> None:
    """Its state after a verb."""
    state = ContainerState(container.state)
    container.state = TRANSITIONS.after(f"Container {container.name}", state, verb)


def opened(container: Container, at: datetime) -> None:
    """It is open from now on, if it was not; material that is not kept in the cold begins its floor life."""
    if container.opened_at is None:
        container.opened_at = at
        begin_floor_life(container, at)


def begin_floor_life(container: Container, at: datetime) -> None:
    """Its floor life runs from then on, if it has one and that has not begun."""
    floor_life_s = container.material_lot.kind.floor_life_s
    if floor_life_s is not None and container.floor_ends_at is None:
        container.floor_ends_at = at + timedelta(seconds=floor_life_s)


def wrong_state(container: Container, verb: ContainerVerb) -> Iterator[Reason]:
    """Why its state does not allow a verb."""
    if not TRANSITIONS.allows(ContainerState(container.state), verb):
        from_states = ", ".join(sorted(state for state, known in TRANSITIONS.table if known == verb))
        said = f"Container {container.name} is {container.state}; to {verb} it, it must be {from_states}."
        yield Reason("container_state", said, "operator")


def too_old(container: Container, at: datetime) -> Iterator[Reason]:
    """Why it cannot be used any more: its shelf life or its floor life is over."""
    ends = first_expires(container)
    if ends is not None and ends <= at:
        said = f"Container {container.name} expired {ends.isoformat(timespec='minutes')}; take another."
        yield Reason("material_expired", said, "operator")


def not_thawed(container: Container, at: datetime) -> Iterator[Reason]:
    """Why it cannot be opened yet."""
    if container.material_lot.kind.thaw_s is None:
        return
    if container.thawed_at is None:
        said = f"Container {container.name} is in the cold; thaw it first."
        yield Reason("material_not_thawed", said, "operator")
    elif container.thawed_at > at:
        said = f"Container {container.name} thaws until {container.thawed_at.isoformat(timespec='minutes')}; wait."
        yield Reason("material_not_thawed", said, "operator")


def expires_later(session: Session, container: Container, at: datetime, verb: ContainerVerb) -> list[Reason]:
    """First expired, first out: why another container of its kind and owner goes first, if one that is ready does."""
    first = _first(session, container, at, verb)
    mine = first_expires(container)
    if first is None or (mine is not None and first[1] >= mine):
        return []
    said = (
        f"Container {first[0]} of the same material expires earlier ({first[1].isoformat(timespec='minutes')});"
        f" {verb} that one, or let a line engineer say that this one goes first."
    )
    return [Reason("expires_later", said, OUT_OF_ORDER_BY)]


def _first(session: Session, container: Container, at: datetime, verb: ContainerVerb) -> tuple[str, datetime] | None:
    """Of the others that are as ready for a verb, the one that expires first, and when; none that never does."""
    ready = [Container.state == ContainerState.STORED]
    if verb == ContainerVerb.MOUNT:
        ready = [
            (Container.state == ContainerState.OPENED)
            | (Container.thawed_at <= at) & (Container.state == ContainerState.THAWING)
            | (Container.baked_at <= at) & (Container.state == ContainerState.BAKING)
            | MaterialKind.thaw_s.is_(None) & (Container.state == ContainerState.STORED)
        ]
    query = (
        select(Container.name, expires())
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .where(MaterialLot.kind_id == container.material_lot.kind_id, Container.id != container.id, *ready)
        .where(Container.customer_id.is_not_distinct_from(container.customer_id), expires() > at)
        .order_by(expires(), Container.name)
    )
    row = session.execute(query.limit(1)).one_or_none()
    return None if row is None else (row[0], row[1])


def told(container: Container, **more: object) -> dict[str, object]:
    """What history says of a container after a verb."""
    times = {name: getattr(container, name) for name in ("thawed_at", "opened_at", "baked_at", "floor_ends_at")}
    at = {name: time.isoformat() for name, time in times.items() if time is not None}
    return {"state": container.state, **at, **{key: value for key, value in more.items() if value}}
