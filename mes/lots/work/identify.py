"""Identify a report: find the run, the lots and the substrates that it names, and lock them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from equipment.interface.messages import NO_BIN, SubstrateResult
from equipment.interface.states import TransferOutcome
from mes.db import Locked, lock
from mes.equipment.models import Equipment
from mes.errors import Busy, MesError
from mes.lots.models import Lot, LotSubstrate, RunLoad, RunSource, RunSubstrate
from mes.lots.progress import members_of, worked_on
from mes.lots.queries import operations, with_next
from mes.lots.states import OPEN_WORK, Progress, Work
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate
from mes.units.positions import Mask, Positions, opened, unpack
from mes.units.states import USABLE, Disposition


class Unidentified(MesError):
    """A report names a run, a lot or a substrate that it cannot belong to; it is kept as rejected for a person."""

    status = 409


@dataclass
class Report:
    """One report with everything it touches, locked."""

    run: Run
    operation: Operation
    following: Operation | None
    """The operation after it; None after the last."""
    result: SubstrateResult
    work: RunSubstrate
    lot: Lot
    positions: dict[int, Positions]
    ids: dict[str, int]
    members: dict[int, list[LotSubstrate]]
    """All substrates of each lot, by lot."""
    locked: Locked
    is_late: bool
    """The run was closed before the report came."""
    exceptions: dict[str, int] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    """What a person is told beside the exceptions."""

    @property
    def on(self) -> Positions:
        """The positions of the substrate worked on."""
        return self.positions[self.work.substrate_id]

    @cached_property
    def lot_of(self) -> dict[int, LotSubstrate]:
        """The lot that each substrate is in; of one that is used up, the lot that it was in last."""
        touched = [m for lot in self.members.values() for m in lot if m.substrate_id in self.positions]
        return {m.substrate_id: m for m in sorted(touched, key=lambda m: (m.progress != Progress.CLOSED, m.lot_id))}

    @property
    def member(self) -> LotSubstrate:
        """The substrate worked on, in its lot."""
        return self.lot_of[self.work.substrate_id]

    @property
    def holder(self) -> Lot:
        """The lot that the substrate worked on is in by now; it may have gone over since it was ordered."""
        return self.locked.one(Lot, self.member.lot_id)

    @cached_property
    def worked(self) -> Mask:
        """Positions on it that the report names as touched, judges, or moves a unit from or to."""
        worked, moved = self.result.touched.copy(), self.result.transfers
        if self.result.bins is not None:
            worked |= self.result.bins != NO_BIN
        if moved:
            sources, targets = np.array(moved.sources)[moved.source], np.array(moved.targets)[moved.target]
            left = (sources == self.result.substrate) & (moved.outcome != TransferOutcome.PUT_BACK)
            came = (targets == self.result.substrate) & (moved.outcome == TransferOutcome.PLACED)
            worked |= self.on.mask(moved.from_x, moved.from_y, left) | self.on.mask(moved.to_x, moved.to_y, came)
        return worked

    def asked(self) -> Mask:
        """What the run asked for on it."""
        return unpack(self.work.positions, self.on.shape)

    def left(self) -> Mask:
        """What the run asked for and that was not worked on."""
        return self.asked() & ~self.worked & self.on.are(*worked_on(self.operation))

    def doubt(self, code: str, where: Mask) -> None:
        """Note an exception at these positions of the substrate worked on; the units there become suspect."""
        self.doubt_at(code, self.on, where)

    def doubt_at(self, code: str, on: Positions, where: Mask) -> None:
        """The same on any substrate that the report names, beside what was noted of others."""
        if where.any():
            self.exceptions[code] = self.exceptions.get(code, 0) + int(where.sum())
            on.mark(where & on.are(*USABLE), Disposition.SUSPECT)


def identify(session: Session, run_id: int, result: SubstrateResult) -> Report:
    """Lock what a report names. A run that was closed before it was told of the substrate is identified all the same.

    Raises `Unidentified` where the run was not ordered for the substrate, or for no work of that lot or visit, where
    it was not given a source or load that is named, where arrays have another shape than the substrate, and where the
    substrate was reported already.
    """
    worked, ordered, on = _worked(session, run_id, result)
    ids = {result.substrate: worked} | _others(session, run_id, result)
    lots = _lots_of(session, ids.values()) | {ordered}
    locked = lock(session, (Equipment, on), (Run, [run_id]), (Lot, sorted(lots)), (Substrate, sorted(ids.values())))
    whole = [undefer(RunSubstrate.positions)]
    work = session.get_one(RunSubstrate, (run_id, worked), options=whole, populate_existing=True)
    if work.work not in (*OPEN_WORK, Work.NOT_DONE):
        raise Unidentified(f"Substrate {result.substrate} was already reported for this run as {work.work}.")
    members = _members(session, locked, ids.values())
    positions = opened(session, locked.all(Substrate))
    _refuse_other_shape(result, positions[worked])
    run = locked.one(Run, run_id)
    operation, following = with_next(session, run.operation_id)
    lot = locked.one(Lot, work.lot_id)
    if lot.route_version_id != operation.route_version_id:  # it went over to another version since
        of_lot = operations(session, lot.route_version_id)
        following = next((one for one in of_lot if one.number > operation.number), None)
    return Report(
        run=run,
        operation=operation,
        following=following,
        result=result,
        work=work,
        lot=lot,
        positions=positions,
        ids=ids,
        members=members,
        locked=locked,
        is_late=work.work == Work.NOT_DONE,
    )


def _members(session: Session, locked: Locked, substrate_ids: Iterable[int]) -> dict[int, list[LotSubstrate]]:
    """All substrates of the locked lots. Raises `Busy` where one went over to another lot before these were locked."""
    members = members_of(session, locked.all(Lot))
    if not {m.substrate_id for lot in members.values() for m in lot}.issuperset(substrate_ids):
        raise Busy("A substrate of the report goes over to another lot at this moment; try again.")
    return members


def _worked(session: Session, run_id: int, result: SubstrateResult) -> tuple[int, int, list[int]]:
    """The substrate that the report is on, the lot that it was ordered in, and the equipment if it used things there.

    What is mounted on equipment changes under its lock.
    """
    of_run = (Run.equipment_id, ((Operation.materials != []) | (Operation.durables != [])).label("uses"))
    query = (
        select(Substrate.name, Substrate.id, Lot.name.label("lot"), RunSubstrate.lot_id, RunSubstrate.visit, *of_run)
        .join(RunSubstrate, RunSubstrate.substrate_id == Substrate.id)
        .join(Run, Run.id == RunSubstrate.run_id)
        .join(Operation, Operation.id == Run.operation_id)
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .where(RunSubstrate.run_id == run_id)
        .order_by(Substrate.name)
    )
    ordered = session.execute(query).all()
    found = {row.name: (row.id, row.lot_id) for row in ordered}
    _refuse_stranger("substrate", result.substrate, found)
    _refuse_stranger("lot", result.lot, [row.lot for row in ordered])
    _refuse_stranger("visit", result.visit, [row.visit for row in ordered])
    return *found[result.substrate], sorted({row.equipment_id for row in ordered if row.uses})


def _refuse_stranger(what: str, named: Any, ordered: Iterable[Any]) -> None:
    known = sorted({*ordered})
    if named not in known:
        told = f"; it was ordered for {', '.join(map(str, known))}."
        raise Unidentified(f"The run was not ordered for {what} {named}{told}")


def _others(session: Session, run_id: int, result: SubstrateResult) -> dict[str, int]:
    """Sources and loads of the run that the report names."""
    if result.transfers is None:
        return {}
    used = {*result.transfers.sources, *result.transfers.targets}
    given = _named(session, RunSource, run_id) | _named(session, RunLoad, run_id)
    unknown = sorted(used - given.keys() - {result.substrate})
    if unknown:
        raise Unidentified(
            f"The run was not ordered for {', '.join(unknown)}; it was given {', '.join(sorted(given))}."
        )
    return {name: substrate_id for name, substrate_id in given.items() if name in used}


def _named(session: Session, of: type[RunSource] | type[RunLoad], run_id: int) -> dict[str, int]:
    query = select(Substrate.name, Substrate.id).join(of, of.substrate_id == Substrate.id).where(of.run_id == run_id)
    return {row.name: row.id for row in session.execute(query)}


def _lots_of(session: Session, substrate_ids: Iterable[int]) -> set[int]:
    """The lots that the substrates are in; of one that is used up, the lot that it was in last."""
    query = select(LotSubstrate.substrate_id, LotSubstrate.lot_id)
    query = query.where(LotSubstrate.substrate_id.in_(list(substrate_ids)))
    found = session.execute(query.order_by(LotSubstrate.progress != Progress.CLOSED, LotSubstrate.lot_id))
    lot_of = {row.substrate_id: row.lot_id for row in found}  # of several rows the last one stays
    return set(lot_of.values())


def _refuse_other_shape(result: SubstrateResult, on: Positions) -> None:
    for name, array in (("touched", result.touched), ("bins", result.bins)):
        if array is not None and array.shape != on.shape:
            raise Unidentified(
                f"{name} of {result.substrate} has {array.shape[0]} rows and {array.shape[1]} columns;"
                f" the substrate has {on.shape[0]} and {on.shape[1]}."
            )
