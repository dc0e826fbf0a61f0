"""By which legs substrates ran, or are to run by an approved plan that names them."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Subquery, func, select, union
from sqlalchemy.orm import Session

from mes.lots.experiments.models import Experiment, ExperimentLeg, ExperimentSubstrate, RunLeg
from mes.lots.experiments.states import ExperimentState
from mes.lots.models import RunSubstrate

_NAME = func.concat(Experiment.name, "/", ExperimentLeg.name).label("leg")
_OF = (Experiment.id == ExperimentLeg.experiment_id,)

KNOWN: Subquery = union(
    select(RunSubstrate.substrate_id, _NAME)
    .join(RunLeg, RunLeg.run_id == RunSubstrate.run_id)
    .join(ExperimentLeg, ExperimentLeg.id == RunLeg.leg_id)
    .join(Experiment, *_OF),
    select(ExperimentSubstrate.substrate_id, _NAME)
    .join(ExperimentLeg, ExperimentLeg.id == ExperimentSubstrate.leg_id)
    .join(Experiment, *_OF)
    .where(Experiment.state == ExperimentState.APPROVED),
).subquery("known_leg")
"""substrate_id and leg, ``experiment/leg``: a row for each."""


def legs_known(session: Session, substrate_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """The names of the legs of substrates, by substrate; those of none are left out."""
    found: dict[int, set[str]] = defaultdict(set)
    for substrate_id, leg in session.execute(
        select(KNOWN.c.substrate_id, KNOWN.c.leg).where(KNOWN.c.substrate_id.in_(substrate_ids))
    ):
        found[substrate_id].add(leg)
    return {i: frozenset(legs) for i, legs in found.items()}
