"""Orders to equipment: a run with the words in which it is sent, and what became of sending it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session, joinedload, undefer

from equipment.interface.codec import map_text, order_text, read_map, read_order
from equipment.interface.messages import (
    Answer,
    AttachSite,
    BadMessage,
    JobOrder,
    JobSubstrate,
    MaterialInUse,
    Parameter,
    PositionMap,
)
from equipment.interface.states import MapRole
from mes.db import lock
from mes.definitions.models import HoldCode, Product
from mes.errors import Malformed
from mes.history import Act, Change, record, record_all
from mes.jobs.models import SentOrder
from mes.jobs.states import Effect, OrderState
from mes.lots.experiments.legs import set_points
from mes.lots.gate.supply import needs
from mes.lots.holds.hold import place_hold
from mes.lots.holds.hold_codes import EQUIPMENT_REFUSED, OWNER_OF_REPORTED
from mes.lots.models import Hold, Lot, RunLoad, RunSource, RunSubstrate
from mes.lots.states import Work
from mes.lots.work import run_course
from mes.lots.work.track_in import TrackIn, track_in
from mes.materials.queries import ready_on
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import RunState
from mes.units.models import Substrate
from mes.units.positions import shapes, unpack


@dataclass(frozen=True)
class Errand:
    """Something to say to an equipment about one run."""

    run_id: int
    run: str
    state: OrderState
    run_state: RunState
    recipe_version_id: int
    effect: Effect | None = None
    """What holds make of it by now, where the equipment is to be told."""


def order(session: Session, wanted: TrackIn, act: Act) -> Run:
    """Track in, and commit to sending the order. Refuses as `track_in` does."""
    run = track_in(session, wanted, act)
    session.flush()
    try:
        job = job_order(session, run)
    except BadMessage as error:
        raise Malformed(f"The order cannot be said to equipment: {error}.") from error
    maps = [map_text(m) for m in position_maps(session, run)]
    session.add(SentOrder(run_id=run.id, body=order_text(job), maps=json.dumps(maps)))
    return run


def job_order(session: Session, run: Run) -> JobOrder:
    """The run in the words of the job control interface."""
    operation = session.get_one(Operation, run.operation_id, options=[joinedload(Operation.route_version)])
    recipe = session.get_one(RecipeVersion, run.recipe_version_id)
    leg = set_points(session, run.id)
    sites = needs(session, operation, operation.route_version.product_id)
    return JobOrder(
        job_order_id=run.name,
        operation=operation.name,
        recipe=recipe.name,
        sha256=recipe.sha256,
        parameters=tuple(
            Parameter(p["name"], float(leg.get(p["name"], p["target"])), p["unit"]) for p in recipe.parameters
        ),
        substrates=tuple(JobSubstrate(*row) for row in _worked(session, run.id)),
        sites=tuple(AttachSite(n.site, n.level, n.product) for n in sites),
        sources=tuple((name, product) for name, product in _sources(session, run.id)),
        loads=tuple(_loads(session, run.id)),
        materials=tuple(_materials(session, run, operation)),
    )


def _worked(session: Session, run_id: int) -> list[tuple[str, str, int]]:
    query = (
        select(Lot.name, Substrate.name, RunSubstrate.visit)
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .join(Substrate, Substrate.id == RunSubstrate.substrate_id)
        .where(RunSubstrate.run_id == run_id)
        .order_by(Lot.name, Substrate.name)
    )
    return [(lot, substrate, visit) for lot, substrate, visit in session.execute(query)]


def _sources(session: Session, run_id: int) -> list[tuple[str, str]]:
    query = (
        select(Substrate.name, Product.name)
        .join(RunSource, RunSource.substrate_id == Substrate.id)
        .join(Product, Product.id == Substrate.product_id)
        .where(RunSource.run_id == run_id)
        .order_by(RunSource.ordinal)
    )
    return [(name, product) for name, product in session.execute(query)]


def _loads(session: Session, run_id: int) -> list[str]:
    query = select(Substrate.name).join(RunLoad, RunLoad.substrate_id == Substrate.id)
    return list(session.scalars(query.where(RunLoad.run_id == run_id).order_by(RunLoad.ordinal)))


def _materials(session: Session, run: Run, operation: Operation) -> list[MaterialInUse]:
    """The containers on the equipment from which the run takes, in that order, and since when each may be used."""
    kinds = [use["material"] for use in operation.materials]
    if not kinds:
        return []
    owner = select(Lot.customer_id).join(RunSubstrate, RunSubstrate.lot_id == Lot.id)
    customer_id = session.scalars(owner.where(RunSubstrate.run_id == run.id).limit(1)).one()
    return [MaterialInUse(*row) for row in ready_on(session, run.equipment_id, kinds, customer_id)]


def position_maps(session: Session, run: Run) -> list[PositionMap]:
    """The positions that the run may touch, for each of its substrates."""
    found = []
    for role, table in ((MapRole.WORK, RunSubstrate), (MapRole.SOURCE, RunSource)):
        query = (
            select(Substrate, table.positions)
            .join(table, table.substrate_id == Substrate.id)
            .where(table.run_id == run.id)
            .order_by(Substrate.name)
        )
        rows = session.execute(query).all()
        shape_of = shapes(session, [s for s, _ in rows])
        found += [PositionMap(s.name, role, unpack(packed, shape_of[s.id])) for s, packed in rows]
    loads = session.scalars(
        select(Substrate).join(RunLoad, RunLoad.substrate_id == Substrate.id).where(RunLoad.run_id == run.id)
    ).all()
    shape_of = shapes(session, loads)
    return found + [PositionMap(s.name, MapRole.LOAD, np.ones(shape_of[s.id], np.bool_)) for s in loads]


def errands(session: Session, equipment_ids: Sequence[int]) -> dict[int, list[Errand]]:
    """What there is to say, by equipment: orders to send, and orders whose run is over, oldest first."""
    there = {"equipment": list(equipment_ids)}
    found: dict[int, list[Errand]] = {}
    for equipment_id, run_id, name, state, run_state, recipe in session.execute(_TO_SAY, there):
        errand = Errand(run_id, name, OrderState(state), RunState(run_state), recipe)
        found.setdefault(equipment_id, []).append(errand)
    for row in session.execute(_AFFECTED, there):
        effect = next(one for one in reversed(Effect) if one.value in row.effects)
        if effect != row.told:
            errand = Errand(row.run_id, row.name, OrderState.SENT, RunState.RUNNING, row.recipe_version_id, effect)
            found.setdefault(row.equipment_id, []).append(errand)
    return found


_TO_SAY = (
    select(Run.equipment_id, SentOrder.run_id, Run.name, SentOrder.state, Run.state, Run.recipe_version_id)
    .join(Run, Run.id == SentOrder.run_id)
    .where(Run.equipment_id.in_(bindparam("equipment", expanding=True)))
    .where(
        (SentOrder.state == OrderState.TO_SEND)
        | (
            SentOrder.state.in_([OrderState.SENT, OrderState.REFUSED])
            & Run.state.in_([RunState.ENDED, RunState.ABORTED])
        )
    )
    .order_by(SentOrder.run_id)
)
_STANDING = (
    select(RunSubstrate.run_id, HoldCode.running_job)
    .join(Hold, (Hold.lot_id == RunSubstrate.lot_id) & Hold.released_at.is_(None) & ~Hold.masked)
    .join(HoldCode, HoldCode.name == Hold.code)
    .where(RunSubstrate.work == Work.WAITING, HoldCode.running_job != Effect.FINISH)
    .subquery()
)
_AFFECTED = (
    select(
        Run.equipment_id, SentOrder.run_id, Run.name, Run.recipe_version_id, SentOrder.told,
        func.array_agg(func.coalesce(_STANDING.c.running_job, Effect.FINISH.value)).label("effects"),
    )
    .join(Run, Run.id == SentOrder.run_id)
    .outerjoin(_STANDING, _STANDING.c.run_id == Run.id)
    .where(SentOrder.state == OrderState.SENT, Run.state == RunState.RUNNING)
    .where(Run.equipment_id.in_(bindparam("equipment", expanding=True)))
    .where(or_(_STANDING.c.run_id.is_not(None), SentOrder.told == Effect.PAUSE))
    .group_by(Run.id, SentOrder.run_id)
    .order_by(SentOrder.run_id)
)  # fmt: skip
"""Jobs at work that holds concern, or concerned until now."""


def told(session: Session, run_id: int, effect: Effect, answer: Answer, act: Act) -> None:
    """Note what the equipment was told of a job because of holds, and what it said."""
    run = lock(session, (Run, [run_id])).one(Run, run_id)
    noted = update(SentOrder).where(SentOrder.run_id == run_id).values(told=effect.value)
    session.execute(noted, execution_options={"synchronize_session": False})
    after = {"told": effect.value, "accepted": answer.accepted, "answer": answer.text}
    record(session, "tell_equipment", act, [Change(run, after=after)])


def words(session: Session, run_id: int) -> tuple[JobOrder, list[PositionMap]]:
    """The order of a run and its maps, word for word as they were committed."""
    sent = session.get_one(SentOrder, run_id, options=[undefer("*")])
    return read_order(sent.body), [read_map(text) for text in json.loads(sent.maps)]


def set_state(session: Session, run_id: int, state: OrderState) -> None:
    """Note what became of sending an order."""
    session.execute(
        update(SentOrder)
        .where(SentOrder.run_id == run_id)
        .values(state=state.value)
        .execution_options(synchronize_session=False)
    )


def refused(session: Session, run_id: int, why: str, act: Act) -> None:
    """The equipment refused the order: its run is aborted, its lots queue again and are held for a person."""
    set_state(session, run_id, OrderState.REFUSED)
    run = run_course.abort(session, run_id, f"refused by the equipment: {why}", act)
    lots = select(RunSubstrate.lot_id).where(RunSubstrate.run_id == run_id).distinct()
    locked = lock(session, (Lot, session.scalars(lots).all()))
    comment = f"{run.name}: {why}"
    held = [place_hold(session, lot, EQUIPMENT_REFUSED, comment, OWNER_OF_REPORTED, act) for lot in locked.all(Lot)]
    record_all(session, act, [event for _, event in held])
