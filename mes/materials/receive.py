"""Receive material: a lot of one kind in its containers, with what the supplier says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import unique
from mes.definitions.clock import check_not_too_far
from mes.definitions.models import MaterialKind
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, record
from mes.materials.models import Container, MaterialLot
from mes.materials.queries import kind_of, owner_id

MOST = 1_000_000_000
"""In one container, in the unit of its kind: beyond it the unit is too small."""


@dataclass(frozen=True)
class Delivery:
    """What came: containers by name, each with its amount in the unit of the material."""

    lot: str
    material: str
    containers: Sequence[tuple[str, int]]
    supplier: str = ""
    certificate: str = ""
    expires_at: datetime | None = None
    customer: str | None = None
    """Whose it is; the centre's if nobody is named."""


def receive(session: Session, came: Delivery, act: Act) -> MaterialLot:
    """Take a delivery in: its containers are stored, in the cold where the kind is kept there.

    Raises `NotFound` (material, customer), `Malformed` (no name or container, one twice, an amount out of range, a
    shelf life of more than a hundred years) and `Refused` with every reason: its shelf life is over, it needs a
    certificate, a name is taken.
    """
    _check(came, act.at)
    kind, owner = kind_of(session, came.material), owner_id(session, came.customer)
    found = [*_against(came, kind, act.at), *_taken(session, came, owner)]
    if found:
        raise Refused(f"Lot {came.lot} of {kind.name} is not received.", *found)
    lot = MaterialLot(
        customer_id=owner, name=came.lot, kind_id=kind.id, supplier=came.supplier, certificate=came.certificate,
        expires_at=came.expires_at, received_at=act.at,
    )  # fmt: skip
    with (
        unique("uq_material_lot_customer_id_name", Refused(f"There is already a lot of material {came.lot}.")),
        unique("uq_container_customer_id_name", Refused("A container is there already; each is received once.")),
    ):
        session.add(lot)
        session.flush()
        of_lot = {"customer_id": owner, "material_lot_id": lot.id}
        containers = [Container(**of_lot, name=name, received=n, remainder=n) for name, n in came.containers]
        session.add_all(containers)
        session.flush()
    told = {
        "material": kind.name, "supplier": came.supplier, "certificate": came.certificate,
        "expires_at": None if came.expires_at is None else came.expires_at.isoformat(),
        "containers": [name for name, _ in came.containers],
    }  # fmt: skip
    filled = [Change(one, after={"state": one.state, "received": one.received}) for one in containers]
    record(session, "receive_material", act, [Change(lot, after=told), *filled])
    return lot


def _check(came: Delivery, at: datetime) -> None:
    if came.expires_at is not None:
        check_not_too_far(came.expires_at, at)
    names = [name for name, _ in came.containers]
    if not names:
        raise Malformed("A delivery has at least one container.")
    for name in (came.lot, *names):
        if not (name.strip() and len(name) <= 64):
            raise Malformed("Lots of material and containers have names of 1 to 64 characters.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Malformed(f"Container {', '.join(twice)} is named twice; each comes once.")
    for name, amount in came.containers:
        if not 1 <= amount <= MOST:
            raise Malformed(f"Container {name} holds {amount}; between 1 and {MOST} can be.")


def _against(came: Delivery, kind: MaterialKind, at: datetime) -> list[Reason]:
    found = []
    if came.expires_at is not None and came.expires_at <= at:
        said = f"The shelf life of lot {came.lot} ended {came.expires_at.isoformat(timespec='minutes')}; send it back."
        found.append(Reason("material_expired", said))
    if kind.certificate and not came.certificate.strip():
        said = f"{kind.title} is received only with a certificate; name its reference."
        found.append(Reason("certificate_missing", said))
    return found


def _taken(session: Session, came: Delivery, owner: int | None) -> list[Reason]:
    names = [name for name, _ in came.containers]
    whose = Container.customer_id.is_not_distinct_from(owner)
    known = session.scalars(select(Container.name).where(whose, Container.name.in_(names)).order_by(Container.name))
    there = [Reason("name_taken", f"There is already a container {name}.") for name in known]
    same = select(MaterialLot.id).where(MaterialLot.customer_id.is_not_distinct_from(owner))
    if session.scalar(same.where(MaterialLot.name == came.lot)) is not None:
        there.insert(0, Reason("name_taken", f"There is already a lot of material {came.lot}."))
    return there
