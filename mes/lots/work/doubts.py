"""What in a report contradicts its order, or cannot be. It happened all the same: the units it concerns are suspect."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from equipment.interface.messages import SubstrateResult
from mes.lots.work.identify import Report
from mes.recipes.models import RecipeVersion

MOST_POWER_KW = 1000.0
"""More than any one equipment draws."""


def most_energy_kwh(result: SubstrateResult) -> float:
    """What equipment can have drawn for one substrate at most; of a stay below an hour, what an hour takes."""
    return MOST_POWER_KW * max(1.0, (result.ended_at - result.started_at).total_seconds() / 3600)


def has_plausible_energy(result: SubstrateResult) -> bool:
    """Whether a meter can have measured the energy that a report names: a number, none below zero, none beyond all."""
    return 0.0 <= result.energy_kwh <= most_energy_kwh(result)


def against_whole(session: Session, report: Report) -> Iterator[tuple[str, str]]:
    """Code and sentence of each doubt about a report as a whole; what it concerns is suspect then.

    A report that concerns no unit is doubted only for its words, not for when it came or what the equipment ran.
    """
    result, work = report.result, report.work
    if result.lot != report.lot.name:
        # never which: it may be another customer's, and the hold is this one's to read
        yield "other_lot", f"It names another lot of the run; the order was for lot {report.lot.name}."
    if result.visit != work.visit:
        yield "other_visit", f"It names visit {result.visit}; the order was for visit {work.visit}."
    if not has_plausible_energy(result):
        yield "energy_beyond", f"It names {result.energy_kwh:g} kWh; between 0 and {most_energy_kwh(result):g} can be."
    unnamed = int((report.worked & report.asked() & ~result.touched).sum())
    if unnamed:
        yield "not_touched", f"It judges or moves units at {unnamed} ordered positions and calls those untouched."
    if not (report.worked.any() or result.transfers):
        return
    if report.is_late:
        yield "reported_late", f"The run was {report.run.state} before the report came."
    beyond = list(_beyond(session, report))
    if beyond:
        yield "value_beyond", f"It ran at {', '.join(beyond)}."


def _beyond(session: Session, report: Report) -> Iterator[str]:
    """What the equipment says it really ran, against the limits of the recipe. Another unit is not compared."""
    if not report.result.parameters:
        return
    recipe = session.get_one(RecipeVersion, report.run.recipe_version_id)
    ran = {(p.name, p.unit): p.value for p in report.result.parameters}
    for limit in recipe.parameters:
        name, unit, low, high = (limit[key] for key in ("name", "unit", "low", "high"))
        if (name, unit) in ran and not low <= ran[name, unit] <= high:
            yield f"{name} {ran[name, unit]:g} {unit}, allowed {low:g} to {high:g}"
