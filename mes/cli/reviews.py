"""An engineer of the demonstration reads what equipment measured, and sends back what is too low."""

from collections import defaultdict
from datetime import datetime

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, undefer

from equipment.interface.codec import read_record
from equipment.interface.messages import SubstrateResult
from equipment.interface.states import RecordKind
from mes.errors import Refused
from mes.history import Act
from mes.jobs.models import Journal, ReceivedRecord
from mes.lots.models import Consumption, Lot, LotSubstrate, RunSubstrate
from mes.lots.regrouping.rework import rework
from mes.lots.states import Progress
from mes.materials.models import Container
from mes.materials.scrapping import scrap_container
from mes.materials.states import ContainerState
from mes.plant.schema_demonstration import Review
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.units.models import Substrate

RECENT = 200
"""Records of an equipment, back from its last, in which a measurement is looked for."""


def review(session: Session, wanted: Review, at: datetime) -> bool:
    """Send back what was measured too low, of lots that wait at the operation; whether anything was.

    Nothing is sent back twice. What is left of the material that was used for it is thrown away.
    """
    waiting = _waiting(session, wanted)
    means = _means(session, waiting, wanted.measured) if waiting else {}
    low: dict[int, list[str]] = defaultdict(list)
    for name, (lot_id, _) in waiting.items():
        if name in means and means[name] < wanted.least:
            low[lot_id].append(name)
    act = Act(wanted.who, at, wanted.comment)
    for lot_id, names in low.items():
        _discard(session, [waiting[name][1] for name in names], act)
        rework(session, lot_id, names, wanted.reason, act)
    return bool(low)


def _waiting(session: Session, wanted: Review) -> dict[str, tuple[int, int]]:
    """Lot and substrate by the name of the substrate, of lots that wait there whole, for the first time."""
    elsewhere = aliased(LotSubstrate)
    on_its_way = (
        select(elsewhere.lot_id)
        .where(elsewhere.lot_id == Lot.id, elsewhere.progress != Progress.CLOSED)
        .where((elsewhere.progress != Progress.QUEUED) | (elsewhere.operation_id != LotSubstrate.operation_id))
    )
    query = (
        select(Substrate.name, LotSubstrate.lot_id, Substrate.id)
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .join(Lot, Lot.id == LotSubstrate.lot_id)
        .join(Operation, Operation.id == LotSubstrate.operation_id)
        .join(RouteVersion, RouteVersion.id == Operation.route_version_id)
        .where(RouteVersion.route == wanted.route, Operation.number == wanted.operation)
        .where(LotSubstrate.progress == Progress.QUEUED, LotSubstrate.reworks == 0, ~on_its_way.exists())
        .order_by(Lot.id, Substrate.name)
    )
    return {name: (lot_id, substrate_id) for name, lot_id, substrate_id in session.execute(query)}


def _means(session: Session, waiting: dict[str, tuple[int, int]], measured: str) -> dict[str, float]:
    """The mean of what was last measured of each substrate that equipment measured lately."""
    runs = select(Run.name, Run.equipment_id).join(RunSubstrate, RunSubstrate.run_id == Run.id)
    at_work = session.execute(runs.where(RunSubstrate.substrate_id.in_([i for _, i in waiting.values()]))).all()
    query = (
        select(ReceivedRecord)
        .join(Journal, Journal.id == ReceivedRecord.journal_id)
        .where(Journal.equipment_id.in_({row.equipment_id for row in at_work}), Journal.current)
        .where(ReceivedRecord.sequence > Journal.received - RECENT, ReceivedRecord.kind == RecordKind.RESULT)
        .where(ReceivedRecord.run.in_({row.name for row in at_work}), ReceivedRecord.body.contains(measured))
        .order_by(ReceivedRecord.happened_at, ReceivedRecord.id)
    )
    found = {}
    for row in session.scalars(query.options(undefer(ReceivedRecord.body))):
        result = read_record(row.body).body
        if isinstance(result, SubstrateResult) and result.substrate in waiting:
            values = [value for one in result.measured if one.name == measured for value in one.value.tolist()]
            found[result.substrate] = float(np.mean(values)) if values else float("nan")
    return found


def _discard(session: Session, substrate_ids: list[int], act: Act) -> None:
    """Throw away what is left of the material, unless a run takes of it just now."""
    query = (
        select(Container.id)
        .join(Consumption, Consumption.container_id == Container.id)
        .where(Consumption.substrate_id.in_(substrate_ids), Container.state == ContainerState.MOUNTED)
    )
    for container_id in session.scalars(query.distinct().order_by(Container.id)).all():
        try:
            scrap_container(session, container_id, None, act)
        except Refused:
            continue
