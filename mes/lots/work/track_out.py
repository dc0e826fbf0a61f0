"""Track out: what was done to one substrate is applied to maps, ledgers and history, as it happened.

Facts are recorded, never refused. What breaks a rule makes its units suspect and holds the lot in the same
transaction; only a report whose run, lot or substrates cannot be identified is turned away. A report that comes after
its run was closed is applied too, and all it concerns is in doubt; the run stays closed.
"""

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.messages import SubstrateResult
from equipment.interface.states import Outcome, TransferOutcome
from mes.history import Act, Change, Delta, Event, record_all
from mes.lots import ledger, progress
from mes.lots.gate.supply import needs
from mes.lots.holders import let_go
from mes.lots.holds.future_hold import take_effect
from mes.lots.holds.hold import place_hold
from mes.lots.holds.hold_codes import EXCEPTION, IN_DOUBT, OWNER_OF_REPORTED
from mes.lots.holds.masks import masked
from mes.lots.models import Lot, RunSource, RunSubstrate
from mes.lots.mounting import dismount_empty
from mes.lots.routing.sampling import send_on
from mes.lots.states import Work
from mes.lots.work.consumption import consume
from mes.lots.work.doubts import against_whole, has_plausible_energy
from mes.lots.work.identify import Report, identify
from mes.lots.work.judging import Judged, judge
from mes.lots.work.own_ids import own_ids
from mes.lots.work.wearing import count_wear
from mes.routes.states import OperationKind
from mes.units.placement import Allowed, apply_transfers
from mes.units.positions import Mask, Positions, unpack
from mes.units.states import THERE, USABLE, Disposition


def track_out(session: Session, run_id: int, result: SubstrateResult, act: Act) -> RunSubstrate:
    """Apply what was done to one substrate of a run; ``act.at`` is when it happened.

    Bins are judged, transfers applied to both ends, consumed units posted in their own lots, and the substrate waits
    for what is left, for another pass, or at the next operation. Of a run that was closed before, the substrate stays
    where it is by now. Raises `Unidentified` when the run, its lot or a substrate named in the report is not what the
    run was ordered for, or was reported before.
    """
    report = identify(session, run_id, result)
    record_all(session, act, applied(session, report, act))
    return report.work


def applied(session: Session, report: Report, act: Act) -> list[Event]:
    """Let a report take effect; gives what is to be recorded."""
    used = consume(session, report)
    doubts = dict(against_whole(session, report)) | used.doubts
    moved_in_doubt = _transfer(session, report, act, in_doubt=bool(doubts))
    _doubt(report, doubts)
    judged = judge(session, report, act)
    _count(report, judged, moved_in_doubt | bool(doubts))
    left_out = _progress(session, report, judged.again, act)
    changes = _post(session, report)
    changes += let_go(session, (at.substrate for at in report.positions.values()))
    progress.settle(session, report.lot, report.members[report.lot.id], act.at)
    events = [Event("track_out", [*_told(report), *changes, *used.changes, *count_wear(session, report)]), *left_out]
    if report.exceptions:
        code = IN_DOUBT if report.is_late else EXCEPTION
        _, held = place_hold(session, report.holder, code, _comment(report), OWNER_OF_REPORTED, act)
        events.append(held)
    return [*events, *take_effect(session, report.locked.all(Lot), report.members, act)]


def _transfer(session: Session, report: Report, act: Act, *, in_doubt: bool) -> Mask:
    """Apply moves; their units are suspect where they went if ``in_doubt`` or if the move broke a rule.

    Returns from where on the substrate worked on such units came.
    """
    moved = report.result.transfers
    if not moved:
        return report.on.nowhere()
    fills_loads = report.operation.kind == OperationKind.TRANSFER
    allowed = None if fills_loads else _allowed(session, report)
    stay = masked(session, {i: at.shape for i, at in report.positions.items()}, act.at)
    judged = apply_transfers(session, report.run.id, moved, report.ids, report.positions, allowed, act, stay)
    for code, indices in judged.broken.items():
        report.exceptions[code] = len(indices)
    own_ids(session, report)
    suspect = judged.suspect(len(moved)) | in_doubt
    placed = moved.outcome == TransferOutcome.PLACED
    sources = np.array([report.ids[name] for name in moved.sources])[moved.source]
    targets = np.array([report.ids[name] for name in moved.targets])[moved.target]
    for target_id in np.unique(targets).tolist():
        at, to_there = report.positions[target_id], targets == target_id
        if fills_loads:
            at.mark(at.mask(moved.to_x, moved.to_y, to_there & placed), Disposition.IN_PROCESS)
        doubtful = at.mask(moved.to_x, moved.to_y, to_there & suspect)
        at.mark(doubtful & at.are(*USABLE), Disposition.SUSPECT)
    return report.on.mask(moved.from_x, moved.from_y, (sources == report.work.substrate_id) & suspect)


def _allowed(session: Session, report: Report) -> Allowed:
    query = select(RunSource.substrate_id, RunSource.positions).where(RunSource.run_id == report.run.id)
    packed = {source_id: bits for source_id, bits in session.execute(query) if source_id in report.positions}
    picks = {i: unpack(bits, report.positions[i].shape) for i, bits in packed.items()}
    sites = needs(session, report.operation, report.lot.product_id)
    return Allowed(
        picks=picks,
        targets={report.work.substrate_id: report.asked()},
        sites={(n.site, n.level): n.product_id for n in sites},
        product_of={i: report.positions[i].substrate.product_id for i in picks},
    )


