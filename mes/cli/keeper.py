"""Keeps the equipment of the demonstration in material: what people of a centre do, at each look at the line."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, contains_eager

from mes.definitions.models import MaterialKind
from mes.equipment.models import Equipment
from mes.errors import Refused
from mes.history import Act
from mes.lots.models import Lot
from mes.lots.states import ON_LINE
from mes.materials.models import Container, MaterialLot
from mes.materials.mounting import mount
from mes.materials.preparing import thaw
from mes.materials.queries import first_expires
from mes.materials.receive import Delivery, receive
from mes.materials.scrapping import scrap_container
from mes.materials.states import ContainerState
from mes.plant.schema_demonstration import KeptMaterial
from mes.routes.models import Operation, RouteVersion

AHEAD = timedelta(hours=6)
"""Beyond its time of thawing: how long before it is needed a container is taken out of the cold."""
LITTLE = 0.4
"""Share of a container below which the next one is made ready, and mounted beside it."""
EXPIRED = "expired"
"""Why a container is thrown away that nobody could use in time."""
FRESH = timedelta(hours=3)
"""What is mounted lasts at least so long; no job of the demonstration takes longer."""


def keep(session: Session, wanted: KeptMaterial, at: datetime) -> bool:
    """Do at plant time ``at`` what keeps the material ready wherever it is used; whether anything was done.

    What comes with shipments alone is kept ready only while a lot on the line has still to come to it.
    """
    if wanted.containers is None and not _is_waited_for(session, wanted.material):
        return False
    places = _places(session, wanted.material)
    if not places:
        return False
    boxes = _containers(session, wanted.material)
    act, thawing = Act(wanted.who, at, "kept ready"), timedelta(seconds=_thaw_s(boxes))
    spent = [box for box in boxes if _is_spent(box, at)]
    done = [_exchange(session, box, act, wanted) for box in spent]
    boxes = [box for box in boxes if box not in spent]
    bare = [place for place in places if _lasting(boxes, place, at, FRESH) < 1]
    ready = [box for box in boxes if _out(box) and box.thawed_at is not None and box.thawed_at <= at]
    for place, box in zip(bare, _first(ready), strict=False):
        mount(session, box.id, place, act)
        done.append(True)
    soon = [p for p in places if _lasting(boxes, p, at, FRESH + AHEAD + thawing) < 1]
    needed = len(soon) - sum(1 for box in boxes if _out(box))
    cold = [box for box in boxes if box.state == ContainerState.STORED]
    for box in _first(cold)[: max(needed, 0)]:
        thaw(session, box.id, act)
        done.append(True)
    if wanted.containers is not None and len(cold) < len(places):
        _receive(session, wanted, wanted.containers, at)
        done.append(True)
    return any(done)


def _places(session: Session, material: str) -> Sequence[int]:
    """The equipment of classes that use the material on the routes of today, by name."""
    uses = Operation.materials.contains([{"material": material}])
    classes = select(Operation.class_id).join(RouteVersion, RouteVersion.id == Operation.route_version_id)
    query = select(Equipment.id).where(Equipment.class_id.in_(classes.where(uses, RouteVersion.current)))
    return session.scalars(query.order_by(Equipment.name)).all()


def _is_waited_for(session: Session, material: str) -> bool:
    """Whether a lot on the line stands at or before an operation of its route that uses the material."""
    use, here = aliased(Operation), aliased(Operation)
    query = (
        select(Lot.id)
        .join(here, here.id == Lot.operation_id)
        .join(use, (use.route_version_id == here.route_version_id) & (use.number >= here.number))
        .where(use.materials.contains([{"material": material}]), Lot.state.in_(ON_LINE))
    )
    return session.scalars(query.limit(1)).first() is not None


def next_ready(session: Session, at: datetime) -> datetime | None:
    """When the next container has thawed, if one does."""
    thaws = select(func.min(Container.thawed_at)).where(Container.thawed_at > at, Container.remainder > 0)
    return session.scalar(thaws)


def _thaw_s(boxes: list[Container]) -> float:
    """How long containers of their kind thaw; without any there is nothing to thaw."""
    return next((box.material_lot.kind.thaw_s or 0.0 for box in boxes), 0.0)


def _containers(session: Session, material: str) -> list[Container]:
    """All containers with something in them, by name."""
    query = select(Container).join(Container.material_lot).join(MaterialLot.kind)
    query = query.where(MaterialKind.name == material, Container.remainder > 0)
    query = query.options(contains_eager(Container.material_lot).contains_eager(MaterialLot.kind))
    return list(session.scalars(query.order_by(Container.name).execution_options(populate_existing=True)))


def _first(boxes: list[Container]) -> list[Container]:
    """Those that expire first before the others."""
    never = datetime.max.replace(tzinfo=boxes[0].material_lot.received_at.tzinfo) if boxes else None
    return sorted(boxes, key=lambda box: (first_expires(box) or never, box.name))


def _out(box: Container) -> bool:
    """It is out of the cold and on no equipment."""
    return box.state in (ContainerState.THAWING, ContainerState.OPENED)


def _is_old(box: Container, at: datetime, needed: timedelta) -> bool:
    """It does not last so long any more."""
    ends = first_expires(box)
    return ends is not None and ends < at + needed


def _has_expired(box: Container, at: datetime) -> bool:
    ends = first_expires(box)
    return ends is not None and ends <= at


def _is_spent(box: Container, at: datetime) -> bool:
    """Nobody can use it any more: it has expired, or has thawed and does not last for the next job."""
    has_thawed = box.thawed_at is not None and box.thawed_at <= at
    return _has_expired(box, at) or (has_thawed and _is_old(box, at, FRESH))


def _lasting(boxes: list[Container], place: int, at: datetime, needed: timedelta) -> int:
    """How many containers on an equipment last so long and are not nearly empty."""
    here = [box for box in boxes if box.equipment_id == place and not _is_old(box, at, needed)]
    return sum(1 for box in here if box.remainder >= LITTLE * box.received)


def _exchange(session: Session, box: Container, act: Act, wanted: KeptMaterial) -> bool:
    """Throw away what is too old; what a run takes of stays until that has ended. Whether it went."""
    why = EXPIRED if _has_expired(box, act.at) else "too old for the next job"
    try:
        scrap_container(session, box.id, None, Act(wanted.keeper, act.at, why))
    except Refused:
        return False
    return True


def _receive(session: Session, wanted: KeptMaterial, containers: int, at: datetime) -> None:
    """A delivery, named by how many of the material there were before."""
    of_kind = select(func.count()).select_from(MaterialLot).join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
    before = session.scalar(of_kind.where(MaterialKind.name == wanted.material)) or 0
    lot = f"{wanted.material}-{before + 1:03d}"
    boxes = tuple((f"{lot}-{n:02d}", wanted.amount) for n in range(1, containers + 1))
    expires_at = at + timedelta(hours=wanted.lasts_h)
    came = Delivery(lot, wanted.material, boxes, "Demonstration supplier", f"COA-{lot}", expires_at)
    receive(session, came, Act(wanted.keeper, at, "delivered"))
