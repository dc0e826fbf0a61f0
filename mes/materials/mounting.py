"""Mount containers on equipment, and return them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.equipment.models import Equipment
from mes.errors import Reason, Refused
from mes.history import Act, Change, record
from mes.materials.models import Container
from mes.materials.preparing import expires_later, go, opened, say_why, told, too_old, wrong_state
from mes.materials.queries import lock_containers, lock_where_it_is
from mes.materials.states import ContainerState, ContainerVerb
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN


def mount(session: Session, container_id: int, equipment_id: int, act: Act, *, out_of_order: bool = False) -> Container:
    """Put a container on an equipment; one that is closed is opened by that.

    One that still thaws may be mounted: nothing starts with it before it has. Raises `Refused` with every reason: its
    state, it is in the cold or in the oven, its life is over, another one that is ready expires earlier and
    ``out_of_order`` is not said. Whoever says so may do that: the edge asks.
    """
    if out_of_order:
        say_why(act)
    locked = lock_containers(session, [container_id], equipment_id)
    container, equipment = locked.one(Container, container_id), locked.one(Equipment, equipment_id)
    verb = ContainerVerb.MOUNT
    found = [*wrong_state(container, verb), *_cold(container), *_hot(container, act.at), *too_old(container, act.at)]
    if not out_of_order:
        found += expires_later(session, container, act.at, verb)
    if found:
        raise Refused(f"Container {container.name} is not mounted on {equipment.name}.", *found)
    before = {"state": container.state}
    go(container, verb)
    container.equipment_id, container.mounted_at = equipment_id, act.at
    opened(container, act.at)
    after = told(container, equipment=equipment.name, out_of_order=out_of_order)
    record(session, "mount", act, [Change(container, before, after)])
    return container


def _cold(container: Container) -> list[Reason]:
    if container.state != ContainerState.STORED or container.material_lot.kind.thaw_s is None:
        return []
    return [Reason("material_not_thawed", f"Container {container.name} is in the cold; thaw it first.", "operator")]


def _hot(container: Container, at: datetime) -> list[Reason]:
    if container.state != ContainerState.BAKING or container.baked_at is None or container.baked_at <= at:
        return []
    until = container.baked_at.isoformat(timespec="minutes")
    return [Reason("material_bakes", f"Container {container.name} bakes until {until}; wait.", "operator")]


def return_container(session: Session, container_id: int, act: Act) -> Container:
    """Take a container off its equipment with what is left in it; its clocks go on.

    Raises `Refused` where it is not mounted, or an open run takes of its material there.
    """
    container = lock_where_it_is(session, container_id)
    found = [*wrong_state(container, ContainerVerb.RETURN), *in_use(session, container)]
    if found:
        raise Refused(f"Container {container.name} is not returned.", *found)
    before = {"state": container.state}
    go(container, ContainerVerb.RETURN)
    off(container)
    record(
        session, "return_container", act, [Change(container, before, told(container, remainder=container.remainder))]
    )
    return container


def off(container: Container) -> None:
    """It is on no equipment any more."""
    container.equipment_id = container.mounted_at = None


def in_use(session: Session, container: Container) -> list[Reason]:
    """Why it stays where it is: an open run on its equipment takes of its material."""
    if container.equipment_id is None:
        return []
    takes = Operation.materials.contains([{"material": container.material_lot.kind.name}])
    query = select(Run.name).join(Operation, Operation.id == Run.operation_id)
    query = query.where(Run.equipment_id == container.equipment_id, Run.state.in_(OPEN), takes).order_by(Run.name)
    run = session.scalars(query.limit(1)).first()
    if run is None:
        return []
    said = f"{run} takes of container {container.name}; wait until it ends, or mount another beside it."
    return [Reason("container_in_use", said, "operator")]
