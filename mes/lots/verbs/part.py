"""Part: the dies of multi-project wafers go on by projects, each in a lot and on masked copies of its customer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import insert, literal, or_, select, tuple_
from sqlalchemy.orm import Session, undefer

from mes.db import unique
from mes.definitions.models import Product
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, Event, instant, record_all
from mes.lots import ledger, progress
from mes.lots.create import next_of
from mes.lots.holds.hold import against_leaving
from mes.lots.models import Handover, Lot, LotSubstrate, RunSubstrate
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.lots.verbs.owner import ANOTHER, held_later, in_experiments
from mes.lots.verbs.picture import Picture, at_work, close_empty, picture, told_why
from mes.people.models import Customer
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.units.device_ids import hand_over_ids
from mes.units.layers import DEVICE_IDS
from mes.units.models import Layer, Substrate, Transfer
from mes.units.positions import Mask, Positions
from mes.units.projects import masked_copy, masked_layers, project_masks
from mes.units.states import THERE, Disposition

MEANS = "The dies on these wafers belong to the customers of their projects from now on."
"""What the parting of a multi-project wafer signs."""


@dataclass(frozen=True)
class _Project:
    """A project of the reticle as the database has it now."""

    name: str
    customer_id: int
    product: Product
    route_version_id: int


def part(session: Session, lot_id: int, act: Act) -> Lot:
    """Let the dies of a stocked lot of multi-project wafers go on project by project; gives the lot they leave.

    Each project gets a stocked lot of its customer, with a masked copy of each wafer that has a position of it: all
    that map, bins, ids and measurements say of its own positions, and nothing elsewhere. Raises `Malformed` (no reason,
    a name too long) and `Refused` with every reason: a state, a product without projects, a hold now or later, a mask,
    an experiment, a substrate in a run, on its route or built on, a project without a route, a name that is known.
    """
    told_why(act)
    seen = picture(session, lot_id)
    lot = seen.lot
    product = session.get_one(Product, lot.product_id)
    projects, missing = _projects(session, product)
    found = [*_against(session, seen, product), *missing, *_known(session, seen, projects)]
    if found:
        raise Refused(f"Lot {lot.name} cannot be parted now.", *found)
    told = _Told(_layers(session, seen), _operations(session, seen))
    masks = {i: project_masks(product.reticle or {}, at.shape) for i, at in seen.positions.items()}
    events, went = [], Counter[str]()
    for project in projects:
        of = {i: mask[project.name] & (seen.positions[i].now != Disposition.NO_UNIT) for i, mask in masks.items()}
        if any(mask.any() for mask in of.values()):
            events.append(_give(session, seen, project, {i: m for i, m in of.items() if m.any()}, told, went, act))
    if any(layer.name.startswith(DEVICE_IDS) for layers in told.layers.values() for layer in layers):
        copies = select(Substrate.id, Substrate.customer_id).where(Substrate.part_of_id.in_(seen.positions))
        hand_over_ids(session, seen.positions, dict(session.execute(copies).all()))
    record_all(session, act, [_left(session, seen, [p.name for p in projects], went, act), *events])
    return lot


def _against(session: Session, seen: Picture, product: Product) -> Iterator[Reason]:
    lot = seen.lot
    if lot.state != LotState.STOCKED:
        yield Reason("lot_state", f"Lot {lot.name} is {lot.state}; wafers are parted when they are stocked.")
    if product.reticle is None:
        what = f"{product.name} is no multi-project wafer; the plant's text gives it a reticle."
        yield Reason("without_projects", what, "line_engineer")
    for member in seen.chosen:
        if member.progress == Progress.QUEUED:
            what = f"Substrate {seen.name(member)} is still on its route; withdraw the lot and finish it."
            yield Reason("substrate_waiting", what, "operator")
    yield from against_leaving(session, [lot], seen.positions, gone=True)
    yield from held_later(session, lot)
    yield from at_work(session, seen)
    yield from in_experiments(session, seen)


def _projects(session: Session, product: Product) -> tuple[list[_Project], list[Reason]]:
    """The projects of a product, and a reason for each of which the plant has no customer or no route."""
    told = [] if product.reticle is None else product.reticle["projects"]
    owners = select(Customer.name, Customer.id).where(Customer.name.in_({p["customer"] for p in told}))
    customers = {row.name: row.id for row in session.execute(owners)}
    query = select(Product, RouteVersion.id).join(RouteVersion, RouteVersion.product_id == Product.id)
    query = query.where(Product.name.in_({p["product"] for p in told}), RouteVersion.current)
    routes = {
        made.name: (made, version) for made, version in session.execute(query.order_by(RouteVersion.route.desc()))
    }
    projects, missing = [], []
    for one in told:
        if one["customer"] not in customers or one["product"] not in routes:
            what = f"Project {one['name']} needs a customer {one['customer']} and a released route of {one['product']}."
            missing.append(Reason("project_unknown", what, "line_engineer"))
            continue
        projects.append(_Project(one["name"], customers[one["customer"]], *routes[one["product"]]))
    return projects, missing


def _known(session: Session, seen: Picture, projects: Sequence[_Project]) -> Iterator[Reason]:
    """Names that a customer has already, which are known once to each; and wafers that units were moved onto or off."""
    lots = [(p.customer_id, _named(seen.lot.name, p.name)) for p in projects]
    copies = [(p.customer_id, _named(one.name, p.name)) for p in projects for one in seen.substrates.values()]
    of_lots = select(literal("lot_known"), Lot.name).where(tuple_(Lot.customer_id, Lot.name).in_(lots))
    of_copies = select(literal("substrate_known"), Substrate.name)
    of_copies = of_copies.where(tuple_(Substrate.customer_id, Substrate.name).in_(copies))
    moves = select(Transfer.id).where(or_(Transfer.source_id == Substrate.id, Transfer.target_id == Substrate.id))
    built = select(literal("built_on"), Substrate.name).where(Substrate.id.in_(seen.positions), moves.exists())
    for code, name in sorted((row[0], row[1]) for row in session.execute(of_lots.union_all(of_copies, built))):
        if code == "built_on":
            yield Reason("built_on", f"Units were moved onto or off substrate {name}; it is parted no more.")
        else:
            yield Reason(code, f"The customer of a project has {name} already; both cannot be one owner's.")


def _named(name: str, project: str) -> str:
    if len(name) > 62:
        raise Malformed(f"{name} with the letter of a project is longer than 64 characters.")
    return f"{name}.{project}"


@dataclass(frozen=True)
class _Told:
    """What stands on record of each wafer: its layers, and the operations that were done on it with their ends."""

    layers: Mapping[int, Sequence[Layer]]
    operations: Mapping[int, Sequence[tuple[str, str]]]


def _layers(session: Session, seen: Picture) -> dict[int, list[Layer]]:
    query = select(Layer).where(Layer.substrate_id.in_(seen.positions)).order_by(Layer.name, Layer.version)
    found: dict[int, list[Layer]] = {i: [] for i in seen.positions}
    for layer in session.scalars(query.options(undefer("*"))):
        found[layer.substrate_id].append(layer)
    return found


def _operations(session: Session, seen: Picture) -> dict[int, list[tuple[str, str]]]:
    query = select(RunSubstrate.substrate_id, Operation.name, RunSubstrate.ended_at)
    query = query.join(Run, Run.id == RunSubstrate.run_id).join(Operation, Operation.id == Run.operation_id)
    query = query.where(RunSubstrate.substrate_id.in_(seen.positions), RunSubstrate.ended_at.is_not(None))
    found: dict[int, list[tuple[str, str]]] = {i: [] for i in seen.positions}
    for substrate_id, operation, at in session.execute(query.order_by(RunSubstrate.ended_at, RunSubstrate.run_id)):
        found[substrate_id].append((operation, "" if at is None else instant(at)))
    return found


def _give(
    session: Session, seen: Picture, project: _Project, masks: Mapping[int, Mask], told: _Told, went: Counter[str],
    act: Act,
) -> Event:  # fmt: skip
    """Begin the lot of a project, stocked as the wafers are; adds the units that ``went``. Gives what is recorded."""
    lot = seen.lot
    new = Lot(
        customer_id=project.customer_id, name=_named(lot.name, project.name), product_id=project.product.id,
        kind=lot.kind, route_version_id=project.route_version_id, state=LotState.STOCKED, priority=lot.priority, form=1,
        of_product=next_of(session, project.product.id), substrates=len(masks), units=0, created_at=act.at,
        released_at=lot.released_at, ended_at=act.at,
    )  # fmt: skip
    copies = {
        i: masked_copy(seen.positions[i], _named(seen.substrates[i].name, project.name), mask, new.customer_id,
                       project.product)
        for i, mask in masks.items()
    }  # fmt: skip
    session.add_all([new, *copies.values()])
    taken = Refused(f"A customer of lot {lot.name}'s projects came by one of the new names meanwhile; look again.")
    with unique("uq_lot_customer_id_name", taken), unique("uq_substrate_customer_id_name", taken):
        session.flush()
    members = [_member(new, copy, act) for copy in copies.values()]
    session.add_all(members)
    for i, copy in copies.items():
        session.add_all(masked_layers(told.layers[i], copy, seen.substrates[i].name, masks[i]))
    units = _hand_over(session, lot, new, copies, masks, act)
    went.update(units)
    session.flush()
    deltas = ledger.begin(session, new, units | Counter(merged_in=units.total()))
    if any(copy.closed for copy in copies.values()):
        progress.settle(session, new, members, act.at)
    after = {"state": new.state, "substrates": new.substrates, "units": new.units, "means": MEANS}
    after["came"] = [copy.name for copy in copies.values()]
    came = [
        Change(copy, {}, {"lot": new.name, "wafer": seen.substrates[i].name, "operations": told.operations[i]})
        for i, copy in copies.items()
    ]
    return Event("part", [Change(new, {"owner": ANOTHER}, after, deltas), *came])


def _member(new: Lot, copy: Substrate, act: Act) -> LotSubstrate:
    """The place of a copy in its lot; one on which nothing is left is closed."""
    there = np.isin(np.frombuffer(copy.dispositions, np.uint8), THERE).any()
    copy.closed = not there
    return LotSubstrate(
        customer_id=new.customer_id, lot_id=new.id, substrate_id=copy.id, form=1, visit=1, since=act.at,
        progress=Progress.FINISHED if there else Progress.CLOSED,
    )  # fmt: skip


def _hand_over(
    session: Session, lot: Lot, new: Lot, copies: Mapping[int, Substrate], masks: Mapping[int, Mask], act: Act
) -> Counter[str]:  # fmt: skip
    """Note what went from one lot to the other, copy by copy; by account, the units of all."""
    of = {copy.id: ledger.held(Positions(copy, masks[i].shape)) for i, copy in copies.items()}
    went = [
        {"customer_id": lot.customer_id, "substrate_id": i, "form": 1, "from_id": lot.id, "to_id": new.id,
         "units": held.total(), "happened_at": act.at}
        for i, held in of.items()
    ]  # fmt: skip
    session.execute(insert(Handover), went)
    return sum(of.values(), Counter[str]())


def _left(session: Session, seen: Picture, projects: Sequence[str], went: Counter[str], act: Act) -> Event:
    """Settle the lot that was parted: what is of no project stays, and a wafer of which nothing stays is closed."""
    lot = seen.lot
    deltas = ledger.post(session, lot, 1, {**{a: -n for a, n in went.items()}, "split_off": went.total()})
    for at in seen.positions.values():
        at.save()
    close_empty(session, seen, act)
    if all(m.progress == Progress.CLOSED for m in seen.members):
        lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.CHANGE_OWNER)
        lot.ended_at = lot.ended_at or act.at
    progress.settle(session, lot, seen.members, act.at)
    after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units, "owner": ANOTHER, "means": MEANS}
    gone: list[Change] = [Change(s, {"lot": lot.name}, {"projects": projects}) for s in seen.substrates.values()]
    return Event("part", [Change(lot, seen.before, after | {"projects": projects}, deltas), *gone])
