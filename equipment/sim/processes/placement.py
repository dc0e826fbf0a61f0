"""Placement: units from sources onto the attach sites of target positions, by heads that drift and collets that wear.

A position is all or nothing: it is begun only when every unit it needs is left, failed picks included. Arrays below
are slots by positions (S, K): a slot is a site at a level, lowest level first, and positions go row by row.
An order without sites attaches something that has no map, such as lids or balls: one slot, no transfers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import NO_BIN, PASS_BIN, AttachSite, Measured, Parameter, Transfers
from equipment.interface.states import TransferOutcome
from equipment.sim.defects import Defect
from equipment.sim.processes.task import Effect, Setting, Task, seen_bins, setting, struck, worn
from equipment.sim.world import SHIFT_X, SHIFT_Y, SubstrateTruth, Truths

WITHOUT_MAP = AttachSite(0, 0, "")
"""The slot of an order that names no attach sites."""

MOST_FAILED_PICKS = 3
"""After that many failed picks for one slot the next one succeeds."""


@dataclass(frozen=True)
class _Attempt:
    """What each slot of each position would meet: (S, K) arrays, and K row and column numbers."""

    slots: tuple[AttachSite, ...]
    y: NDArray[np.int16]
    x: NDArray[np.int16]
    defects: NDArray[np.uint32]
    bins: NDArray[np.uint8]
    aside_um: NDArray[np.float64]
    along_um: NDArray[np.float64]
    failed: NDArray[np.int64]
    """Picks that fail before one succeeds."""
    placed: NDArray[np.bool_]
    """False above a level that is visibly bad."""

    @property
    def offset_um(self) -> NDArray[np.float64]:
        """Distance of each unit from its pads."""
        return np.hypot(self.aside_um, self.along_um)

    @property
    def needs(self) -> NDArray[np.int64]:
        """Units taken from the sources."""
        return np.where(self.placed, self.failed + 1, 0)

    def first(self, count: int) -> "_Attempt":
        """The first ``count`` positions only."""
        return _Attempt(
            self.slots,
            self.y[:count],
            self.x[:count],
            self.defects[:, :count],
            self.bins[:, :count],
            self.aside_um[:, :count],
            self.along_um[:, :count],
            self.failed[:, :count],
            self.placed[:, :count],
        )


@dataclass(frozen=True)
class _Supply:
    """Units of one product that may be picked, in order: index into the order's sources, row, column."""

    source: NDArray[np.uint16]
    y: NDArray[np.int16]
    x: NDArray[np.int16]


def place(task: Task, truths: Truths) -> Effect:
    """Fill the attach sites of one target substrate; dies carry their true defects into it."""
    force = setting(task, "force", "n", task.recipe.value("bond_force", "N"))
    head = setting(task, "head", "cel", task.recipe.value("head_temperature", "Cel"))
    attempt = _attempt(task, truths, force, head)
    supplies = {product: _supply(task, truths, product) for product in {slot.product for slot in task.order.sites}}
    done = attempt.first(_begun(task, attempt, supplies))
    target = truths[task.part.substrate]
    made = np.where(done.placed, done.defects, np.uint32(0))
    target.defects[done.y, done.x] |= np.bitwise_or.reduce(made, axis=0, initial=np.uint32(0))
    transfers = None
    if task.order.sites:
        transfers = _transfers(task, done, supplies)
        _leave_sources(truths, target, transfers)
        _arrive(target, done, transfers)
        if task.figures["keeps_shift"]:
            _lie(target, done)
    parameters = force.parameters("bond_force", "N") + head.parameters("head_temperature", "Cel")
    return _effect(task, done, transfers, parameters)


def _attempt(task: Task, truths: Truths, force: Setting, head: Setting) -> _Attempt:
    target = truths[task.part.substrate]
    slots = tuple(sorted(task.order.sites, key=lambda slot: (slot.level, slot.site))) or (WITHOUT_MAP,)
    free = task.allowed & target.present
    for slot in task.order.sites:
        free &= ~target.occupied(slot.site, slot.level)
    y, x = (axis.astype(np.int16) for axis in np.nonzero(free))
    shape = (len(slots), len(y))
    defects, bins = np.zeros(shape, np.uint32), np.zeros(shape, np.uint8)
    aside_um, along_um, failed = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    for s, slot in enumerate(slots):
        key = f"/{slot.site}/{slot.level}"
        aside_um[s], along_um[s] = _offset_um(task, s, len(slots), y, x, key)
        found = struck(task, _hazards(task.figures, force, head), key)
        found[y, x] |= np.where(
            np.hypot(aside_um[s], along_um[s]) > task.figures["limit_um"], np.uint32(Defect.MISPLACE), np.uint32(0)
        )
        defects[s], bins[s] = found[y, x], seen_bins(task, found, key)[y, x]
        if task.order.sites:
            failed[s] = _failed_picks(task, key)[y, x]
    return _Attempt(slots, y, x, defects, bins, aside_um, along_um, failed, _placed(slots, bins))


