"""Experiments as people and programs look at them: each with its legs, and how many substrates ran by each."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.errors import NotFound
from mes.lots.experiments.models import Experiment, ExperimentLeg, ExperimentSubstrate, RunLeg
from mes.lots.experiments.plan import told
from mes.lots.models import RunSubstrate
from mes.recipes.models import RecipeVersion
from mes.units.models import Substrate

Row = dict[str, Any]


def experiment_id(session: Session, name: str) -> int:
    """The id of an experiment by its name. Raises `NotFound`."""
    found = session.scalar(select(Experiment.id).where(Experiment.name == name))
    if found is None:
        raise NotFound(f"There is no experiment {name}.")
    return found


def experiments(session: Session, name: str | None = None) -> list[Row]:
    """All experiments with their legs, the newest first; or the one of that name. As many queries for many as for one.

    Units are those that runs by a leg came out with at the operation of the experiment.
    """
    query = select(Experiment).order_by(Experiment.id.desc())
    rows = session.scalars(query if name is None else query.where(Experiment.name == name)).all()
    ids = [row.id for row in rows]
    named: dict[int, list[str]] = {}
    query_named = select(ExperimentSubstrate.leg_id, Substrate.name)
    query_named = query_named.join(Substrate, Substrate.id == ExperimentSubstrate.substrate_id)
    for leg_id, substrate in session.execute(
        query_named.where(ExperimentSubstrate.experiment_id.in_(ids)).order_by(Substrate.name)
    ):
        named.setdefault(leg_id, []).append(substrate)
    legs: dict[int, list[Row]] = {}
    for row in session.execute(_legs().where(ExperimentLeg.experiment_id.in_(ids))).mappings():
        points = [{"name": name, "value": value} for name, value in row["parameters"].items()]
        leg = {"leg": row["leg"], "recipe": row["recipe"], "parameters": points, "substrates": named.get(row["id"], [])}
        came = {key: row[key] for key in ("ran", "good", "failed")}
        legs.setdefault(row["experiment_id"], []).append(leg | came)
    return [told(row) | {"legs": legs.get(row.id, [])} for row in rows]


def _legs() -> Any:
    return (
        select(
            ExperimentLeg.id, ExperimentLeg.experiment_id, ExperimentLeg.name.label("leg"),
            RecipeVersion.name.label("recipe"), ExperimentLeg.parameters,
            func.count(RunSubstrate.substrate_id.distinct()).label("ran"),
            func.coalesce(func.sum(RunSubstrate.units_good), 0).label("good"),
            func.coalesce(func.sum(RunSubstrate.units_failed), 0).label("failed"),
        )
        .outerjoin(RecipeVersion, RecipeVersion.id == ExperimentLeg.recipe_version_id)
        .outerjoin(RunLeg, RunLeg.leg_id == ExperimentLeg.id)
        .outerjoin(RunSubstrate, RunSubstrate.run_id == RunLeg.run_id)
        .group_by(ExperimentLeg.id, RecipeVersion.id)
        .order_by(ExperimentLeg.experiment_id, ExperimentLeg.ordinal)
    )  # fmt: skip


def look(session: Session, of: int) -> Row:
    """One experiment with its legs."""
    (row,) = experiments(session, session.get_one(Experiment, of).name)
    return row
