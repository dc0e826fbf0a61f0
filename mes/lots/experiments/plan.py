"""The plan of an experiment: drafted with its legs and substrates, approved once by a signature, closed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from mes.db import lock, unique
from mes.errors import Malformed, NotAllowed, NotFound, Reason, Refused
from mes.history import Act, Change, record
from mes.lots.experiments.legs import WHO, against_leg, key
from mes.lots.experiments.models import Experiment, ExperimentLeg, ExperimentSubstrate
from mes.lots.experiments.states import TRANSITIONS, ExperimentState, ExperimentVerb
from mes.lots.models import Lot, LotSubstrate
from mes.lots.states import Progress
from mes.people.models import Customer
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.recipes.models import RecipeVersion
from mes.recipes.states import RecipeState
from mes.routes.models import Operation, OperationAlternative, RouteVersion
from mes.units.models import Substrate

APPROVED_MEANS = "Substrates run at this operation by the leg that they are in; the plan does not change again."
"""What an approval signs."""


@dataclass(frozen=True)
class NewLeg:
    """A leg that is asked for: another recipe, set points by name, both or, to compare with, neither."""

    name: str
    recipe: str | None = None
    parameters: Mapping[str, float] | None = None
    substrates: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewExperiment:
    """What is asked for. Without lots and substrates all that comes to the operation is in it."""

    name: str
    title: str
    operation: str
    legs: tuple[NewLeg, ...]
    lots: tuple[str, ...] = ()
    customer: str | None = None


def draft(session: Session, wanted: NewExperiment, act: Act) -> Experiment:
    """Write a plan down. The substrates of its lots that no leg names are dealt to the legs, as many to each.

    Raises `Malformed` (no leg, one twice, a substrate twice, names that customers share), `NotFound` (operation,
    recipe, lot, substrate) and `Refused` with every reason: the name is taken, a set point leaves the limits of a
    recipe, a recipe does not serve the operation.
    """
    _check(wanted)
    operation = _operation(session, wanted.operation)
    recipes = _recipes(session, wanted)
    found = [reason for leg in wanted.legs for reason in _against(leg, operation, recipes.get(leg.recipe or ""))]
    substrates = _substrates(session, wanted)
    if found:
        raise Refused(f"Experiment {wanted.name} cannot be drafted so.", *found)
    row = Experiment(
        name=wanted.name, title=wanted.title, operation=wanted.operation, every=not substrates, drafted_by=act.actor,
        drafted_at=act.at,
    )  # fmt: skip
    with unique("uq_experiment_name", Refused(f"There is already an experiment {wanted.name}; choose another name.")):
        session.add(row)
        session.flush()
    legs = [
        ExperimentLeg(
            experiment_id=row.id, ordinal=n, name=leg.name, parameters=dict(leg.parameters or {}),
            recipe_version_id=recipes[leg.recipe].id if leg.recipe else None,
        )
        for n, leg in enumerate(wanted.legs, 1)
    ]  # fmt: skip
    session.add_all(legs)
    session.flush()
    dealt = _deal(wanted, legs, substrates)
    session.add_all(
        ExperimentSubstrate(experiment_id=row.id, substrate_id=one.id, customer_id=one.customer_id, leg_id=leg.id)
        for one, leg in dealt
    )
    told = {leg.name: sorted(one.name for one, its in dealt if its is leg) for leg in legs}
    record(session, "draft", act, [Change(row, after={"operation": wanted.operation, "legs": told})])
    return row


def approve(session: Session, experiment_id: int, signer: Person, act: Act) -> Experiment:
    """Sign that substrates run by the legs of a draft, as ``signer``, who is also recorded as the actor.

    Raises `NotAllowed` where that is no process engineer, `WrongState`, and `Refused` with every reason: a recipe is
    not approved any more, a substrate has left the operation behind it, or is in another experiment there.
    """
    row = lock(session, (Experiment, [experiment_id])).one(Experiment, experiment_id)
    if signer.role is not Role.PROCESS_ENGINEER:
        raise NotAllowed(f"{signer.name} may not approve experiments; a process engineer may.")
    before = row.state
    after = TRANSITIONS.after(f"Experiment {row.name}", ExperimentState(before), ExperimentVerb.APPROVE)
    found = [*_stale(session, row), *_passed(session, row), *_taken(session, row)]
    if found:
        raise Refused(f"Experiment {row.name} cannot be approved.", *found)
    row.state, row.approved_by, row.approved_at = after, signer.name, act.at
    told = {"state": row.state, "means": APPROVED_MEANS}
    record(session, "approve", replace(act, actor=signer.name), [Change(row, {"state": before}, told)])
    return row


def close(session: Session, experiment_id: int, act: Act) -> Experiment:
    """Let nothing start by the plan any more; what runs goes on. Raises `WrongState`, `Malformed` without a reason."""
    if not act.why.strip():
        raise Malformed("Say why it is closed.")
    row = lock(session, (Experiment, [experiment_id])).one(Experiment, experiment_id)
    before = row.state
    row.state = TRANSITIONS.after(f"Experiment {row.name}", ExperimentState(before), ExperimentVerb.CLOSE)
    row.closed_by, row.closed_at = act.actor, act.at
    record(session, "close", act, [Change(row, {"state": before}, {"state": row.state})])
    return row


def _check(wanted: NewExperiment) -> None:
    if not wanted.legs:
        raise Malformed("An experiment has at least one leg.")
    for given in ([leg.name for leg in wanted.legs], [one for leg in wanted.legs for one in leg.substrates]):
        twice = [name for name, times in Counter(given).items() if times > 1]
        if twice:
            raise Malformed(f"{', '.join(twice)} stands twice; name each leg and each substrate once.")
    if any(not leg.name.strip() or "/" in leg.name for leg in wanted.legs) or "/" in wanted.name:
        raise Malformed("Experiments and legs have names without a slash.")


def _operation(session: Session, name: str) -> Operation:
    query = select(Operation).join(RouteVersion, RouteVersion.id == Operation.route_version_id)
    query = query.where(Operation.name == name, RouteVersion.current)
    other = joinedload(Operation.alternatives).joinedload(OperationAlternative.recipe_version)
    found = session.scalars(query.options(joinedload(Operation.recipe_version), other)).unique().one_or_none()
    if found is None:
        raise NotFound(f"No route that new lots take has an operation {name}.")
    return found


def _recipes(session: Session, wanted: NewExperiment) -> dict[str, RecipeVersion]:
    names = {leg.recipe for leg in wanted.legs if leg.recipe}
    found = {one.name: one for one in session.scalars(select(RecipeVersion).where(RecipeVersion.name.in_(names)))}
    if names - found.keys():
        raise NotFound(f"There is no recipe {', '.join(sorted(names - found.keys()))}.")
    return found


def _against(leg: NewLeg, operation: Operation, recipe: RecipeVersion | None) -> Iterator[Reason]:
    if recipe is not None and recipe.class_id not in {way.class_id for way in operation.ways}:
        what = f"Leg {leg.name} takes recipe {recipe.name}, whose class does not do {operation.name}."
        yield Reason("recipe_class", what, WHO)
    if recipe is not None and recipe.state != RecipeState.APPROVED:
        yield Reason("recipe_not_approved", f"Recipe {recipe.name} is {recipe.state}; it must be approved.", WHO)
    yield from against_leg(leg.name, leg.parameters or {}, recipe or operation.recipe_version)


def _substrates(session: Session, wanted: NewExperiment) -> list[Substrate]:
    """The substrates of its lots that are in them, and those that legs name."""
    named = [name for leg in wanted.legs for name in leg.substrates]
    if not named and not wanted.lots:
        return []
    query = select(Substrate, Lot.name).join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
    query = query.join(Lot, Lot.id == LotSubstrate.lot_id).join(Customer, Customer.id == Lot.customer_id)
    query = query.where(LotSubstrate.progress != Progress.CLOSED)
    query = query.where(or_(Lot.name.in_(wanted.lots), Substrate.name.in_(named)))
    if wanted.customer is not None:
        query = query.where(Customer.name == wanted.customer)
    rows = session.execute(query.order_by(Substrate.name)).all()
    missing = ({*wanted.lots} - {lot for _, lot in rows}) | ({*named} - {one.name for one, _ in rows})
    if missing:
        raise NotFound(f"No lot or substrate that has not ended is named {', '.join(sorted(missing))}.")
    if len({one.customer_id for one, _ in rows}) > 1:
        raise Malformed("Several customers have lots or substrates of these names; name the customer too.")
    return [one for one, _ in rows]


def _deal(
    wanted: NewExperiment, legs: Sequence[ExperimentLeg], substrates: Iterable[Substrate]
) -> list[tuple[Substrate, ExperimentLeg]]:
    """Each substrate with its leg: the one that names it; the others are dealt, as many to each leg."""
    named = {name: legs[n] for n, leg in enumerate(wanted.legs) for name in leg.substrates}
    others = sorted((s for s in substrates if s.name not in named), key=lambda s: key(wanted.name, s.name))
    dealt = [(one, legs[n % len(legs)]) for n, one in enumerate(others)]
    return [*((s, named[s.name]) for s in substrates if s.name in named), *dealt]


def _stale(session: Session, row: Experiment) -> Iterator[Reason]:
    query = select(RecipeVersion).join(ExperimentLeg, ExperimentLeg.recipe_version_id == RecipeVersion.id)
    query = query.where(ExperimentLeg.experiment_id == row.id, RecipeVersion.state != RecipeState.APPROVED)
    for recipe in session.scalars(query.order_by(RecipeVersion.name)):
        yield Reason("recipe_not_approved", f"Recipe {recipe.name} is {recipe.state}; it must be approved.", WHO)


def _passed(session: Session, row: Experiment) -> Iterator[Reason]:
    """Substrates that do not come to the operation any more, or are at work there."""
    there = _operation(session, row.operation)
    named = select(ExperimentSubstrate.substrate_id).where(ExperimentSubstrate.experiment_id == row.id)
    query = (
        select(Substrate.name, LotSubstrate.progress, Operation.number, Operation.name.label("operation"))
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .outerjoin(Operation, Operation.id == LotSubstrate.operation_id)
        .where(Substrate.id.in_(named), LotSubstrate.progress != Progress.CLOSED)
        .order_by(Substrate.name)
    )
    route = row.operation.rpartition("/")[0]
    for name, progress, number, operation in session.execute(query):
        comes = progress == Progress.QUEUED and (
            operation is None or (operation.startswith(f"{route}/") and number <= there.number)
        )
        if not comes:
            where = f"is {progress.replace('_', ' ')}" + (f" at {operation}" if operation else "")
            yield Reason("operation_passed", f"Substrate {name} {where}; it does not come to {row.operation}.", WHO)


def _taken(session: Session, row: Experiment) -> Iterator[Reason]:
    """Another approved experiment at the operation that could have the same substrates."""
    mine = select(ExperimentSubstrate.substrate_id).where(ExperimentSubstrate.experiment_id == row.id)
    query = select(Experiment).where(Experiment.operation == row.operation, Experiment.id != row.id)
    query = query.where(Experiment.state == ExperimentState.APPROVED)
    if not row.every:
        shares = select(ExperimentSubstrate.experiment_id).where(ExperimentSubstrate.substrate_id.in_(mine))
        query = query.where(or_(Experiment.every, Experiment.id.in_(shares)))
    for other in session.scalars(query.order_by(Experiment.name)):
        what = f"Experiment {other.name} varies {row.operation} for some of these, too; close it first."
        yield Reason("experiment_taken", what, WHO)


def told(row: Experiment) -> dict[str, Any]:
    """What of a plan is told beside its legs."""
    names = ("title", "operation", "state", "every", "drafted_by", "drafted_at", "approved_by", "approved_at")
    return {"experiment": row.name, **{name: getattr(row, name) for name in names}, "closed_at": row.closed_at}
