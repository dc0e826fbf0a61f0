"""Feeds the demonstration: asks the senders for material, and receives the files they send as a customer's."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import BY_HAND, EquipmentClass, Site
from mes.dispatch.models import ReleaseRule
from mes.dispatch.waiting import first_reasons
from mes.equipment.models import Equipment
from mes.history import Act
from mes.lots.create import NewLot, create
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.lots.queries import current_route, lot_id
from mes.plant.schema_demonstration import PlannedLot, SentMaterial, fed
from mes.routes.models import RouteVersion
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.shipments.document import Document
from mes.shipments.receive import Receiving, receive
from mes.units.arrival import Arrival, arrivals
from mes.units.formats.detect import read_any

ACTOR = "incoming"
DOCUMENT, BOX = "shipment.json", "box.json"
"""Of a shipment: what its sender says is in it, and what whoever opens it finds."""


STUCK = {"by_hand", "held", "queue_time_exceeded", "source_missing", "source_short", "source_short_ahead"}
"""Reasons that no equipment takes away by ending what it does."""


def goes_on(session: Session, at: datetime) -> bool:
    """Whether equipment works on anything, or anything waits at plant time ``at`` for nothing but equipment."""
    at_work = (
        select(Run.id)
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(EquipmentClass, EquipmentClass.id == Equipment.class_id)
        .where(Run.state.in_(OPEN), EquipmentClass.kind != BY_HAND)
    )
    if session.scalar(at_work.limit(1)) is not None:
        return True
    return any(why is None or why.code not in STUCK for why in first_reasons(session, at).values())


def count(session: Session, pattern: Sequence[PlannedLot], *further: ColumnElement[bool]) -> int:
    """How many lots there are of the routes of a pattern."""
    query = select(func.count(Lot.id)).join(RouteVersion, RouteVersion.id == Lot.route_version_id)
    query = query.where(RouteVersion.route.in_({planned.route for planned in pattern}), *further)
    return session.scalar(query) or 0


@dataclass(frozen=True)
class Delivery:
    """One lot of material that is on its way."""

    lot: str
    customer: str
    route: str
    priority: int
    due_h: float
    incoming: str
    loss: float
    substrates: tuple[str, ...]
    sender: str | None = None
    """The site that sends it as a shipment; None: its customer brings it."""
    materials: tuple[SentMaterial, ...] = ()
    missing: int = 0
    """Substrates that the document names and the box does not hold."""


def deliveries(pattern: Sequence[PlannedLot], first: int, count: int) -> list[Delivery]:
    """``count`` deliveries of an endless pattern, beginning at ``first``."""
    return [
        Delivery(
            lot=name,
            customer=lot.customer,
            route=lot.route,
            priority=lot.priority,
            due_h=lot.due_h,
            incoming=lot.incoming,
            loss=lot.loss,
            substrates=tuple(f"{name}-{n:02d}" for n in range(1, lot.substrates + 1)),
            sender=lot.sender,
            materials=tuple(lot.materials),
            missing=lot.missing,
        )
        for name, lot in fed(pattern, first + count)[first:]
    ]


def send(session: Session, wanted: list[Delivery], folder: Path, seed: int, at: datetime) -> None:
    """Have the senders write the files of these deliveries into ``folder``, in a process of their own.

    What goes with another site's shipment leaves there at plant time ``at``.
    """
    told = [_told(session, delivery, at) for delivery in wanted]
    command = [sys.executable, "-m", "equipment.sim.deliver", "--out", str(folder), "--seed", str(seed)]
    subprocess.run(command, input=json.dumps(told), text=True, check=True)


def _told(session: Session, delivery: Delivery, at: datetime) -> dict[str, Any]:
    _, product, layout = current_route(session, delivery.route)
    return {
        "lot": delivery.lot,
        "customer": delivery.customer,
        "sender": delivery.sender,
        "receiver": session.scalars(select(Site.name).order_by(Site.id)).first(),
        "sent_at": at.isoformat(),
        "materials": [sent.model_dump() for sent in delivery.materials],
        "missing": delivery.missing,
        "incoming": delivery.incoming,
        "loss": delivery.loss,
        "substrates": delivery.substrates,
        "product": product.name,
        "layout": {
            "name": layout.name,
            "rows": layout.rows,
            "columns": layout.columns,
            "pitch_x_um": layout.pitch_x_um,
            "pitch_y_um": layout.pitch_y_um,
        },
    }


def take_in(session: Session, delivery: Delivery, folder: Path, act: Act) -> Lot:
    """Read the files of one delivery, create its lot, and release it where the plant has no rule that does.

    What another site sent is received with its document, as it is counted in the box.
    """
    by_rule = session.scalar(select(ReleaseRule.id).where(ReleaseRule.name == delivery.route)) is not None
    if delivery.sender is not None:
        return _receive(session, delivery, folder / delivery.lot, act, released=not by_rule)
    came: list[Arrival] = []
    for name in delivery.substrates:
        path = folder / delivery.lot / f"{name}.xml"
        if not path.exists():
            came.append(Arrival(name))
            continue
        came += arrivals(read_any(path.read_bytes()), path.name)
    wanted = NewLot(
        name=delivery.lot,
        customer=delivery.customer,
        route=delivery.route,
        substrates=tuple(came),
        priority=delivery.priority,
        due_at=act.at + timedelta(hours=delivery.due_h),
    )
    return create(session, wanted, act, released=not by_rule)


def _receive(session: Session, delivery: Delivery, folder: Path, act: Act, *, released: bool) -> Lot:
    """Open the box, count, receive by the document, and note how urgent it is."""
    document = Document.model_validate_json((folder / DOCUMENT).read_bytes())
    there = set(json.loads((folder / BOX).read_bytes()))
    missing = {sent.substrate: 0 for sent in document.lots[0].substrates if sent.substrate not in there}
    receive(session, Receiving(document, route=delivery.route, released=released, counted=missing), act)
    lot = lot_id(session, delivery.lot, delivery.customer)
    return change_priority(session, lot, delivery.priority, act.at + timedelta(hours=delivery.due_h), act)
