"""Causes and their defects: each cause moves its own with the dose, and at one seed no other."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from equipment.interface.messages import NO_BIN, PASS_BIN, JobOrder, Parameter, SubstrateResult
from equipment.interface.states import TransferOutcome
from equipment.sim.config import DeviceConfig, Kind
from equipment.sim.defects import BIN_OF, TRUE_DEFECTS, Defect, has
from tests.equipment.shop import BODIES, SHIFT_BEGINS, Shop, assembly, config, full, maps_of, order, work

WAFER = full(40, 50)
NO_ORDER_SITES = order(Kind.PLACEMENT, substrates=["T-1"])
HEATED = order(Kind.THERMAL, "J-heat", ["T-1"])


def true_defects(its_config: DeviceConfig, job: JobOrder, seed: int = 7) -> Counter[Defect]:
    """Units with each true defect after one job order on a wafer of 2,000."""
    with Shop(seed=seed) as shop:
        work(shop.device(its_config), job, maps_of(job, WAFER, full(80, 80)))
        defects = shop.world.read(["T-1"])["T-1"].defects
    return Counter({defect: int(has(defects, defect).sum()) for defect in TRUE_DEFECTS})


@pytest.mark.parametrize(
    ("kind", "cause", "doses", "defect"),
    [
        (Kind.PLACEMENT, "collet_wear", (0, 2, 4, 6), Defect.MISPLACE),
        (Kind.PLACEMENT, "head_drift_um", (0, 10, 20, 40), Defect.MISPLACE),
        (Kind.PLACEMENT, "force_loss_n", (0, 10, 20, 30), Defect.NON_WET),
        (Kind.PLACEMENT, "force_excess_n", (0, 10, 20, 30), Defect.CRACK),
        (Kind.PLACEMENT, "head_loss_cel", (0, 15, 25, 35), Defect.NON_WET),
        (Kind.PLACEMENT, "head_excess_cel", (0, 15, 25, 35), Defect.VOID),
        (Kind.THERMAL, "peak_loss_cel", (0, 6, 9, 12), Defect.NON_WET),
        (Kind.THERMAL, "peak_excess_cel", (0, 8, 12, 16), Defect.VOID),
        (Kind.THERMAL, "time_loss_s", (0, 20, 30, 40), Defect.NON_WET),
        (Kind.THERMAL, "time_excess_s", (0, 40, 80, 120), Defect.VOID),
        (Kind.DISPENSE, "shot_loss_pct", (0, 12, 15, 18), Defect.LOW),
        (Kind.REMOVAL, "blade_wear", (0, 1, 2), Defect.CRACK),
        (Kind.REMOVAL, "feed_excess_mm_s", (0, 5, 10, 20), Defect.CRACK),
        (Kind.REMOVAL, "taper_um", (0, 9, 11, 13), Defect.THICKNESS),
    ],
)
def test_a_cause_moves_its_own_defect_with_the_dose(
    kind: Kind, cause: str, doses: tuple[int, ...], defect: Defect
) -> None:
    job = order(kind, substrates=["T-1"])
    found = [true_defects(replace(config(kind), faults={cause: float(dose)}), job) for dose in doses]
    moved = [counts[defect] for counts in found]
    assert moved == sorted(set(moved)), f"{defect} does not grow with {cause}: {moved}"
    for other in set(TRUE_DEFECTS) - {defect}:
        assert len({counts[other] for counts in found}) == 1, f"{cause} moves {other}"


def test_a_dose_adds_defects_and_takes_none_away() -> None:
    defects = []
    for wear in (0.0, 3.0):
        with Shop() as shop:
            work(shop.device(config(Kind.PLACEMENT, collet_wear=wear)), NO_ORDER_SITES, maps_of(NO_ORDER_SITES, WAFER))
            defects.append(shop.world.read(["T-1"])["T-1"].defects)
    assert ((defects[0] & ~defects[1]) == 0).all()


def test_defects_strike_independently() -> None:
    sawing = order(Kind.HANDLING, substrates=["T-1"])
    with Shop() as shop:
        work(shop.device(config(Kind.HANDLING, crack_rate=0.3, open_rate=0.3)), sawing, maps_of(sawing, WAFER))
        defects = shop.world.read(["T-1"])["T-1"].defects
    both = has(defects, Defect.CRACK) & has(defects, Defect.OPEN)
    assert 0.06 < both.mean() < 0.12


@pytest.mark.parametrize("kind", [Kind.THERMAL, Kind.DISPENSE])
def test_waiting_after_cleaning_makes_voids(kind: Kind) -> None:
    cleaning, covering = order(Kind.HANDLING, "J-clean", ["T-1"]), order(kind, "J-cover", ["T-1"])
    voids, others = [], set()
    for waited_h in (0, 10, 20, 40):
        with Shop() as shop:
            work(shop.device(config(Kind.HANDLING, cleans=1)), cleaning, maps_of(cleaning, WAFER))
            cleaned_at = shop.world.read(["T-1"])["T-1"].cleaned_at
            assert cleaned_at is not None
            later = shop.device(config(kind))
            later.advance(cleaned_at + timedelta(hours=waited_h))
            work(later, covering, maps_of(covering, WAFER))
            defects = shop.world.read(["T-1"])["T-1"].defects
        voids.append(int(has(defects, Defect.VOID).sum()))
        others.add(tuple(int(has(defects, other).sum()) for other in TRUE_DEFECTS if other is not Defect.VOID))
    assert voids == sorted(set(voids))
    assert len(others) == 1


@pytest.mark.parametrize("kind", [Kind.THERMAL, Kind.DISPENSE])
def test_what_is_heated_or_covered_need_not_stay_clean(kind: Kind) -> None:
    cleaning, covering = order(Kind.HANDLING, "J-clean", ["T-1"]), order(kind, "J-cover", ["T-1"])
    with Shop() as shop:
        work(shop.device(config(Kind.HANDLING, cleans=1)), cleaning, maps_of(cleaning))
        work(shop.device(config(kind)), covering, maps_of(covering))
        assert shop.world.read(["T-1"])["T-1"].cleaned_at is None


def test_cold_and_short_leaves_a_cure_oven_uncured() -> None:
    curing = config(Kind.THERMAL, non_wet_rate=0, nonwet_per_cel=0, undercure_per_cel=0.01)
    cold = replace(curing, faults={"peak_loss_cel": 12.0})
    assert true_defects(curing, HEATED)[Defect.UNDERCURE] == 0
    assert true_defects(cold, HEATED)[Defect.UNDERCURE] > 50
    assert true_defects(cold, HEATED)[Defect.NON_WET] == 0


def test_parameters_of_the_order_are_laid_over_the_recipe() -> None:
    reflow = config(Kind.THERMAL, best_peak_cel=245)
    cold = replace(HEATED, parameters=(Parameter("peak_temperature", 230.0, "Cel"),))
    assert true_defects(reflow, cold)[Defect.NON_WET] > true_defects(reflow, HEATED)[Defect.NON_WET] + 50
    with Shop() as shop:
        told = work(shop.device(reflow), cold, maps_of(cold))["T-1"].parameters
    assert told[0].name == "peak_temperature"
    assert abs(told[0].value - 230.0) < 2.0


@pytest.mark.parametrize("kind", list(Kind))
def test_everyday_yield_is_that_of_a_real_line(kind: Kind) -> None:
    job = order(kind, substrates=["T-1"])
    defects = true_defects(config(kind), job)
    assert defects.total() <= 0.01 * WAFER.size


def test_another_seed_gives_other_defects_and_the_same_one_the_same() -> None:
    counts = [true_defects(config(Kind.THERMAL, void_rate=0.2), HEATED, seed)[Defect.VOID] for seed in (7, 7, 8)]
    assert counts[0] == counts[1] != counts[2]


def _tested(shop: Shop, visit: int = 1, **numbers: float) -> SubstrateResult:
    job = order(Kind.TEST, f"J-{visit}", ["T-1"], visit=visit)
    return work(shop.device(config(Kind.TEST, f"tester-{visit}", **numbers)), job, maps_of(job, WAFER))["T-1"]


def test_a_tester_finds_true_defects_and_overlooks_few() -> None:
    with Shop() as shop:
        work(shop.device(config(Kind.THERMAL, non_wet_rate=0.1)), HEATED, maps_of(HEATED, WAFER))
        bins = _tested(shop, contact_rate=0, false_call_rate=0).bins
        truth = has(shop.world.read(["T-1"])["T-1"].defects, Defect.NON_WET)
    assert bins is not None
    assert truth.sum() > 150
    called = bins == BIN_OF[Defect.NON_WET]
    assert not (called & ~truth).any()
    assert 0.97 <= called[truth].mean() <= 1.0


def test_no_contact_recovers_on_the_retest_and_grows_with_wear() -> None:
    contact = BIN_OF[Defect.CONTACT]
    lost = []
    for wear in (0.0, 5.0, 10.0, 20.0):
        with Shop() as shop:
            first = _tested(shop, contact_wear=wear).bins
            again = _tested(shop, visit=2, contact_rate=0, contact_gain=0, false_call_rate=0).bins
        assert first is not None and again is not None
        assert (again[first == contact] == PASS_BIN).all()
        lost.append(int((first == contact).sum()))
    assert lost == sorted(set(lost))


def test_a_retest_finds_what_the_first_test_found() -> None:
    with Shop() as shop:
        sure = {"open_rate": 0.05, "detect_open": 1.0, "false_call_rate": 0.0, "contact_rate": 0.0}
        first, again = _tested(shop, 1, **sure).bins, _tested(shop, 2, **sure).bins
    assert first is not None and again is not None
    assert (first == again).all()
    assert (first == BIN_OF[Defect.OPEN]).sum() > 50


def test_nothing_is_placed_on_a_level_that_is_visibly_bad() -> None:
    job = assembly(substrates=["T-1"])
    with Shop() as shop:
        bonder = config(Kind.PLACEMENT, misplace_rate=0.2, detect_misplace=1.0)
        result = work(shop.device(bonder), job, maps_of(job))["T-1"]
    moves, bins = result.transfers, result.bins
    assert moves is not None and bins is not None
    placed = moves.outcome == TransferOutcome.PLACED
    upper = np.zeros_like(full())
    upper[moves.to_y[placed & (moves.level == 2)], moves.to_x[placed & (moves.level == 2)]] = True
    assert result.touched.all()
    assert (bins[~upper] == BIN_OF[Defect.MISPLACE]).all()
    assert 0.2 < 1 - upper.mean() < 0.6


def test_a_failed_pick_costs_the_die_and_takes_the_next() -> None:
    job = assembly(substrates=["T-1"])
    with Shop() as shop:
        result = work(shop.device(config(Kind.PLACEMENT, pick_fail_rate=0.3)), job, maps_of(job))["T-1"]
    moves = result.transfers
    assert moves is not None
    fates = Counter(moves.outcome.tolist())
    assert fates[TransferOutcome.PLACED] == 3 * full().size
    assert fates[TransferOutcome.LOST] and fates[TransferOutcome.REJECTED] > fates[TransferOutcome.LOST]
    picks = set(zip(moves.source.tolist(), moves.from_x.tolist(), moves.from_y.tolist(), strict=True))
    assert len(picks) == len(moves)


def test_dies_bring_their_defects_into_the_target() -> None:
    job = assembly(substrates=["T-1"])
    with Shop() as shop:
        sawing = order(Kind.HANDLING, "J-saw", ["S-logic"])
        work(shop.device(config(Kind.HANDLING, crack_rate=0.5)), sawing, maps_of(sawing, full(12, 12)))
        cracked = has(shop.world.read(["S-logic"])["S-logic"].defects, Defect.CRACK)
        moves = work(shop.device(config(Kind.PLACEMENT, crack_rate=0)), job, maps_of(job))["T-1"].transfers
        target = has(shop.world.read(["T-1"])["T-1"].defects, Defect.CRACK)
    assert moves is not None
    logic = (moves.source == 0) & (moves.outcome == TransferOutcome.PLACED)
    assert (target[moves.to_y[logic], moves.to_x[logic]] == cracked[moves.from_y[logic], moves.from_x[logic]]).all()
    assert 10 < target.sum() < 40


def test_a_batch_ends_together_and_shares_its_energy() -> None:
    job = order(Kind.THERMAL, substrates=[f"T-{n}" for n in range(5)])
    with Shop() as shop:
        results = work(shop.device(config(Kind.THERMAL, power_kw=10, load_s=0)), job, maps_of(job))
    assert len(results) == 5
    assert {result.ended_at for result in results.values()} == {SHIFT_BEGINS + timedelta(minutes=6)}
    assert {result.started_at for result in results.values()} == {SHIFT_BEGINS}
    assert sum(result.energy_kwh for result in results.values()) == pytest.approx(1.0)
    assert all(result.bins is None for result in results.values())


def test_untouched_positions_have_no_bin() -> None:
    allowed = full()
    allowed[0] = False
    job = order(Kind.TEST, substrates=["T-1"])
    with Shop() as shop:
        result = work(shop.device(config(Kind.TEST)), job, maps_of(job, allowed))["T-1"]
    assert result.bins is not None
    assert ((result.bins == NO_BIN) == ~allowed).all()
    assert (result.touched == allowed).all()
    assert BODIES[Kind.TEST].startswith("unit_time = 4 s")
    assert (result.ended_at - result.started_at).total_seconds() == 30 + allowed.sum() * 4 / 2
