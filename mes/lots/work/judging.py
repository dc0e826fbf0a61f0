"""Judging: what the bins of a report make of units, and which of their passes over an operation counts.

A retest is of the units with certain bins, or of the whole of what was tested. Of a whole retest the rule says which
pass counts: the last, the best (good in any of them is good) or the worst (good in all of them).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.messages import NO_BIN, PASS_BIN
from mes.history import Act
from mes.lots.models import RunSubstrate
from mes.lots.work.identify import Report
from mes.lots.work.measuring import measure
from mes.runs.models import Run
from mes.units.layers import write_layer
from mes.units.models import Layer
from mes.units.positions import Mask
from mes.units.states import Disposition

Bins = NDArray[np.uint8]


@dataclass(frozen=True)
class Judged:
    """Where units are judged again at another pass, which of these were good at this one, and where they failed."""

    again: Mask
    good_again: Mask
    failed: Mask


def judge(session: Session, report: Report, act: Act) -> Judged:
    """Keep measurements, apply bins and touched positions; what failed for good is rejected.

    Of a unit that the equipment calls good the bin is that of the limit which a measurement exceeds.
    """
    on, result = report.on, report.result
    bins: Bins = np.full(on.shape, NO_BIN, np.uint8) if result.bins is None else result.bins
    beyond = measure(session, report, act)
    report.doubt("position_not_asked", (result.touched | (bins != NO_BIN)) & ~report.asked())
    if result.bins is None:
        return Judged(on.nowhere(), on.nowhere(), on.nowhere())
    bins = np.where((bins == PASS_BIN) & (beyond != NO_BIN), beyond, bins)
    unknown = ~np.isin(bins, [NO_BIN, PASS_BIN, *map(int, report.operation.bins)])
    report.doubt("unknown_bin", unknown)
    _write(session, report, "bin", bins, bins != NO_BIN, act)
    tested = (bins != NO_BIN) & ~unknown
    again = _again(report, bins, tested) & on.are(Disposition.IN_PROCESS)
    settled = tested & ~again
    failed = settled & (_effective(session, report, bins, settled, act) != PASS_BIN) & on.are(Disposition.IN_PROCESS)
    on.mark(failed, Disposition.REJECTED)
    return Judged(again, again & (bins == PASS_BIN), failed)


def _again(report: Report, bins: Bins, tested: Mask) -> Mask:
    """Where a unit may be judged again: passes are left, and enough units have a bin that is tested again."""
    rule = report.operation.retest
    if rule is None or report.work.visit - report.work.first_visit + 1 >= rule["passes"]:
        return report.on.nowhere()
    which = tested & (bins != PASS_BIN) & np.isin(bins, rule["bins"])
    if which.sum() <= rule["above"] * int((bins != NO_BIN).sum()):
        return report.on.nowhere()
    return tested if rule.get("whole") else which


def _effective(session: Session, report: Report, bins: Bins, settled: Mask, act: Act) -> Bins:
    """The bin that counts of units that are settled: of this pass, or as the rule says of all in this stay."""
    how = (report.operation.retest or {}).get("effective", "last")
    if how == "last" or report.work.visit == report.work.first_visit or not settled.any():
        return bins
    counts = bins.copy()
    for earlier in _earlier(session, report):
        if how == "best":
            counts[earlier == PASS_BIN] = PASS_BIN
        else:
            worse = (earlier != NO_BIN) & (earlier != PASS_BIN) & (counts == PASS_BIN)
            counts[worse] = earlier[worse]
    _write(session, report, "effective", counts, settled, act)
    return counts


def _earlier(session: Session, report: Report) -> list[Bins]:
    """The bins of each run of the earlier passes of this stay, the first one first."""
    work, shape = report.work, report.on.shape
    runs = select(Run.name).join(RunSubstrate, RunSubstrate.run_id == Run.id)
    runs = runs.where(RunSubstrate.substrate_id == work.substrate_id, Run.operation_id == report.operation.id)
    runs = runs.where(RunSubstrate.visit >= work.first_visit, RunSubstrate.visit < work.visit)
    query = select(Layer.positions, Layer.body).where(Layer.substrate_id == work.substrate_id)
    query = query.where(
        Layer.positions.is_not(None), Layer.name == f"bin:{report.operation.name}", Layer.source.in_(runs)
    ).order_by(Layer.version)
    found = []
    for positions, body in session.execute(query):
        values = np.full(shape[0] * shape[1], NO_BIN, np.uint8)
        values[np.frombuffer(positions or b"", "<u4")] = np.frombuffer(body, "<u1")
        found.append(values.reshape(shape))
    return found


def _write(session: Session, report: Report, what: str, bins: Bins, where: Mask, act: Act) -> None:
    name, palette = f"{what}:{report.operation.name}", report.operation.bins
    write_layer(
        session, report.on.substrate, name, bins, at=act.at, source=report.run.name, palette=palette, where=where
    )
