"""Material that ages, blades that wear, and inspection that overlooks, calls wrongly and measures with an error."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import NO_BIN, PASS_BIN, JobOrder, MaterialInUse, Measured, Parameter, SubstrateResult
from equipment.sim.config import Kind
from equipment.sim.defects import BIN_OF, Defect, has
from equipment.sim.world import DEPOSIT, THICKNESS, SubstrateTruth
from tests.equipment.shop import SHIFT_BEGINS, Shop, config, full, maps_of, order, work

WAFER = full(40, 50)
PRINTING = order(Kind.DISPENSE, "J-print", ["T-1"])
LOOKING = order(Kind.INSPECTION, "J-look", ["T-1"])
AGAIN = order(Kind.INSPECTION, "J-again", ["T-1"], visit=2)


def printed(shop: Shop, age_h: float | None = None, **numbers: float) -> SubstrateTruth:
    """A wafer after printing, with material that may have been used for so many hours."""
    since = SHIFT_BEGINS - timedelta(hours=age_h or 0.0)
    job = PRINTING if age_h is None else replace(PRINTING, materials=(MaterialInUse("P-1", "paste", since),))
    work(shop.device(config(Kind.DISPENSE, "printer-1", **numbers)), job, maps_of(job, WAFER))
    return shop.world.read(["T-1"])["T-1"]


def looked_at(shop: Shop, job: JobOrder = LOOKING, **numbers: float) -> SubstrateResult:
    device = shop.device(config(Kind.INSPECTION, f"aoi-{job.job_order_id}", **numbers))
    return work(device, job, maps_of(job, WAFER))["T-1"]


def on_wafer(measured: Measured) -> NDArray[np.float64]:
    values = np.full(WAFER.shape, np.nan)
    values[measured.y, measured.x] = measured.value
    return values


def test_old_material_gives_less_and_at_last_too_little() -> None:
    means, low = [], []
    for age_h in (0.0, 4.0, 24.0, 34.0, 44.0):
        with Shop() as shop:
            truth = printed(shop, age_h)
        means.append(float(truth.quantities[DEPOSIT].mean()))
        low.append(int(has(truth.defects, Defect.LOW).sum()))
    assert means[0] == means[1] > means[2] > means[3] > means[4]  # fresh_h is 4
    assert low[0] == low[1] == 0
    assert low[2] <= low[3] < low[4]
    with Shop() as shop:
        assert printed(shop).quantities[DEPOSIT].mean() == means[0]  # no material is named: it is fresh


def test_washing_takes_off_what_was_dispensed() -> None:
    washing = order(Kind.HANDLING, "J-wash", ["T-1"])
    with Shop() as shop:
        assert has(printed(shop, shot_loss_pct=30.0).defects, Defect.LOW).sum() > 1000
        work(shop.device(config(Kind.HANDLING, washes=1)), washing, maps_of(washing, WAFER))
        truth = shop.world.read(["T-1"])["T-1"]
    assert not has(truth.defects, Defect.LOW).any()
    assert np.isnan(truth.quantities[DEPOSIT]).all()


def test_inspection_sees_some_of_what_is_wrong_and_changes_nothing() -> None:
    with Shop() as shop:
        truth = printed(shop, shot_loss_pct=20.0)
        bins = looked_at(shop, detect_low=0.8, false_call_rate=0.05).bins
        again = looked_at(shop, AGAIN, detect_low=0.8).bins
        after = shop.world.read(["T-1"])["T-1"]
    assert bins is not None and again is not None
    low = has(truth.defects, Defect.LOW)
    assert 700 < low.sum() < 1300
    assert 0.75 < (bins[low] == BIN_OF[Defect.LOW]).mean() < 0.85
    wrongly = (bins[~low] != PASS_BIN) & ~has(truth.defects, Defect.VOID)[~low]
    assert (bins[~low][wrongly] == BIN_OF[Defect.VISUAL]).all()
    assert 0.03 < wrongly.mean() < 0.07
    assert (again != bins).any()
    assert (after.defects == truth.defects).all()


def test_what_is_measured_has_the_error_of_the_equipment() -> None:
    with Shop() as shop:
        true = printed(shop).quantities[DEPOSIT].astype(np.float64)
        (exact,) = looked_at(shop, repeatability_pct=0.0).measured
        (rough,) = looked_at(shop, AGAIN, repeatability_pct=2.0).measured
    assert (exact.name, exact.unit) == (DEPOSIT, "%")
    assert np.allclose(on_wafer(exact), true, atol=0.001)
    assert 1.8 < (on_wafer(rough) / true - 1.0).std() * 100.0 < 2.2


def test_a_recipe_may_measure_and_judge_nothing() -> None:
    only = replace(LOOKING, parameters=(Parameter("measure_only", 1.0, "1"),))
    with Shop() as shop:
        printed(shop, shot_loss_pct=50.0)
        result = looked_at(shop, only)
    assert result.bins is None
    assert [measured.name for measured in result.measured] == [DEPOSIT]


def test_what_was_given_nothing_is_not_measured() -> None:
    left = WAFER.copy()
    left[:, 25:] = False
    with Shop() as shop:
        work(shop.device(config(Kind.DISPENSE)), PRINTING, maps_of(PRINTING, left))
        result = looked_at(shop)
    assert (on_wafer(result.measured[0]) > 0).sum() == left.sum()
    assert result.bins is not None and (result.bins != NO_BIN).all()
    with Shop() as shop:
        assert looked_at(shop).measured == ()


def test_a_grinder_leaves_the_edge_thicker_the_more_its_wheel_is_worn() -> None:
    grinding = order(Kind.REMOVAL, "J-grind", ["T-1"])
    means = []
    for wear in (0.0, 1.0, 2.0):
        with Shop() as shop:
            work(shop.device(config(Kind.REMOVAL, blade_wear=wear)), grinding, maps_of(grinding, WAFER))
            thickness = shop.world.read(["T-1"])["T-1"].quantities[THICKNESS]
        means.append(float(thickness.mean()))
        assert thickness[[0, -1]].mean() > thickness[18:22, 20:30].mean() + 1.0
    assert 100.0 < means[0] < means[1] - 1.0 < means[2] - 2.0


def test_a_blade_wears_until_it_is_changed() -> None:
    with Shop() as shop:
        saw = shop.device(config(Kind.REMOVAL, blade_life_units=4500.0))
        worn = []
        for n in range(3):
            cutting = order(Kind.REMOVAL, f"J-{n}", [f"T-{n}"])
            work(saw, cutting, maps_of(cutting, WAFER))
            saw.clear(cutting.job_order_id)
            worn.append(shop.world.once("x", cutting, cutting.substrates[0], [], lambda _: None).wear["blade"])  # type: ignore[arg-type,return-value]  # it has happened
    assert np.allclose(worn, [2000 / 4500, 4000 / 4500, 0.0])


def test_a_saw_sorts_units_to_loads_with_what_it_did_to_them() -> None:
    cutting = order(Kind.REMOVAL, substrates=["W-1"], loads=("B-1",))
    with Shop() as shop:
        saw = config(Kind.REMOVAL, crack_rate=0.3, loss_rate=0)
        moves = work(shop.device(saw), cutting, maps_of(cutting, full(5, 8)))["W-1"].transfers
        truths = shop.world.read(["W-1", "B-1"])
    assert moves is not None and len(moves) == 40
    assert not truths["W-1"].present.any()
    assert 5 < has(truths["B-1"].defects, Defect.CRACK).sum() < 20
