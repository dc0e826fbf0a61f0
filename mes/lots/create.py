"""Create a lot of substrates that arrived, and release it to the line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from mes.db import lock, unique
from mes.definitions.models import Layout, Product
from mes.errors import Malformed, NotFound, Refused
from mes.history import Act, Change, Event, record_all
from mes.lots import ledger, progress
from mes.lots.ahead import check_ahead
from mes.lots.holds.future_hold import take_effect
from mes.lots.holds.hold import place_hold
from mes.lots.holds.hold_codes import owner_of
from mes.lots.map_rules import every, judged
from mes.lots.models import LOT_KINDS, LOT_NUMBERS, Lot, LotSubstrate
from mes.lots.queries import current_route, operations
from mes.lots.routing.sampling import left_out, ways_on
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.people.models import Customer
from mes.units.arrival import Arrival, arrive
from mes.units.positions import Positions
from mes.units.states import Disposition
from mes.units.warned import Warned


@dataclass(frozen=True)
class NewLot:
    """What is asked for. Priority 1 is the most urgent, 9 the least."""

    name: str
    customer: str
    route: str
    substrates: tuple[Arrival, ...]
    kind: str = "production"
    priority: int = 5
    due_at: datetime | None = None


MOST_COMMENT = 500
"""Characters of what a hold says that warnings of maps placed; each of them stands with its map."""
_ONE_AT_A_TIME = 20261123
"""Keeps these advisory locks, of one product each, apart from others."""


def new_name(session: Session) -> str:
    """A name for a lot that nobody named."""
    return f"L-{session.scalar(LOT_NUMBERS.next_value()):07d}"


def create(session: Session, wanted: NewLot, act: Act, *, released: bool = False) -> Lot:
    """Create a lot from arrived substrates: its units are received, its first form is that of the route's product.

    ``released``: let it into the line in the same act. Warnings of maps are kept with them and in history, and hold the
    lot where a rule of the plant says so. Raises `Malformed` (no substrates, unknown kind, priority, due date, map of
    another size), `NotFound` (customer, route), `Refused` (the customer has a lot or a substrate of that name), and
    what `judged` raises.
    """
    return create_and_tell(session, wanted, act, released=released)[0]


def create_and_tell(
    session: Session, wanted: NewLot, act: Act, *, released: bool = False
) -> tuple[Lot, list[Warned]]:  # fmt: skip
    """As `create`, with the warnings of all maps and what each caused."""
    _check(wanted, act.at)
    route, product, layout = current_route(session, wanted.route)
    customer_id = _owner(session, wanted)
    wanted = replace(wanted, substrates=judged(session, customer_id, route.id, wanted.substrates))
    lot = Lot(
        customer_id=customer_id,
        name=wanted.name,
        product_id=product.id,
        kind=wanted.kind,
        route_version_id=route.id,
        state=LotState.CREATED,
        priority=wanted.priority,
        due_at=wanted.due_at,
        created_at=act.at,
        form=1,
        of_product=next_of(session, product.id),
        substrates=len(wanted.substrates),
        units=0,
    )
    session.add(lot)
    with unique("uq_lot_customer_id_name", _known(wanted)):
        session.flush()
    members, event = _receive(session, lot, product, layout, wanted, act)
    events = [event, *_hold(session, lot, wanted, act)]
    if released:
        events += _let_in(session, lot, members, act)
    session.add_all(members)
    record_all(session, act, events)
    return lot, every(wanted.substrates)


def _hold(session: Session, lot: Lot, wanted: NewLot, act: Act) -> list[Event]:
    """Hold a lot that has just come, where warnings of its maps do; gives what is to be recorded."""
    by_code: dict[str, list[Warned]] = {}
    for one in every(wanted.substrates):
        if one.hold_code is not None:
            by_code.setdefault(one.hold_code, []).append(one)
    return [
        place_hold(session, lot, code, _why(found), owner_of(session, code, None), act)[1]
        for code, found in by_code.items()
    ]


def _why(found: list[Warned]) -> str:
    codes = ", ".join(sorted({one.code for one in found}))
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"Warnings of maps ({codes}): {found[0]}{more}"[:MOST_COMMENT]


def next_of(session: Session, product_id: int) -> ScalarSelect[int]:
    """The number of the next lot of a product, as the insert of that lot finds it; others wait until it is there."""
    session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME, product_id)))  # else two get one number
    nth = select(func.coalesce(func.max(Lot.of_product), 0) + 1).where(Lot.product_id == product_id)
    return nth.scalar_subquery()


def _owner(session: Session, wanted: NewLot) -> int:
    """The customer, who has no lot of that name yet."""
    named = select(Lot.id).where(Lot.customer_id == Customer.id, Lot.name == wanted.name).exists()
    found = session.execute(select(Customer.id, named).where(Customer.name == wanted.customer)).one_or_none()
    if found is None:
        raise NotFound(f"There is no customer {wanted.customer}.")
    customer_id, is_known = found
    if is_known:
        raise _known(wanted)
    return customer_id


def _known(wanted: NewLot) -> Refused:
    return Refused(f"There is already a lot {wanted.name}; choose another name.")


def _check(wanted: NewLot, now: datetime) -> None:
    if not wanted.name.strip() or len(wanted.name) > 64:
        raise Malformed("A lot needs a name of 1 to 64 characters.")
    if not wanted.substrates:
        raise Malformed(f"Lot {wanted.name} has no substrates; name at least one.")
    names = [arrival.substrate for arrival in wanted.substrates]
    if len({*names}) < len(names):
        raise Malformed(f"Lot {wanted.name} names a substrate twice: {', '.join(names)}; each arrives once.")
    if wanted.kind not in LOT_KINDS:
        raise Malformed(f"{wanted.kind} is no kind of lot; it is one of {', '.join(LOT_KINDS)}.")
    check_priority(wanted.priority)
    if wanted.due_at is not None:
        check_ahead(wanted.due_at, now)


def check_priority(priority: int) -> None:
    """Raise `Malformed` where there is no such priority."""
    if not 1 <= priority <= 9:
        raise Malformed(f"Priority {priority} is out of range; it goes from 1 (most urgent) to 9.")


def _receive(
    session: Session, lot: Lot, product: Product, layout: Layout, wanted: NewLot, act: Act
) -> tuple[list[LotSubstrate], Event]:
    """Let the substrates arrive: as members of the lot, which are not stored yet, and what is to be recorded."""
    substrates = arrive(session, lot.customer_id, product, layout, list(wanted.substrates), act)
    shape = (layout.rows, layout.columns)
    units = {s.id: Positions(s, shape).count(Disposition.IN_PROCESS) for s in substrates}
    received = sum(units.values())
    deltas = ledger.begin(session, lot, {"received": received, "in_process": received})
    after = {
        "state": lot.state,
        "route": wanted.route,
        "kind": lot.kind,
        "priority": lot.priority,
        "substrates": [s.name for s in substrates],
        "warnings": [f"{one} ({one.code}, {one.caused})" for one in every(wanted.substrates)],
    }
    arrived = [
        Change(s, after={"lot": lot.name, "units": units[s.id], "assumed_map": s.assumed_map}) for s in substrates
    ]
    members = [
        LotSubstrate(customer_id=lot.customer_id, lot_id=lot.id, substrate_id=s.id, form=1, visit=1) for s in substrates
    ]
    return members, Event("create", [Change(lot, after=after, deltas=deltas), *arrived])


def release(session: Session, lot_id: int, act: Act) -> Lot:
    """Let a lot into the line: all its substrates with a unit left wait at the first operation of its route."""
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    members = progress.members_of(session, [lot])[lot.id]
    events = _let_in(session, lot, [m for m in members if m.progress != Progress.CLOSED], act)
    record_all(session, act, [*events, *take_effect(session, [lot], {lot.id: members}, act)])
    return lot


def _let_in(session: Session, lot: Lot, members: Sequence[LotSubstrate], act: Act) -> list[Event]:
    ways = ways_on(session, lot, members, members, operations(session, lot.route_version_id)[0])
    before = lot.state
    lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.RELEASE)
    for member in members:
        progress.stand_at(member, ways[member.substrate_id].following, act.at)
    first = min((way.following for way in ways.values() if way.following is not None), key=lambda one: one.number)
    lot.operation_id, lot.released_at = first.id, act.at
    after = {"state": lot.state, "operation": first.name}
    released = Event("release", [Change(lot, before={"state": before}, after=after)])
    return [released, *left_out(session, lot, ways, act)]
