"""Moves of units as equipment reported them: judged, applied to both ends, and kept packed.

A move has happened, whatever rule it breaks. What breaks one is stored as it is, with its exception code; its units
become suspect.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from equipment.interface.messages import Transfers
from equipment.interface.states import TransferOutcome
from mes.definitions.models import SupplyAgreement
from mes.history import Act
from mes.runs.models import Run
from mes.units.models import Occupancy, Substrate, Transfer
from mes.units.positions import Mask, Positions, pack, unpack
from mes.units.states import THERE, USABLE, Disposition

SOURCE_AFTER = {
    TransferOutcome.PLACED: Disposition.CONSUMED,
    TransferOutcome.REJECTED: Disposition.SCRAPPED,
    TransferOutcome.LOST: Disposition.LOST,
}
"""What becomes of the source position; a unit that is put back stays what it was."""


BAD_PICKS = {
    "pick_not_for_use": Disposition.NOT_FOR_USE,
    "pick_rejected": Disposition.REJECTED,
    "pick_suspect": Disposition.SUSPECT,
}
"""By exception code: there was a unit, and it must not be picked."""


@dataclass(frozen=True)
class Allowed:
    """What a run may do: positions it may pick from, by source; sites it may fill, by (site, level): products."""

    picks: Mapping[int, Mask]
    targets: Mapping[int, Mask]
    sites: Mapping[tuple[int, int], int]
    product_of: Mapping[int, int]


@dataclass
class Judged:
    """Moves of one report against the rules: by exception code, the indices of the moves that broke it."""

    broken: dict[str, list[int]] = field(default_factory=dict)

    def note(self, code: str, which: NDArray[np.bool_]) -> None:
        """Note the moves for which ``which`` holds."""
        if which.any():
            self.broken[code] = np.flatnonzero(which).tolist()

    def suspect(self, n: int) -> NDArray[np.bool_]:
        """Bool of length n: moves that broke any rule."""
        mask = np.zeros(n, np.bool_)
        for indices in self.broken.values():
            mask[indices] = True
        return mask


def apply_transfers(
    session: Session,
    run_id: int,
    moved: Transfers,
    ids: Mapping[str, int],
    positions: Mapping[int, Positions],
    allowed: Allowed | None,
    act: Act,
    masked: Mapping[int, Mask] | None = None,
) -> Judged:
    """Apply moves to the maps of both ends and keep them, one packed row for each pair of substrates.

    ``ids`` maps the names in the report to locked substrates, all in ``positions``. ``allowed`` is None where units
    only change substrates (a load is filled): then only places and presence are judged. Nothing was to be taken from
    where a source is ``masked``. Returns what broke a rule.
    """
    source_ids = np.array([ids[name] for name in moved.sources], np.int64)[moved.source]
    target_ids = np.array([ids[name] for name in moved.targets], np.int64)[moved.target]
    placed = moved.outcome == TransferOutcome.PLACED
    judged = Judged()
    _judge_sources(judged, moved, source_ids, positions, allowed)
    _judge_masked(judged, moved, source_ids, positions, masked or {})
    occupied = _occupied(session, np.unique(target_ids[placed]).tolist(), positions)
    _judge_targets(judged, moved, target_ids, placed, positions, occupied, allowed)
    if allowed is not None:
        _judge_products(judged, moved, source_ids, allowed)
    _take(moved, source_ids, positions)
    _fill(session, moved, target_ids, placed, positions, occupied)
    _keep(session, run_id, moved, source_ids, target_ids, positions, judged, act)
    return judged


def _each(ids: NDArray[np.int64]) -> list[tuple[int, NDArray[np.bool_]]]:
    return [(int(i), ids == i) for i in np.unique(ids)]


def _judge_sources(
    judged: Judged,
    moved: Transfers,
    source_ids: NDArray[np.int64],
    positions: Mapping[int, Positions],
    allowed: Allowed | None,
) -> None:
    absent, unreserved, twice = (np.zeros(len(moved), np.bool_) for _ in range(3))
    bad = {code: np.zeros(len(moved), np.bool_) for code in BAD_PICKS}
    gone = moved.outcome != TransferOutcome.PUT_BACK
    for source_id, mine in _each(source_ids):
        at = positions[source_id]
        inside = mine & at.inside(moved.from_x, moved.from_y)
        absent |= mine & ~inside
        y, x = moved.from_y[inside], moved.from_x[inside]
        absent[inside] |= ~at.are(*USABLE, *BAD_PICKS.values())[y, x]
        for code, disposition in BAD_PICKS.items():
            bad[code][inside] |= at.are(disposition)[y, x]
        if allowed is not None:
            reserved = allowed.picks.get(source_id)
            unreserved[inside] |= at.are(*USABLE)[y, x] & (True if reserved is None else ~reserved[y, x])
        twice |= inside & gone & ~_first(moved, inside & gone)
    judged.note("pick_absent", absent)
    for code, which in bad.items():
        judged.note(code, which)
    judged.note("pick_not_reserved", unreserved)
    judged.note("pick_twice", twice)


def _judge_masked(
    judged: Judged,
    moved: Transfers,
    source_ids: NDArray[np.int64],
    positions: Mapping[int, Positions],
    masked: Mapping[int, Mask],
) -> None:
    taken = np.zeros(len(moved), np.bool_)
    for source_id, mine in _each(source_ids):
        if source_id in masked:
            at = positions[source_id]
            inside = mine & at.inside(moved.from_x, moved.from_y)
            there = masked[source_id] & at.are(*THERE)
            taken[inside] |= there[moved.from_y[inside], moved.from_x[inside]]
    judged.note("pick_masked", taken)


def _first(moved: Transfers, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of these moves, which from one source, the first from each position."""
    first = which.copy()
    first[which] = ~_repeated(moved.from_y[which].astype(np.int64) << 16 | moved.from_x[which])
    return first


