"""Throw material away: a part of a container, such as what was purged, or all that is left in it."""

from sqlalchemy.orm import Session

from mes.errors import Malformed, Refused
from mes.history import Act, Change, record
from mes.materials.models import Container
from mes.materials.mounting import in_use, off
from mes.materials.preparing import go, told, wrong_state
from mes.materials.queries import lock_where_it_is
from mes.materials.states import ContainerVerb


def scrap_container(session: Session, container_id: int, amount: int | None, act: Act) -> Container:
    """Throw an amount away, or all that is left. ``act.why`` is required.

    Raises `Malformed` (no reason, an amount of nothing or of more than is left), `Refused` with every reason: its
    state, or all would go while an open run takes of it.
    """
    if not act.why.strip():
        raise Malformed("Say why this material is thrown away.")
    container = lock_where_it_is(session, container_id)
    found = [*wrong_state(container, ContainerVerb.SCRAP)]
    gone = container.remainder if amount is None else amount
    whole = gone == container.remainder
    if whole and not found:
        found = in_use(session, container)
    if found:
        raise Refused(f"Container {container.name} is not scrapped.", *found)
    if not 1 <= gone <= container.remainder:
        unit = container.material_lot.kind.unit
        raise Malformed(f"{gone} {unit} cannot be scrapped: container {container.name} holds {container.remainder}.")
    before = {"state": container.state, "remainder": container.remainder}
    container.scrapped += gone
    container.remainder -= gone
    if whole:
        go(container, ContainerVerb.SCRAP)
        off(container)
    after = told(container) | {"remainder": container.remainder, "scrapped": gone}
    record(session, "scrap_container", act, [Change(container, before, after)])
    return container
