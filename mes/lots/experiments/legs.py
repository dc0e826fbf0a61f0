"""By which leg a substrate runs, and what speaks against a leg on a recipe."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from mes.definitions.models import EquipmentClass
from mes.errors import Reason
from mes.lots.experiments.models import Experiment, ExperimentLeg, ExperimentSubstrate, RunLeg
from mes.lots.experiments.states import ExperimentState
from mes.lots.models import LotSubstrate
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation

WHO = "process_engineer"


@dataclass(frozen=True, eq=False)
class Leg:
    """One way in which an approved experiment does an operation; of each there is one object in a look."""

    id: int
    name: str
    """``experiment/leg``."""
    recipe_version: RecipeVersion | None
    equipment_class: EquipmentClass | None
    """Of that recipe."""
    parameters: Mapping[str, float]


@dataclass(frozen=True)
class LegWay:
    """The recipe of a leg as the way in which an operation is done."""

    class_id: int
    equipment_class: EquipmentClass
    recipe_version: RecipeVersion


def way_of(leg: Leg | None) -> LegWay | None:
    """The only way of a leg that names a recipe."""
    if leg is None or leg.recipe_version is None or leg.equipment_class is None:
        return None
    return LegWay(leg.equipment_class.id, leg.equipment_class, leg.recipe_version)


RUNNING: ColumnElement[bool] = (
    select(Experiment.id)
    .where(Experiment.operation == Operation.name, Experiment.state == ExperimentState.APPROVED)
    .exists()
)
"""Whether an approved experiment is about an operation."""


def legs_of(session: Session, waiting: Mapping[int, tuple[str, str]]) -> dict[int, Leg]:
    """The legs of substrates that are in an approved experiment where they wait, by substrate.

    ``waiting``: by substrate its name and the name of the operation.
    """
    approved = (
        select(ExperimentLeg, EquipmentClass)
        .join(Experiment, Experiment.id == ExperimentLeg.experiment_id)
        .outerjoin(RecipeVersion, RecipeVersion.id == ExperimentLeg.recipe_version_id)
        .outerjoin(EquipmentClass, EquipmentClass.id == RecipeVersion.class_id)
        .where(Experiment.operation.in_({operation for _, operation in waiting.values()}))
        .where(Experiment.state == ExperimentState.APPROVED)
        .order_by(Experiment.id, ExperimentLeg.ordinal)
        .options(joinedload(ExperimentLeg.recipe_version), joinedload(ExperimentLeg.experiment))
    )
    legs: dict[int, Leg] = {}
    of_experiment: dict[Experiment, list[Leg]] = {}
    for row, its_class in session.execute(approved):
        name = f"{row.experiment.name}/{row.name}"
        legs[row.id] = Leg(row.id, name, row.recipe_version, its_class, row.parameters)
        of_experiment.setdefault(row.experiment, []).append(legs[row.id])
    named = select(ExperimentSubstrate.substrate_id, ExperimentSubstrate.experiment_id, ExperimentSubstrate.leg_id)
    named = named.where(ExperimentSubstrate.substrate_id.in_(waiting), ExperimentSubstrate.leg_id.in_(legs))
    given = {(row.substrate_id, row.experiment_id): row.leg_id for row in session.execute(named)}
    found: dict[int, Leg] = {}
    for experiment, its in of_experiment.items():
        for substrate_id, (substrate, operation) in waiting.items():
            leg_id = given.get((substrate_id, experiment.id))
            if operation == experiment.operation and (leg_id is not None or experiment.every):
                chosen = dealt(experiment.name, substrate, its) if leg_id is None else legs[leg_id]
                found.setdefault(substrate_id, chosen)
    return found


def dealt(experiment: str, substrate: str, legs: Sequence[Leg]) -> Leg:
    """The leg of a substrate that nobody named: drawn by its name."""
    return legs[int.from_bytes(key(experiment, substrate), "big") % len(legs)]


def key(experiment: str, substrate: str) -> bytes:
    """By what substrates are dealt to legs: the same whoever asks."""
    return blake2b(f"{experiment} {substrate}".encode(), digest_size=8).digest()


def against_leg(leg: str, parameters: Mapping[str, float], recipe: RecipeVersion) -> Iterator[Reason]:
    """Why a recipe cannot run with the set points of a leg: it does not have them, or they leave its limits."""
    limits = {one["name"]: one for one in recipe.parameters}
    for name, value in parameters.items():
        if name not in limits:
            known = ", ".join(limits) or "none"
            what = f"Leg {leg} sets {name}, which recipe {recipe.name} does not have; it has {known}."
            yield Reason("leg_parameter", what, WHO)
        elif not limits[name]["low"] <= value <= limits[name]["high"]:
            one = limits[name]
            inside = f"{one['low']:g} to {one['high']:g} {one['unit']}"
            what = f"Leg {leg} sets {name} to {value:g}; recipe {recipe.name} allows {inside}."
            yield Reason("leg_parameter", what, WHO)


def set_points(session: Session, run_id: int) -> Mapping[str, float]:
    """What the leg of a run sets instead of the targets of its recipe; nothing where it has none."""
    query = select(ExperimentLeg.parameters).join(RunLeg, RunLeg.leg_id == ExperimentLeg.id)
    return session.scalar(query.where(RunLeg.run_id == run_id)) or {}


def by_leg(members: Iterable[LotSubstrate], legs: Mapping[int, Leg]) -> dict[Leg | None, list[LotSubstrate]]:
    """Substrates by the leg that they run by; none of them run by none."""
    found: dict[Leg | None, list[LotSubstrate]] = {}
    for member in members:
        found.setdefault(legs.get(member.substrate_id), []).append(member)
    return found or {None: []}
