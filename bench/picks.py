"""Moves of an assembly: which unit of which source goes onto each site, in the order in which a bonder would pick."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.messages import TRANSFER_COLUMNS, Transfers
from equipment.interface.states import TransferOutcome
from mes.lots.gate.supply import Need, needs
from mes.lots.models import RunSource
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.units.models import Substrate
from mes.units.positions import Mask, shapes, unpack


@dataclass(frozen=True)
class Picks:
    """What a run fills, and the units that are left for it by product. Empty where the run assembles nothing."""

    wanted: tuple[Need, ...]
    left: dict[int, Iterator[tuple[str, int, int]]]

    @classmethod
    def of_run(cls, session: Session, run_id: int) -> "Picks":
        """All units that the run has reserved."""
        operation = session.get_one(Operation, session.get_one(Run, run_id).operation_id)
        route = session.get_one(RouteVersion, operation.route_version_id)
        query = (
            select(Substrate, RunSource.positions)
            .join(RunSource, RunSource.substrate_id == Substrate.id)
            .where(RunSource.run_id == run_id)
            .order_by(RunSource.ordinal)
        )
        rows = [(substrate, positions) for substrate, positions in session.execute(query)]
        shape_of = shapes(session, [substrate for substrate, _ in rows])
        units: dict[int, list[tuple[str, int, int]]] = {}
        for substrate, positions in rows:
            free = np.argwhere(unpack(positions, shape_of[substrate.id])).tolist()
            units.setdefault(substrate.product_id, []).extend((substrate.name, x, y) for y, x in free)
        left = {product: iter(found) for product, found in units.items()}
        return cls(tuple(needs(session, operation, route.product_id)), left)

    def onto(self, target: str, where: Mask) -> Transfers | None:
        """One unit for each site of each position, all placed."""
        if not self.wanted:
            return None
        rows = []
        for y, x in np.argwhere(where).tolist():
            for need in self.wanted:
                source, from_x, from_y = next(self.left[need.product_id])
                rows.append((source, from_x, from_y, 0, x, y, need.site, need.level, 0, int(TransferOutcome.PLACED)))
        names = sorted({row[0] for row in rows})
        numbered = [(names.index(row[0]), *row[1:]) for row in rows]
        columns = {
            name: np.array(column, kind)
            for (name, kind), column in zip(TRANSFER_COLUMNS.items(), zip(*numbered, strict=True), strict=True)
        }
        return Transfers(tuple(names), (target,), **columns)