def _offset_um(
    task: Task, s: int, slots: int, y: NDArray[np.int16], x: NDArray[np.int16], key: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each placed unit lies right of its pads and below: collet wear spreads it, head drift moves it aside."""
    figures, positions = task.figures, np.arange(len(y))
    so_far = positions * slots + s
    collet = task.wear.get("collets", 0.0) + figures["collet_wear"] + so_far / figures["collet_life_picks"]
    drift = task.wear.get("calibration", 0.0) + so_far / figures["calibration_picks"]
    head = _head(task, positions, s)
    sigma_um = figures["sigma_um"] * (1.0 + figures["wear_gain"] * collet)
    bias_um = figures["head_drift_um"] * drift * (head + 1) / task.heads
    aside_um = sigma_um * task.normal(f"offset_x{key}")[y, x] + bias_um
    along_um = sigma_um * task.normal(f"offset_y{key}")[y, x]
    return aside_um, along_um


def _head(task: Task, position: NDArray[np.int64], slot: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Heads take turns, also from position to position within one slot."""
    return (position + slot) % task.heads


def _hazards(figures: Mapping[str, float], force: Setting, head: Setting) -> dict[Defect, NDArray[np.float64]]:
    return {
        Defect.NON_WET: figures["nonwet_per_n"] * force.below() + figures["nonwet_per_cel"] * head.below(),
        Defect.CRACK: figures["crack_per_n"] * force.above(),
        Defect.VOID: figures["void_per_cel"] * head.above(),
    }


def _failed_picks(task: Task, key: str) -> NDArray[np.int64]:
    tries = [task.uniform(f"pick{attempt}{key}") for attempt in range(MOST_FAILED_PICKS)]
    failing = np.logical_and.accumulate(np.array(tries) < task.figures["pick_fail_rate"], axis=0)
    return np.asarray(failing.sum(axis=0), np.int64)


def _placed(slots: tuple[AttachSite, ...], bins: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Nothing is placed on top of a level that is visibly bad; sites of the same level do not stop each other."""
    levels = np.array([slot.level for slot in slots])
    bad = bins != PASS_BIN
    below = [bad[levels < level].any(axis=0) for level in levels]
    return ~np.array(below, np.bool_).reshape(bins.shape)


def _supply(task: Task, truths: Truths, product: str) -> _Supply:
    sources = [index for index, (_, held) in enumerate(task.order.sources) if held == product]
    names = [task.order.sources[index][0] for index in sources]
    left = [np.nonzero(task.maps[name].allowed & truths[name].present) for name in names]
    nothing = np.zeros(0, np.int64)
    return _Supply(
        np.repeat(np.array(sources, np.uint16), np.array([len(y) for y, _ in left], np.int64)),
        np.concatenate([nothing, *(y for y, _ in left)]).astype(np.int16),
        np.concatenate([nothing, *(x for _, x in left)]).astype(np.int16),
    )


def _begun(task: Task, attempt: _Attempt, supplies: dict[str, _Supply]) -> int:
    """How many positions, from the first, have every unit they need."""
    count = len(attempt.y) if task.most is None else min(len(attempt.y), task.most)
    products = np.array([slot.product for slot in attempt.slots])
    for product, supply in supplies.items():
        used = np.cumsum(attempt.needs[products == product].sum(axis=0))
        count = min(count, int(np.searchsorted(used, len(supply.source), side="right")))
    return count


def _transfers(task: Task, done: _Attempt, supplies: dict[str, _Supply]) -> Transfers:
    """Every pick in the order in which it happened: position by position, slot by slot."""
    needs = done.needs.T.ravel()
    position, slot = (np.repeat(axis.ravel(), needs) for axis in np.indices((len(done.y), len(done.slots))))
    last = np.zeros(len(position), np.bool_)
    last[np.cumsum(needs[needs > 0]) - 1] = True
    source = np.zeros(len(position), np.uint16)
    from_x, from_y = np.zeros(len(position), np.int16), np.zeros(len(position), np.int16)
    products = np.array([s.product for s in done.slots])[slot]
    for product, supply in supplies.items():
        mine = products == product
        count = int(np.count_nonzero(mine))
        source[mine], from_x[mine], from_y[mine] = supply.source[:count], supply.x[:count], supply.y[:count]
    return Transfers(
        sources=tuple(name for name, _ in task.order.sources),
        targets=(task.part.substrate,),
        source=source,
        from_x=from_x,
        from_y=from_y,
        target=np.zeros(len(position), np.uint16),
        to_x=done.x[position],
        to_y=done.y[position],
        site=np.array([s.site for s in done.slots], np.uint8)[slot],
        level=np.array([s.level for s in done.slots], np.uint8)[slot],
        head=_head(task, position, slot).astype(np.uint8),
        outcome=np.where(last, TransferOutcome.PLACED, _fates(task, done, position)).astype(np.uint8),
    )


def _fates(task: Task, done: _Attempt, position: NDArray[np.int64]) -> NDArray[np.int64]:
    """What becomes of a unit whose pick fails at that position."""
    drops = task.uniform("pick_fate") < task.figures["lost_share"]
    return np.where(drops[done.y, done.x][position], TransferOutcome.LOST, TransferOutcome.REJECTED)


def _leave_sources(truths: Truths, target: SubstrateTruth, moves: Transfers) -> None:
    """Picked units leave their sources; those that are placed bring their defects to the target."""
    defects = np.zeros(len(moves), np.uint32)
    for index, name in enumerate(moves.sources):
        picked = moves.source == index
        y, x = moves.from_y[picked], moves.from_x[picked]
        defects[picked] = truths[name].defects[y, x]
        truths[name].present[y, x] = False
        truths[name].defects[y, x] = 0
    placed = moves.outcome == TransferOutcome.PLACED
    np.bitwise_or.at(target.defects, (moves.to_y[placed], moves.to_x[placed]), defects[placed])


def _arrive(target: SubstrateTruth, done: _Attempt, moves: Transfers) -> None:
    """Note in the target's layers where each placed unit came from."""
    placed = moves.outcome == TransferOutcome.PLACED
    for slot in done.slots:
        layer = target.layer(slot.site, slot.level)
        here = placed & (moves.site == slot.site) & (moves.level == slot.level)
        for index in np.unique(moves.source[here]):
            arrives = here & (moves.source == index)
            at = (moves.to_y[arrives], moves.to_x[arrives])
            layer.source[at] = layer.index_of(moves.sources[index])
            layer.from_y[at], layer.from_x[at] = moves.from_y[arrives], moves.from_x[arrives]


def _lie(target: SubstrateTruth, done: _Attempt) -> None:
    """Note by how much the die at the lowest site of each position lies off its place."""
    target.quantity(SHIFT_X)[done.y, done.x] = done.aside_um[0]
    target.quantity(SHIFT_Y)[done.y, done.x] = done.along_um[0]


def _effect(task: Task, done: _Attempt, transfers: Transfers | None, parameters: tuple[Parameter, ...]) -> Effect:
    figures = task.figures
    touched = np.zeros(task.allowed.shape, np.bool_)
    touched[done.y, done.x] = True
    failing = np.where(done.placed & (done.bins != PASS_BIN), done.bins, np.uint8(255))
    worst = failing.min(axis=0, initial=255)
    bins = np.full(task.allowed.shape, NO_BIN, np.uint8)
    bins[done.y, done.x] = np.where(worst == 255, PASS_BIN, worst)
    offset_um = np.where(done.placed, done.offset_um, 0.0).max(axis=0, initial=0.0)
    picks = int(done.needs.sum())
    cycle_s = figures["place_s"] + (task.recipe.value("dwell_time", "s") or 0.0)
    wear = worn(task.wear, "collets", picks, figures["collet_life_picks"])
    picked_from = {transfers.sources[index] for index in np.unique(transfers.source)} if transfers else set()
    return Effect(
        touched,
        figures["load_s"] + picks * cycle_s / task.heads,
        frozenset({task.part.substrate} | picked_from),
        worn(wear, "calibration", picks, figures["calibration_picks"]),
        bins,
        transfers,
        (Measured("offset_um", "um", done.x, done.y, np.round(offset_um, 3)),),
        parameters,
    )
