"""Units in the world are conserved: each is where it came in, at one other place, or gone with a named fate."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from equipment.interface.messages import SubstrateResult
from equipment.interface.states import MapRole, Outcome, TransferOutcome
from equipment.sim.config import Kind
from tests.equipment.shop import SOURCES, Shop, assembly, config, full, maps_of, order, work

LOSSY = config(Kind.PLACEMENT, "bonder-1", pick_fail_rate=0.1)


def _count(results: dict[str, SubstrateResult], outcome: TransferOutcome) -> int:
    moves = [result.transfers for result in results.values() if result.transfers is not None]
    return sum(int((m.outcome == outcome).sum()) for m in moves)


def test_picked_units_are_placed_or_gone() -> None:
    job = assembly()
    with Shop() as shop:
        results = work(shop.device(LOSSY), job, maps_of(job))
        truths = shop.world.read([name for name, _ in SOURCES] + ["T-1", "T-2"])
    left = sum(int(truths[name].present.sum()) for name, _ in SOURCES)
    placed = sum(int((layer.source >= 0).sum()) for t in ("T-1", "T-2") for layer in truths[t].layers.values())
    gone = _count(results, TransferOutcome.LOST) + _count(results, TransferOutcome.REJECTED)
    assert placed == _count(results, TransferOutcome.PLACED)
    assert left + placed + gone == 3 * full(12, 12).size
    assert gone > 10


def test_layers_say_where_each_unit_came_from() -> None:
    job = assembly(substrates=["T-1"])
    with Shop() as shop:
        moves = work(shop.device(LOSSY), job, maps_of(job))["T-1"].transfers
        truth = shop.world.read(["T-1"])["T-1"]
    assert moves is not None
    for n in np.flatnonzero(moves.outcome == TransferOutcome.PLACED):
        layer, y, x = truth.layers[int(moves.site[n]), int(moves.level[n])], moves.to_y[n], moves.to_x[n]
        assert layer.sources[layer.source[y, x]] == moves.sources[moves.source[n]]
        assert (layer.from_y[y, x], layer.from_x[y, x]) == (moves.from_y[n], moves.from_x[n])


def test_a_position_is_begun_only_if_every_die_it_needs_is_left() -> None:
    few = np.zeros((12, 12), np.bool_)
    few[0, :7] = True  # 7 logic and 14 memory dies: enough for seven positions, which need 1 and 2
    job = assembly(substrates=["T-1", "T-2"])
    with Shop() as shop:
        bonder = config(Kind.PLACEMENT, pick_fail_rate=0, misplace_rate=0, crack_rate=0, non_wet_rate=0, sigma_um=0)
        results = work(shop.device(bonder), job, maps_of(job, sources=few))
    first = results["T-1"]
    assert first.outcome is Outcome.PARTIAL
    assert np.flatnonzero(first.touched).tolist() == list(range(7))
    assert first.transfers is not None and len(first.transfers) == 21
    assert results["T-2"].outcome is Outcome.PARTIAL
    assert not results["T-2"].touched.any()


def test_a_site_that_is_taken_is_not_filled_again() -> None:
    first, again = assembly("J-1", ["T-1"]), assembly("J-2", ["T-1"])
    with Shop() as shop:
        device = shop.device()
        work(device, first, maps_of(first))
        assert device.clear("J-1").accepted
        result = work(device, again, maps_of(again))["T-1"]
    assert result.outcome is Outcome.PARTIAL
    assert result.transfers is not None and len(result.transfers) == 0
    assert not result.touched.any()


def test_transfers_fill_the_loads_in_order_and_take_contents_along() -> None:
    job = order(Kind.HANDLING, substrates=["W-1"], loads=("B-1", "B-2"))
    with Shop() as shop:
        device = shop.device(config(Kind.HANDLING, loss_rate=0.1, crack_rate=0.2))
        result = work(device, job, maps_of(job, full(7, 10)))["W-1"]
        truths = shop.world.read(["W-1", "B-1", "B-2"])
    moves = result.transfers
    assert moves is not None and result.touched.all() and result.outcome is Outcome.DONE
    lost = int((moves.outcome == TransferOutcome.LOST).sum())
    assert lost > 0
    assert not truths["W-1"].present.any() and not truths["W-1"].defects.any()
    assert truths["B-1"].present.all()
    assert int(truths["B-2"].present.sum()) == 70 - lost - 48
    assert np.flatnonzero(truths["B-2"].present).tolist() == list(range(70 - lost - 48))
    assert (moves.site == 0).all() and (moves.level == 0).all()
    assert not truths["B-1"].arrived.any()
    assert truths["B-1"].defects.any()


def test_what_finds_no_place_stays() -> None:
    job = order(Kind.HANDLING, substrates=["W-1"], loads=("B-1",))
    with Shop() as shop:
        result = work(shop.device(config(Kind.HANDLING, loss_rate=0)), job, maps_of(job, full(7, 10)))["W-1"]
        truth = shop.world.read(["W-1"])["W-1"]
    assert result.outcome is Outcome.PARTIAL
    assert int(truth.present.sum()) == 70 - 48
    assert (truth.present == ~result.touched).all()


def test_units_of_a_load_do_not_come_in_twice() -> None:
    filling = order(Kind.HANDLING, "J-1", ["W-1"], loads=("B-1",))
    testing = order(Kind.TEST, "J-2", ["B-1"])
    with Shop() as shop:
        work(shop.device(config(Kind.HANDLING, loss_rate=0)), filling, maps_of(filling, full(2, 10)))
        result = work(shop.device(config(Kind.TEST)), testing, maps_of(testing))["B-1"]
    assert int(result.touched.sum()) == 20  # the map allowed 48, the load has 20
    assert result.outcome is Outcome.PARTIAL


def test_later_maps_bring_in_what_earlier_ones_left_out() -> None:
    left, job = full(), order(Kind.TEST, substrates=["T-1"])
    left[:, 4:] = False
    with Shop() as shop:
        for half in (left, ~left, left):
            shop.world.see(maps_of(job, half))
        truth = shop.world.read(["T-1"])["T-1"]
    assert truth.present.all()
    assert maps_of(job)[0].role is MapRole.WORK


def test_the_same_work_happens_once() -> None:
    job = order(Kind.TEST, substrates=["T-1"])
    with Shop() as shop:
        device = shop.device(config(Kind.TEST))
        result = work(device, job, maps_of(job))["T-1"]

        def never(_: object) -> None:
            raise AssertionError("it was worked twice")

        again = shop.world.once("tester-1", job, job.substrates[0], ["T-1"], never)  # type: ignore[arg-type]  # not called
    assert again.result.ended_at == result.ended_at
    assert again.wear["contacts"] > 0


def test_what_happened_cannot_be_changed(tmp_path: Path) -> None:
    job = order(Kind.TEST, substrates=["T-1"])
    with Shop(tmp_path) as shop:
        work(shop.device(config(Kind.TEST)), job, maps_of(job))
    truth = sqlite3.connect(tmp_path / "world.sqlite")
    for change in ("UPDATE happened SET lot = 'x'", "DELETE FROM happened"):
        with pytest.raises(sqlite3.IntegrityError, match="stays"):
            truth.execute(change)
    truth.close()