def _repeated(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    repeated = np.ones(len(keys), np.bool_)
    repeated[np.unique(keys, return_index=True)[1]] = False
    return repeated


def _judge_targets(
    judged: Judged,
    moved: Transfers,
    target_ids: NDArray[np.int64],
    placed: NDArray[np.bool_],
    positions: Mapping[int, Positions],
    occupied: Mapping[tuple[int, int, int], Mask],
    allowed: Allowed | None,
) -> None:
    outside, taken, unasked = (np.zeros(len(moved), np.bool_) for _ in range(3))
    for target_id, mine in _each(target_ids):
        at = positions[target_id]
        inside = mine & placed & at.inside(moved.to_x, moved.to_y)
        outside |= mine & placed & ~inside
        if allowed is not None:
            asked = allowed.targets.get(target_id)
            unasked[inside] |= True if asked is None else ~asked[moved.to_y[inside], moved.to_x[inside]]
        for site, level in _slots(moved, inside):
            here = inside & (moved.site == site) & (moved.level == level)
            full = occupied.get((target_id, site, level))
            if full is not None:
                taken[here] |= full[moved.to_y[here], moved.to_x[here]]
            taken[here] |= _repeated(moved.to_y[here].astype(np.int64) * at.shape[1] + moved.to_x[here])
    judged.note("target_outside", outside)
    judged.note("site_taken", taken)
    judged.note("target_not_asked", unasked)


def _slots(moved: Transfers, which: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return sorted(set(zip(moved.site[which].tolist(), moved.level[which].tolist(), strict=True)))


def _judge_products(judged: Judged, moved: Transfers, source_ids: NDArray[np.int64], allowed: Allowed) -> None:
    wrong, unknown = np.zeros(len(moved), np.bool_), np.zeros(len(moved), np.bool_)
    for site, level in _slots(moved, np.ones(len(moved), np.bool_)):
        here = (moved.site == site) & (moved.level == level)
        product = allowed.sites.get((site, level))
        if product is None:
            unknown |= here
        else:
            wrong |= here & ~np.isin(source_ids, [s for s, p in allowed.product_of.items() if p == product])
    judged.note("site_unknown", unknown)
    judged.note("wrong_product", wrong)


def _occupied(
    session: Session, target_ids: list[int], positions: Mapping[int, Positions]
) -> dict[tuple[int, int, int], Mask]:
    query = select(Occupancy).where(Occupancy.substrate_id.in_(target_ids))
    found = session.scalars(query, execution_options={"populate_existing": True})
    return {(o.substrate_id, o.site, o.level): unpack(o.positions, positions[o.substrate_id].shape) for o in found}


def _take(moved: Transfers, source_ids: NDArray[np.int64], positions: Mapping[int, Positions]) -> None:
    for source_id, mine in _each(source_ids):
        at = positions[source_id]
        inside = mine & at.inside(moved.from_x, moved.from_y)
        gone = _first(moved, inside & (moved.outcome != TransferOutcome.PUT_BACK))
        held_unit = at.are(*USABLE, *BAD_PICKS.values())
        for outcome, disposition in SOURCE_AFTER.items():
            left = at.mask(moved.from_x, moved.from_y, gone & (moved.outcome == outcome))
            at.mark(left & held_unit, disposition)


def _fill(
    session: Session,
    moved: Transfers,
    target_ids: NDArray[np.int64],
    placed: NDArray[np.bool_],
    positions: Mapping[int, Positions],
    occupied: dict[tuple[int, int, int], Mask],
) -> None:
    for target_id, mine in _each(target_ids):
        at = positions[target_id]
        inside = mine & placed & at.inside(moved.to_x, moved.to_y)
        for site, level in _slots(moved, inside):
            here = inside & (moved.site == site) & (moved.level == level)
            key = (target_id, site, level)
            full = occupied.setdefault(key, at.nowhere())
            full[moved.to_y[here], moved.to_x[here]] = True
            session.merge(
                Occupancy(
                    customer_id=at.substrate.customer_id,
                    substrate_id=target_id,
                    site=site,
                    level=level,
                    positions=pack(full),
                )
            )


def _keep(
    session: Session,
    run_id: int,
    moved: Transfers,
    source_ids: NDArray[np.int64],
    target_ids: NDArray[np.int64],
    positions: Mapping[int, Positions],
    judged: Judged,
    act: Act,
) -> None:
    rows = []
    for source_id, from_here in _each(source_ids):
        for target_id, to_there in _each(target_ids):
            mine = from_here & to_there
            if mine.any():
                source, target = positions[source_id].substrate, positions[target_id].substrate
                rows.append((source, target, _row(run_id, moved, mine, source, target, judged, act)))
    _agreed(session, run_id, rows)
    session.add_all(row for _, _, row in rows)


def _agreed(session: Session, run_id: int, rows: Sequence[tuple[Substrate, Substrate, Transfer]]) -> None:
    """Note by which agreement units went to another owner: the one that was in force when the run was ordered."""
    across = [one for one in rows if one[0].customer_id != one[1].customer_id]
    if not across:
        return
    day = func.date(func.timezone("UTC", Run.ordered_at))
    query = (
        select(SupplyAgreement.supplier_id, SupplyAgreement.receiver_id, SupplyAgreement.product_id, SupplyAgreement.id)
        .join(Run, Run.id == run_id)
        .where(SupplyAgreement.product_id.in_({source.product_id for source, _, _ in across}))
        .where(func.coalesce(SupplyAgreement.since, day) <= day, func.coalesce(SupplyAgreement.until, day) >= day)
        .order_by(SupplyAgreement.id)
    )
    by = {(supplier, receiver, product): number for supplier, receiver, product, number in session.execute(query)}
    for source, target, row in across:
        row.agreement_id = by.get((source.customer_id, target.customer_id, source.product_id))


def _row(
    run_id: int,
    moved: Transfers,
    mine: NDArray[np.bool_],
    source: Substrate,
    target: Substrate,
    judged: Judged,
    act: Act,
) -> Transfer:
    number = np.cumsum(mine) - 1
    broken = {code: [int(number[i]) for i in indices if mine[i]] for code, indices in sorted(judged.broken.items())}
    broken = {code: indices for code, indices in broken.items() if indices}
    slots = (moved.site, moved.level, moved.head, moved.outcome)
    return Transfer(
        run_id=run_id,
        source_customer_id=source.customer_id,
        source_id=source.id,
        target_customer_id=target.customer_id,
        target_id=target.id,
        n=int(mine.sum()),
        happened_at=act.at,
        from_xy=np.stack([moved.from_x[mine], moved.from_y[mine]], axis=1).astype("<i2").tobytes(),
        to_xy=np.stack([moved.to_x[mine], moved.to_y[mine]], axis=1).astype("<i2").tobytes(),
        slots=np.stack([column[mine] for column in slots], axis=1).astype("u1").tobytes(),
        suspect=json.dumps(broken, sort_keys=True) if broken else None,
    )
