"""Whether lots may go over to another version of their route, and where each of their substrates would stand then.

A substrate keeps its place by the number of the operation. What it has done counts on: queue times, reworks and the
ladder know operations by their names, which are the same in every version of a route.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mes.errors import NotFound, Reason
from mes.lots.models import FutureHold, Lot, LotSubstrate
from mes.lots.progress import members_of
from mes.lots.states import ON_LINE, TRANSITIONS, LotState, LotVerb, Progress
from mes.people.models import Customer
from mes.routes.models import Operation, RouteVersion
from mes.routes.states import OperationKind
from mes.units.models import Substrate

WHO = "process_engineer"
MOVES = (OperationKind.ASSEMBLE, OperationKind.TRANSFER)
"""Kinds of operations that units come through once: what they did cannot be done in another way afterwards."""


@dataclass(frozen=True)
class Stand:
    """A substrate: where it stands, and where it would by the other version, if nothing speaks against it."""

    substrate: str
    progress: str
    stands: str | None
    """None: not released yet, or past its route."""
    would_stand: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Migration:
    """What would become of a lot that goes over to another version of its route."""

    lot: str
    customer: str
    version: str
    to: str
    substrates: tuple[Stand, ...]
    against: tuple[Reason, ...]
    """What speaks against it of the lot as a whole."""

    @cached_property
    def reasons(self) -> list[Reason]:
        """All that speaks against it, each once."""
        return list(dict.fromkeys(chain(self.against, *(stand.reasons for stand in self.substrates))))


def version_of(session: Session, name: str) -> RouteVersion:
    """The route version named ``route@version``. Raises `NotFound`."""
    found = session.scalars(select(RouteVersion).where(RouteVersion.name == name)).one_or_none()
    if found is None:
        raise NotFound(f"There is no released route version {name}.")
    return found


def others(session: Session, target: RouteVersion, lot_id: int | None = None) -> list[Migration]:
    """The lots on the line, or not yet released, that take another version of the route, by name; or only one lot."""
    on_it = select(RouteVersion.id).where(RouteVersion.route == target.route, RouteVersion.id != target.id)
    query = select(Lot).where(Lot.route_version_id.in_(on_it), Lot.state.in_((LotState.CREATED, *ON_LINE)))
    if lot_id is not None:
        query = select(Lot).where(Lot.id == lot_id)
    return list(plan(session, session.scalars(query.order_by(Lot.name, Lot.id)).all(), target).values())


def told(one: Migration) -> dict[str, Any]:
    """The same, as programs look at it."""
    stands = [vars(stand) | {"reasons": [vars(reason) for reason in stand.reasons]} for stand in one.substrates]
    reasons = [vars(reason) for reason in one.reasons]
    named = {"lot": one.lot, "customer": one.customer, "version": one.version, "to": one.to}
    return {**named, "may_migrate": not reasons, "reasons": reasons, "substrates": stands}


def plan(session: Session, lots: Sequence[Lot], target: RouteVersion) -> dict[int, Migration]:
    """What would become of these lots by the other version. As many queries for many lots as for one."""
    members = members_of(session, lots)
    there = [m for of_lot in members.values() for m in of_lot if m.progress != Progress.CLOSED]
    seen = _seen(session, lots, there, target)
    of = {lot.id: [m for m in there if m.lot_id == lot.id] for lot in lots}
    return {lot.id: seen.migration(lot, of[lot.id]) for lot in lots}


@dataclass(frozen=True)
class _Seen:
    """What is read of lots and versions; operations stand by the id of their version."""

    target: RouteVersion
    versions: Mapping[int, RouteVersion]
    operations: Mapping[int, Sequence[Operation]]
    customers: Mapping[int, str]
    names: Mapping[int, str]
    begun: Collection[int]
    """Substrates in the midst of a visit."""
    planned: Mapping[int, Sequence[int]]
    """By lot: the operations at which it is to be held."""

    def by_number(self, number: int) -> Operation | None:
        """The operation of the other version that has that number."""
        return next((one for one in self.operations.get(self.target.id, ()) if one.number == number), None)

    def migration(self, lot: Lot, members: Sequence[LotSubstrate]) -> Migration:
        own = {one.id: one for one in self.operations.get(lot.route_version_id, ())}
        stands = sorted((self._stand(m, own) for m in members), key=lambda one: one.substrate)
        version = self.versions[lot.route_version_id].name
        against = tuple(self._against(lot, own))
        return Migration(lot.name, self.customers[lot.customer_id], version, self.target.name, tuple(stands), against)

    def _against(self, lot: Lot, own: Mapping[int, Operation]) -> Iterator[Reason]:
        version = self.versions[lot.route_version_id]
        if version.id == self.target.id:
            yield Reason("nothing_changes", f"Lot {lot.name} takes {version.name} already; another may have done it.")
        if version.route != self.target.route or lot.product_id != self.target.product_id:
            what = f"Lot {lot.name} takes {version.name}; {self.target.name} is another route, or makes something else."
            yield Reason("route_differs", what)
        if not TRANSITIONS.allows(LotState(lot.state), LotVerb.MIGRATE):
            what = f"Lot {lot.name} is {lot.state}; it goes over while it is created or queued."
            yield Reason("lot_state", what, "operator")
        for operation_id in self.planned.get(lot.id, ()):
            held_at = own[operation_id]
            if self.by_number(held_at.number) is None:
                what = f"Lot {lot.name} is to be held at {held_at.name}, which {self.target.name} does not have."
                yield Reason("operation_missing", f"{what} Withdraw that future hold first.", WHO)

    def _stand(self, member: LotSubstrate, own: Mapping[int, Operation]) -> Stand:
        here = own.get(member.operation_id or 0)
        there = None if here is None else self.by_number(here.number)
        name = self.names[member.substrate_id]
        reasons = tuple(self._against_substrate(member, name, here, there, list(own.values())))
        would = there.name if there is not None and not reasons else None
        return Stand(name, member.progress, None if here is None else here.name, would, reasons)

    def _against_substrate(
        self, member: LotSubstrate, name: str, here: Operation | None, there: Operation | None, own: Sequence[Operation]
    ) -> Iterator[Reason]:
        if member.progress not in (Progress.QUEUED, Progress.FINISHED):
            what = f"Substrate {name} is {member.progress.replace('_', ' ')}; wait until its run ends."
            yield Reason("substrate_busy", what, "operator")
        if here is None:
            return
        if member.substrate_id in self.begun or member.visit != member.first_visit:
            yield Reason("visit_begun", f"Substrate {name} is in the midst of a visit; let it end first.", "operator")
        if there is None:
            what = f"Substrate {name} waits at {here.name}, which {self.target.name} does not have; let it pass there."
            yield Reason("operation_missing", what, "operator")
        if _behind(own, here.number) != _behind(self.operations.get(self.target.id, ()), here.number):
            what = f"Substrate {name} was built before {here.name} in another way than {self.target.name} says."
            yield Reason("form_differs", what, WHO)


def _behind(operations: Sequence[Operation], number: int) -> list[tuple[object, ...]]:
    """What has moved units before the operation of that number."""
    there = (one for one in operations if one.number < number and one.kind in MOVES)
    return [(one.number, one.kind, sorted(one.fills), one.dummies, one.makes_layout_id) for one in there]


def _seen(session: Session, lots: Sequence[Lot], there: Sequence[LotSubstrate], target: RouteVersion) -> _Seen:
    version_ids = {target.id, *(lot.route_version_id for lot in lots)}
    versions = session.scalars(select(RouteVersion).where(RouteVersion.id.in_(version_ids)))
    operations: dict[int, list[Operation]] = {}
    query = select(Operation).where(Operation.route_version_id.in_(version_ids)).order_by(Operation.number)
    for operation in session.scalars(query):
        operations.setdefault(operation.route_version_id, []).append(operation)
    substrate_ids = [m.substrate_id for m in there]
    names = select(Substrate.id, Substrate.name).where(Substrate.id.in_(substrate_ids))
    parts = or_(LotSubstrate.todo.is_not(None), LotSubstrate.again.is_not(None))
    begun = select(LotSubstrate.substrate_id).where(LotSubstrate.substrate_id.in_(substrate_ids), parts)
    customers = select(Customer.id, Customer.name).where(Customer.id.in_({lot.customer_id for lot in lots}))
    planned: dict[int, list[int]] = {}
    standing = select(FutureHold.lot_id, FutureHold.operation_id).where(FutureHold.ended_at.is_(None))
    for row in session.execute(standing.where(FutureHold.lot_id.in_([lot.id for lot in lots])).order_by(FutureHold.id)):
        planned.setdefault(row.lot_id, []).append(row.operation_id)
    return _Seen(
        target=target,
        versions={one.id: one for one in versions},
        operations=operations,
        customers={row.id: row.name for row in session.execute(customers)},
        names={row.id: row.name for row in session.execute(names)},
        begun=set(session.scalars(begun.where(LotSubstrate.progress != Progress.CLOSED))),
        planned=planned,
    )
