"""Change of owner: what is left of a lot, or some of its substrates, goes on in a lot of another customer."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from mes.db import unique
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, record
from mes.lots import progress
from mes.lots.experiments.models import Experiment, ExperimentSubstrate
from mes.lots.experiments.states import ExperimentState
from mes.lots.holds.hold import against_leaving
from mes.lots.models import FutureHold, Lot
from mes.lots.regrouping.regroup import hand_over
from mes.lots.regrouping.split import begin_like
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.lots.verbs.picture import Picture, at_work, picture, told_why
from mes.people.models import Customer
from mes.routes.models import Operation
from mes.units.device_ids import hand_over_ids, known_already, known_to, texts_of
from mes.units.layers import ids_of
from mes.units.models import Substrate

MEANS = "These substrates belong to the other customer from now on; both owners have agreed to it."
"""What a change of owner signs."""

ANOTHER = "another"
"""What history tells either owner of the other."""


def change_owner(
    session: Session, lot_id: int, to: str, substrates: Sequence[str], into: str | None, act: Act
) -> Lot:  # fmt: skip
    """Let substrates of a lot, or all that are left, belong to another customer, in a lot ``into``, or of this name.

    That stands where they stand; what was done to them so far stays with the lot they leave, which ends where none
    stays. Raises `Malformed` (no reason, its own customer), `NotFound` (no such customer or substrate), and `Refused`
    with every reason: a state in which nothing goes, a hold now or later, a mask, a substrate in a run, serving one or
    in an experiment, a name that the other has.
    """
    told_why(act)
    if into is not None and not (into.strip() and len(into) <= 64):
        raise Malformed("A lot needs a name of 1 to 64 characters.")
    seen = picture(session, lot_id, substrates)
    lot, name = seen.lot, into or seen.lot.name
    taker_id = _taker(session, lot, to)
    found = [*_state(lot), *against_leaving(session, [lot], seen.positions, gone=True)]
    found += [*held_later(session, lot), *at_work(session, seen)]
    found += [*in_experiments(session, seen), *_known(session, seen, taker_id, name)]
    if found:
        raise Refused(f"Lot {lot.name} does not change its owner now.", *found)
    return _give(session, seen, begin_like(session, lot, taker_id, name, act), act)


def _taker(session: Session, lot: Lot, to: str) -> int:
    found = session.scalars(select(Customer.id).where(Customer.name == to)).one_or_none()
    if found is None:
        raise NotFound(f"There is no customer {to}.")
    if found == lot.customer_id:
        raise Malformed(f"Lot {lot.name} is {to}'s already; name another customer.")
    return found


def _state(lot: Lot) -> Iterator[Reason]:
    if not TRANSITIONS.allows(LotState(lot.state), LotVerb.CHANGE_OWNER):
        what = f"Lot {lot.name} is {lot.state}; what is created, queued, stocked or completed changes its owner."
        yield Reason("lot_state", what)


def held_later(session: Session, lot: Lot) -> Iterator[Reason]:
    """A reason for each future hold of a lot that stands."""
    if not lot.future_holds:
        return
    query = select(FutureHold.code, FutureHold.owner_role, Operation.name)
    query = query.join(Operation, Operation.id == FutureHold.operation_id)
    query = query.where(FutureHold.lot_id == lot.id, FutureHold.ended_at.is_(None)).order_by(FutureHold.id)
    for code, owner, operation in session.execute(query):
        what = f"Lot {lot.name} will be held at {operation} ({code}); withdraw that first."
        yield Reason("future_hold", what, owner)


def in_experiments(session: Session, seen: Picture) -> Iterator[Reason]:
    """A reason for each of the chosen that is in an experiment."""
    query = select(Experiment.name, Substrate.name)
    query = query.join(ExperimentSubstrate, ExperimentSubstrate.experiment_id == Experiment.id)
    query = query.join(Substrate, Substrate.id == ExperimentSubstrate.substrate_id)
    query = query.where(Substrate.id.in_(seen.substrates), Experiment.state != ExperimentState.CLOSED)
    for experiment, substrate in session.execute(query.order_by(Experiment.name, Substrate.name)):
        what = f"Substrate {substrate} is in experiment {experiment}; close that first."
        yield Reason("in_experiment", what, "process_engineer")


def _known(session: Session, seen: Picture, taker_id: int, name: str) -> Iterator[Reason]:
    """Names of lots and of substrates are known once to each customer."""
    if session.scalar(select(Lot.id).where(Lot.customer_id == taker_id, Lot.name == name)) is not None:
        yield Reason("lot_known", f"The other customer has a lot {name}; choose another name.", "operator")
    texts = {told for layers in ids_of(session, seen.substrates).values() for told in texts_of(layers)}
    yield from known_already(known_to(session, taker_id, texts))
    names = [one.name for one in seen.substrates.values()]
    query = select(Substrate.name).where(Substrate.customer_id == taker_id, Substrate.name.in_(names))
    for known in session.scalars(query.order_by(Substrate.name)):
        yield Reason("substrate_known", f"The other customer has a substrate {known}; both cannot be one owner's.")


def _give(session: Session, seen: Picture, new: Lot, act: Act) -> Lot:
    """Let the chosen go over, and tell each owner its own half; gives the lot they leave."""
    lot = seen.lot
    stay = [m for m in seen.members if m not in seen.chosen]
    taken = Refused("The other customer came by one of these substrates' names meanwhile; look again.")
    with unique("uq_substrate_customer_id_name", taken):
        went = hand_over(session, lot, new, seen.chosen, seen.substrates, act)
    hand_over_ids(session, seen.substrates, dict.fromkeys(seen.substrates, new.customer_id))
    if all(m.progress == Progress.CLOSED for m in stay):
        lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.CHANGE_OWNER)
        lot.ended_at = lot.ended_at or act.at
    progress.settle(session, lot, stay, act.at)
    progress.settle(session, new, seen.chosen, act.at)
    after = {"state": lot.state, "substrates": lot.substrates, "units": lot.units, "owner": ANOTHER, "means": MEANS}
    given = [Change(s, {"lot": lot.name}, {"owner": ANOTHER, "means": MEANS}) for s in seen.substrates.values()]
    record(session, "change_owner", act, [Change(lot, seen.before, after | {"gone": went.names}, went.given), *given])
    for substrate in seen.substrates.values():
        set_committed_value(substrate, "customer_id", new.customer_id)
    told = {"state": new.state, "substrates": new.substrates, "units": new.units, "came": went.names, "means": MEANS}
    came = [Change(s, {}, {"lot": new.name, "means": MEANS}) for s in seen.substrates.values()]
    record(session, "change_owner", act, [Change(new, {"owner": ANOTHER}, told, went.taken), *came])
    return lot
