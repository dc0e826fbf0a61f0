"""What the start gate looks at of material: what a job would use, and what is mounted for it on equipment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, bindparam, func, select
from sqlalchemy.orm import Session, undefer

from mes.definitions.models import MaterialKind
from mes.lots.models import LotSubstrate, RunSubstrate
from mes.lots.progress import asked_positions
from mes.lots.states import OPEN_WORK
from mes.materials.models import Container, MaterialLot
from mes.materials.queries import expires
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate
from mes.units.positions import Mask, opened


@dataclass(frozen=True)
class Mounted:
    """A container on an equipment."""

    container: str
    material: str
    unit: str
    remainder: int
    thawed_at: datetime | None
    expires_at: datetime | None
    """The end of its shelf life or its floor life, whichever comes first."""
    customer_id: int | None
    """Whose it is; None is the centre's, which all lots may use."""


@dataclass(frozen=True)
class MaterialUse:
    """What one job would use of one kind."""

    material: str
    amount: int
    needed: timedelta
    """For how long from its start."""


def uses(operation: Operation, units: int, substrates: int) -> list[MaterialUse]:
    """What work on so many units of so many substrates uses, by the route."""
    counted = {"unit": units, "substrate": substrates}
    whole = operation.process_s or 0.0
    needed = [whole if one["needed_s"] is None else one["needed_s"] for one in operation.materials]
    return [
        MaterialUse(one["material"], one["amount"] * counted[one["per"]], timedelta(seconds=seconds))
        for one, seconds in zip(operation.materials, needed, strict=True)
    ]


_GIVEN: BindParameter[int] = bindparam("equipment", expanding=True)
_MOUNTED = (
    select(
        Container.equipment_id, Container.name, MaterialKind.name, MaterialKind.unit, Container.remainder,
        Container.thawed_at, expires(), Container.customer_id,
    )
    .join(MaterialLot, MaterialLot.id == Container.material_lot_id)
    .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
    .where(Container.equipment_id.in_(_GIVEN))
    .order_by(Container.mounted_at, Container.id)
)  # fmt: skip


def mounted_on(session: Session, equipment_ids: Collection[int]) -> dict[int, list[Mounted]]:
    """The containers on each of these equipment, the first mounted first."""
    found: dict[int, list[Mounted]] = {}
    for equipment_id, *columns in session.execute(_MOUNTED, {"equipment": list(equipment_ids)}):
        found.setdefault(equipment_id, []).append(Mounted(*columns))
    return found


_PROMISED = (
    select(Run.equipment_id, Operation, func.sum(func.bit_count(RunSubstrate.positions)), func.count())
    .join(Operation, Operation.id == Run.operation_id)
    .join(RunSubstrate, RunSubstrate.run_id == Run.id)
    .where(Run.equipment_id.in_(_GIVEN), Run.state.in_(OPEN), RunSubstrate.work.in_(OPEN_WORK))
    .where(Operation.materials != [])
    .group_by(Run.id, Operation.id)
)


def promised_on(session: Session, equipment_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """What open runs on these equipment have still to use, by kind."""
    found: dict[int, dict[str, int]] = {}
    for equipment_id, operation, of_units, of_substrates in session.execute(
        _PROMISED, {"equipment": list(equipment_ids)}
    ):
        kinds = found.setdefault(equipment_id, {})
        for use in uses(operation, int(of_units), of_substrates):
            kinds[use.material] = kinds.get(use.material, 0) + use.amount
    return found


def units_asked(
    session: Session, members: Sequence[LotSubstrate], masked: Mapping[int, Mask]
) -> Mapping[int, int]:  # fmt: skip
    """How many units a run of each of these substrates would work on, by substrate; not what is ``masked``."""
    if not members:
        return {}
    query = select(Substrate).where(Substrate.id.in_([m.substrate_id for m in members]))
    positions = opened(session, session.scalars(query.options(undefer(Substrate.dispositions))).all())
    return {
        m.substrate_id: int(asked_positions(m, positions[i], masked.get(i)).sum())
        for m in members
        if (i := m.substrate_id)
    }