def _doubt(report: Report, doubts: dict[str, str]) -> None:
    """Make suspect what the report concerns as a whole, and what it says is done and is not."""
    result = report.result
    if doubts:
        report.exceptions |= dict.fromkeys(doubts, int(report.worked.sum()))
        report.sentences += doubts.values()
        report.on.mark(report.worked & report.on.are(*USABLE), Disposition.SUSPECT)
    left = report.left()
    if result.outcome == Outcome.DONE and left.any():
        report.doubt("position_not_done", left)
        report.sentences.append(
            f"It says done; {left.sum()} of the ordered positions {'was' if left.sum() == 1 else 'were'} not worked on."
        )


def _count(report: Report, judged: Judged, in_doubt: Mask) -> None:
    """Count units once each: failed or lost, judged again, suspect, or good. Dummies are none."""
    work, result, on = report.work, report.result, report.on
    touched = on.nowhere() if report.operation.dummies else report.worked & report.asked()
    failed = touched & (judged.failed | on.became(Disposition.LOST, Disposition.SCRAPPED))
    again = touched & judged.again & ~failed
    suspect = touched & (in_doubt | on.are(Disposition.SUSPECT)) & ~failed & ~again
    work.started_at, work.ended_at = result.started_at, result.ended_at
    work.energy_kwh = result.energy_kwh if has_plausible_energy(result) else None
    work.units_in, work.units_failed, work.units_again, work.units_suspect = (
        int(where.sum()) for where in (touched, failed, again, suspect)
    )
    work.units_good_again = int((again & judged.good_again).sum())
    work.units_good = work.units_in - work.units_failed - work.units_again - work.units_suspect


def _progress(session: Session, report: Report, again: Mask, act: Act) -> list[Event]:
    """Let the substrate wait for what is left, for another pass, or go on; what it leaves out then is recorded.

    From an operation that moves units nothing goes on that was not moved.
    """
    moves = report.operation.kind == OperationKind.TRANSFER
    member, on = report.member, report.on
    left = on.are(*THERE) if moves else report.left()
    is_done = not (report.asked() & ~report.worked).any()
    report.work.work = Work.DONE if is_done else Work.PARTIAL
    if report.is_late:
        _stay(session, report, act)
        return []
    if member.again is not None:
        again = again | (unpack(member.again, on.shape) & on.are(Disposition.IN_PROCESS))
    if left.any():
        progress.queue_again(member, left, again, act.at)
    elif again.any():
        progress.judge_again(member, again, act.at)
    else:
        members, going = report.members[member.lot_id], {member.substrate_id: on}
        return send_on(session, report.holder, members, going, report.following, act)
    return []


def _stay(session: Session, report: Report, act: Act) -> None:
    """The substrate stays where it is by now; loads that were closed as empty come back with what they hold."""
    progress.close_empty(session, report.member, report.on, act.at)
    for substrate_id, positions in report.positions.items():
        member = report.lot_of[substrate_id]
        if member.form > report.work.form:
            progress.come_back(member, positions, report.following, act.at)


def _post(session: Session, report: Report) -> list[Change]:
    """Post what the maps say in the ledgers of all lots touched; history for lots of sources, and all substrates."""
    changes: list[Change] = []
    of_lot: dict[tuple[int, int], list[Positions]] = {}
    for substrate_id, positions in report.positions.items():
        member = report.lot_of[substrate_id]
        of_lot.setdefault((member.lot_id, member.form), []).append(positions)
    deltas: dict[int, list[Delta]] = {}
    for (lot_id, form), changed in sorted(of_lot.items()):
        lot = report.locked.one(Lot, lot_id)
        if form > lot.form:
            ledger.open_form(session, lot, form)
            lot.form = form
        posted = ledger.balanced(ledger.moves(changed), "made" if form > report.work.form else "found")
        deltas.setdefault(lot_id, []).extend(ledger.post(session, lot, form, posted))
    for positions in report.positions.values():
        if positions.save():
            after = {d.name.lower(): n for d, n in positions.moved().items()}
            changes.append(Change(positions.substrate, after={"by": report.run.name, "more": after}))
    dismount_empty(session, report.positions.values(), report.lot_of, report.work.substrate_id, report.result.ended_at)
    for lot_id, posted_deltas in sorted(deltas.items()):
        lot = report.locked.one(Lot, lot_id)
        if lot_id != report.lot.id:
            progress.settle(session, lot, report.members[lot_id], report.result.ended_at)
        changes.append(Change(lot, after={"units": lot.units, "run": report.run.name}, deltas=posted_deltas))
    return changes


def _told(report: Report) -> list[Change]:
    result, work = report.result, report.work
    after = {
        "substrate": result.substrate,
        "outcome": result.outcome,
        "in": work.units_in,
        "good": work.units_good,
        "failed": work.units_failed,
        "again": work.units_again,
        "suspect": work.units_suspect,
        "ran": [[p.name, p.value, p.unit] for p in result.parameters],
        "exceptions": report.exceptions,
    }
    return [Change(report.run, after=after)]


def _comment(report: Report) -> str:
    """What the hold of the lot says."""
    what = ", ".join(f"{n} x {code}" for code, n in sorted(report.exceptions.items()))
    told = "".join(f" {sentence}" for sentence in report.sentences)
    return f"{report.run.name} reported on {report.result.substrate}: {what}{'.' + told if told else ''}"
