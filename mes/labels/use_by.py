"""By when material is to be used, as its label says it."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from mes.definitions.clock import time_zone
from mes.labels.find import Found
from mes.materials.models import Container, MaterialLot
from mes.people.models import Customer

OWNER = func.coalesce(Customer.name, "").label("customer")


def use_by(session: Session, found: Iterable[Found]) -> dict[Found, str]:
    """The end of the shelf life of containers and lots of material that have one, in the zone of the plant.

    Floor life is not told: it begins after the label was printed.
    """
    known = {(one.kind, one.name, one.customer): one for one in found if one.kind in ("container", "material_lot")}
    if not known:
        return {}
    names = {name for _, name, _ in known}
    containers = (
        select(literal("container").label("kind"), Container.name, OWNER, MaterialLot.expires_at)
        .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .outerjoin(Customer, Customer.id == Container.customer_id)
        .where(Container.name.in_(names))
    )
    lots = (
        select(literal("material_lot").label("kind"), MaterialLot.name, OWNER, MaterialLot.expires_at)
        .outerjoin(Customer, Customer.id == MaterialLot.customer_id)
        .where(MaterialLot.name.in_(names))
    )
    zone = ZoneInfo(time_zone(session))
    return {
        known[kind, name, customer]: f"use by {ends:%Y-%m-%d %H:%M}"
        for kind, name, customer, expires_at in session.execute(union_all(containers, lots))
        if (kind, name, customer) in known and expires_at is not None and (ends := expires_at.astimezone(zone))
    }
