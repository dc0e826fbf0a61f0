"""Dies that mould moves, what is measured of that, and films that grow thinner as their target wears."""

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import AttachSite, JobOrder, Measured, SubstrateResult
from equipment.sim.config import Kind
from equipment.sim.defects import Defect, has
from equipment.sim.processes.task import from_centre
from equipment.sim.world import FILM, SHIFT_X, SHIFT_Y, SubstrateTruth
from tests.equipment.shop import Shop, config, full, maps_of, order, work

CARRIER, DIES = full(40, 40), full(41, 41)
PLACING = order(Kind.PLACEMENT, "J-place", ["R-1"], sites=(AttachSite(1, 1, "die"),), sources=(("D-1", "die"),))
MOULDING = order(Kind.THERMAL, "J-mould", ["R-1"])
LOOKING = order(Kind.INSPECTION, "J-look", ["R-1"])
IMAGING = order(Kind.DEPOSITION, "J-image", ["R-1"])
PLACER = {"keeps_shift": 1, "sigma_um": 2.0, "limit_um": 10.0, "pick_fail_rate": 0.0}
REPEATABILITY_UM = 0.4


def on_carrier(shop: Shop, job: JobOrder, kind: Kind, **numbers: float) -> SubstrateResult:
    """The carrier after one more job."""
    return work(shop.device(config(kind, job.job_order_id, **numbers)), job, maps_of(job, CARRIER, DIES))["R-1"]


def truth_of(shop: Shop) -> SubstrateTruth:
    return shop.world.read(["R-1"])["R-1"]


def reconstituted(shop: Shop, **mould: float) -> SubstrateTruth:
    """A carrier full of dies, moulded."""
    on_carrier(shop, PLACING, Kind.PLACEMENT, **PLACER)
    on_carrier(shop, MOULDING, Kind.THERMAL, **mould)
    return truth_of(shop)


def whole(measured: Measured) -> NDArray[np.float64]:
    values = np.full(CARRIER.shape, np.nan)
    values[measured.y, measured.x] = measured.value
    return values


def test_measured_die_shift_is_the_true_one_within_the_repeatability_of_the_equipment() -> None:
    with Shop() as shop:
        true = reconstituted(shop, flow_um=8.0, flow_sigma_um=1.0)
        found = on_carrier(shop, LOOKING, Kind.INSPECTION, repeatability_um=REPEATABILITY_UM).measured
    assert [(one.name, one.unit) for one in found] == [(SHIFT_X, "um"), (SHIFT_Y, "um")]
    for one in found:
        error_um = whole(one) - true.quantities[one.name]
        assert np.isfinite(error_um).all()
        assert abs(error_um.mean()) < 4 * REPEATABILITY_UM / np.sqrt(error_um.size)
        assert 0.95 * REPEATABILITY_UM < error_um.std() < 1.05 * REPEATABILITY_UM
        assert np.abs(error_um).max() < 5 * REPEATABILITY_UM


def test_mould_moves_dies_outwards_and_spreads_them() -> None:
    with Shop() as shop:
        calm = reconstituted(shop)
    with Shop() as shop:
        moved = reconstituted(shop, flow_um=8.0, flow_sigma_um=1.0)
    for name, away in zip((SHIFT_Y, SHIFT_X), from_centre(CARRIER.shape), strict=True):
        flow_um = moved.quantities[name] - calm.quantities[name]
        assert np.allclose((flow_um - 8.0 * away).std(), 1.0, atol=0.05)
        assert abs((flow_um - 8.0 * away).mean()) < 0.1
        assert 1.9 < calm.quantities[name].std() < 2.3  # the placer's own


def test_mould_moves_nothing_that_is_not_known_to_lie_free() -> None:
    with Shop() as shop:
        on_carrier(shop, PLACING, Kind.PLACEMENT, **PLACER | {"keeps_shift": 0})
        on_carrier(shop, MOULDING, Kind.THERMAL, flow_um=8.0)
        assert truth_of(shop).quantities == {}


def test_a_pattern_misses_dies_that_moved_unless_it_follows_them() -> None:
    missed = []
    for follows in (0.0, 0.9):
        with Shop() as shop:
            reconstituted(shop, flow_um=8.0)
            on_carrier(shop, IMAGING, Kind.DEPOSITION, overlay_limit_um=3.0, follows=follows)
            missed.append(has(truth_of(shop).defects, Defect.OVERLAY))
    assert missed[0].mean() > 0.5
    assert missed[0][[0, -1]].mean() > missed[0][15:25, 15:25].mean() + 0.3  # far from the centre
    assert missed[1].mean() < 0.02


def film(shop: Shop, **numbers: float) -> SubstrateTruth:
    on_carrier(shop, IMAGING, Kind.DEPOSITION, **numbers)
    return truth_of(shop)


def test_films_are_thinner_at_the_edge_and_from_a_worn_target() -> None:
    means, bad = [], []
    for wear in (0.0, 1.0, 4.0):
        with Shop() as shop:
            truth = film(shop, target_wear=wear, run_sigma_pct=0.0)
        means.append(float(truth.quantities[FILM].mean()))
        bad.append(int(has(truth.defects, Defect.THICKNESS).sum()))
        across = truth.quantities[FILM]
        assert across[[0, -1]].mean() < across[15:25, 15:25].mean() - 0.03  # 1.5 % of 4 um, less towards the corners
    assert np.allclose(np.diff(means), [-0.08, -0.24], atol=0.002)  # 2 % a target life
    assert bad[0] == bad[1] == 0 < bad[2]


def test_a_target_wears_by_what_it_deposits_until_it_is_renewed() -> None:
    with Shop() as shop:
        sputter, worn = shop.device(config(Kind.DEPOSITION, target_life_um=9.0)), []
        for n in range(3):
            job = order(Kind.DEPOSITION, f"J-{n}", [f"T-{n}"])
            work(sputter, job, maps_of(job))
            sputter.clear(job.job_order_id)
            worn.append(shop.world.once("x", job, job.substrates[0], [], lambda _: None).wear["target"])  # type: ignore[arg-type,return-value]  # it has happened
    assert np.allclose(worn, [4 / 9, 8 / 9, 0.0])


def test_a_film_that_is_broken_off_is_none() -> None:
    stopped = config(Kind.DEPOSITION, visual_rate=1.0)
    with Shop() as shop:
        device = shop.device(stopped)
        device.fault("stop_in_job", 1)
        result = work(device, IMAGING, maps_of(IMAGING, CARRIER))["R-1"]
        truth = truth_of(shop)
    assert not result.touched.any()
    assert not truth.defects.any() and not truth.quantities
