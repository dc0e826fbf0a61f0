"""What a run uses up of material: by the route's amounts, or by what the equipment says that it took."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from equipment.interface.messages import SubstrateResult
from mes.history import Change
from mes.lots.gate.material_facts import uses
from mes.lots.models import Consumption
from mes.lots.work.identify import Report
from mes.materials.consume import take_out
from mes.materials.receive import MOST

REPORTED = "used_{}"
"""Name of the parameter with which equipment reports what it took of a material, in the unit of that."""


@dataclass(frozen=True)
class Consumed:
    """What is to be recorded of containers, and what is doubtful: code and sentence."""

    changes: list[Change]
    doubts: dict[str, str]


def consume(session: Session, report: Report) -> Consumed:
    """Take what the work on a substrate used out of the containers on the equipment of its run.

    What was used has been used: where the containers held less, they are empty now, and the work is in doubt.
    """
    units = int((report.worked & report.asked()).sum())
    if not report.operation.materials or not units:
        return Consumed([], {})
    doubts: dict[str, str] = {}
    used = {use.material: use.amount for use in uses(report.operation, units, 1)}
    for material, value in _reported(report.result, used):
        if np.isfinite(value) and 0 <= value <= MOST:
            used[material] = round(value)
        else:
            doubts["material_beyond"] = f"It says that it used {value:g} of {material}; counted is {used[material]}."
    taken = take_out(session, report.run.equipment_id, used, report.lot.customer_id, report.run.name)
    session.add_all(
        Consumption(
            customer_id=report.lot.customer_id, run_id=report.run.id, substrate_id=report.work.substrate_id,
            container_id=container_id, amount=amount, happened_at=report.result.ended_at,
        )
        for container_id, amount in taken.amounts.items()
    )  # fmt: skip
    if taken.missing:
        what = ", ".join(f"{used[kind]} of {kind}, {missing} more than" for kind, missing in taken.missing.items())
        doubts["material_short"] = f"It used {what} the containers on the equipment held."
    return Consumed(taken.changes, doubts)


def _reported(result: SubstrateResult, used: dict[str, int]) -> Iterator[tuple[str, float]]:
    told = {parameter.name: parameter.value for parameter in result.parameters}
    for material in used:
        if REPORTED.format(material) in told:
            yield material, told[REPORTED.format(material)]
