"""Keeps the equipment of the demonstration in material: what people of a centre do, at each look at the line."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from mes.equipment.models import Equipment
from mes.errors import Refused
from mes.history import Act
from mes.materials.models import Container, MaterialLot
from mes.materials.mounting import mount
from mes.materials.preparing import thaw
from mes.materials.queries import first_expires, kind_of
from mes.materials.receive import Delivery, receive
from mes.materials.scrapping import scrap_container
from mes.materials.states import ContainerState
from mes.plant.schema import KeptMaterial
from mes.routes.models import Operation, RouteVersion

AHEAD = timedelta(hours=6)
"""Beyond its time of thawing: how long before it is needed a container is taken out of the cold."""
LITTLE = 0.4
"""Share of a container below which the next one is made ready, and mounted beside it."""
FRESH = timedelta(hours=3)
"""What is mounted lasts at least so long; no job of the demonstration takes longer."""


def keep(session: Session, wanted: KeptMaterial, at: datetime) -> bool:
    """Do at plant time ``at`` what keeps the material ready wherever it is used; whether anything was done."""
    places = _places(session, wanted.material)
    if not places:
        return False
    kind = kind_of(session, wanted.material)
    act, thawing = Act(wanted.who, at, "kept ready"), timedelta(seconds=kind.thaw_s or 0)
    boxes = _containers(session, kind.id)
    done = [_exchange(session, box, act, wanted) for box in boxes if _is_old(box, at, FRESH) and box.thawed_at]
    boxes = [box for box in boxes if not (_is_old(box, at, FRESH) and box.thawed_at)]
    bare = [place for place in places if _lasting(boxes, place, at, FRESH, wanted.amount) < 1]
    ready = [box for box in boxes if _out(box) and box.thawed_at is not None and box.thawed_at <= at]
    for place, box in zip(bare, _first(ready), strict=False):
        mount(session, box.id, place, act)
        done.append(True)
    soon = [p for p in places if _lasting(boxes, p, at, FRESH + AHEAD + thawing, wanted.amount) < 1]
    needed = len(soon) - sum(1 for box in boxes if _out(box))
    cold = [box for box in boxes if box.state == ContainerState.STORED]
    for box in _first(cold)[: max(needed, 0)]:
        thaw(session, box.id, act)
        done.append(True)
    if len(cold) < len(places):
        _receive(session, wanted, at)
        done.append(True)
    return any(done)


def _places(session: Session, material: str) -> Sequence[int]:
    """The equipment of classes that use the material on the routes of today, by name."""
    uses = Operation.materials.contains([{"material": material}])
    classes = select(Operation.class_id).join(RouteVersion, RouteVersion.id == Operation.route_version_id)
    query = select(Equipment.id).where(Equipment.class_id.in_(classes.where(uses, RouteVersion.current)))
    return session.scalars(query.order_by(Equipment.name)).all()


def _containers(session: Session, kind_id: int) -> list[Container]:
    """All containers of the centre with something in them, by name."""
    query = select(Container).join(MaterialLot).where(MaterialLot.kind_id == kind_id, Container.remainder > 0)
    query = query.where(Container.customer_id.is_(None)).options(joinedload(Container.material_lot))
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


def _lasting(boxes: list[Container], place: int, at: datetime, needed: timedelta, whole: int) -> int:
    """How many containers on an equipment last so long and are not nearly empty."""
    here = [box for box in boxes if box.equipment_id == place and not _is_old(box, at, needed)]
    return sum(1 for box in here if box.remainder >= LITTLE * whole)


def _exchange(session: Session, box: Container, act: Act, wanted: KeptMaterial) -> bool:
    """Throw away what is too old; what a run takes of stays until that has ended. Whether it went."""
    try:
        scrap_container(session, box.id, None, Act(wanted.keeper, act.at, "too old for the next job"))
    except Refused:
        return False
    return True


def _receive(session: Session, wanted: KeptMaterial, at: datetime) -> None:
    """A delivery, named by how many there were before."""
    before = session.scalar(select(func.count()).select_from(MaterialLot)) or 0
    lot = f"{wanted.material}-{before + 1:03d}"
    boxes = tuple((f"{lot}-{n:02d}", wanted.amount) for n in range(1, wanted.containers + 1))
    expires_at = at + timedelta(hours=wanted.lasts_h)
    came = Delivery(lot, wanted.material, boxes, "Demonstration supplier", f"COA-{lot}", expires_at)
    receive(session, came, Act(wanted.keeper, at, "delivered"))
