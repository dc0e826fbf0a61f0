"""Bake containers: an oven dries what was open for too long, and its floor life begins anew."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mes.errors import Reason, Refused
from mes.history import Act, Change, record
from mes.materials.models import Container
from mes.materials.preparing import go, told, wrong_state
from mes.materials.queries import lock_containers
from mes.materials.states import ContainerVerb


def bake(session: Session, container_id: int, act: Act) -> Container:
    """Put an open container into an oven. When its baking is over it may be mounted, with its whole floor life.

    Raises `Refused` with every reason: its state, its material is not baked, it was baked as often as it may be, its
    shelf life is over.
    """
    container = lock_containers(session, [container_id]).one(Container, container_id)
    found = [*wrong_state(container, ContainerVerb.BAKE), *_against_baking(container, act.at)]
    if found:
        raise Refused(f"Container {container.name} is not baked.", *found)
    kind, before = container.material_lot.kind, {"state": container.state, "bakes": container.bakes}
    assert kind.bake_s is not None
    go(container, ContainerVerb.BAKE)
    container.bakes += 1
    container.baked_at = act.at + timedelta(seconds=kind.bake_s)
    if kind.floor_life_s is not None:
        container.floor_ends_at = container.baked_at + timedelta(seconds=kind.floor_life_s)
    record(session, "bake", act, [Change(container, before, told(container, bakes=container.bakes))])
    return container


def _against_baking(container: Container, at: datetime) -> Iterator[Reason]:
    lot = container.material_lot
    if lot.kind.bake_s is None:
        yield Reason("not_baked", f"{lot.kind.title} is not baked; use it, or take another container.", "operator")
    elif lot.kind.bakes is not None and container.bakes >= lot.kind.bakes:
        times = "once" if lot.kind.bakes == 1 else f"{lot.kind.bakes} times"
        said = f"Container {container.name} was baked {times}, which is as often as it may be; take another."
        yield Reason("baked_enough", said, "operator")
    if lot.expires_at is not None and lot.expires_at <= at:
        ended = lot.expires_at.isoformat(timespec="minutes")
        said = f"The shelf life of container {container.name} ended {ended}, and no baking renews that; take another."
        yield Reason("material_expired", said, "operator")
