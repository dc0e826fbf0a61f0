"""Penny Fab Two: with fixed times and constant work in process the line is the best case, reckoned by hand."""

from pathlib import Path
from typing import Any

import pytest

from tests.demo.conftest import SEED, RunTwin
from tests.demo.penny import RAW_H, best_case, ends_h, flow, penny_plant
from tests.demo.reckoned import reckoned
from tests.demo.small_plant import edit


# lots, and hours after which the queue that all lots form at first is gone; what comes later holds up none of these.
# One lot, eight and twelve are in the benchmark.
@pytest.mark.parametrize(("wip", "lots", "warm_up_h", "hours"), [(4, 8, 40, 20)])
def test_line_with_fixed_times_is_the_best_case(
    wip: int, lots: int, warm_up_h: float, hours: float, in_memory: RunTwin, tmp_path: Path
) -> None:
    line = in_memory(penny_plant(tmp_path / "plant", wip), lots, SEED)
    found, best = flow(line, warm_up_h, hours), best_case(wip)
    assert found.throughput == pytest.approx(best.throughput, rel=0.01)
    assert found.cycle_h == pytest.approx(best.cycle_h, rel=0.01)


def test_line_with_exponential_times_ends_each_lot_when_it_is_reckoned(in_memory: RunTwin, tmp_path: Path) -> None:
    line = in_memory(penny_plant(tmp_path / "plant", 4, "exponential"), 6, SEED)
    assert ends_h(line) == pytest.approx(reckoned(4, 6, SEED)[1], abs=1e-6)


def test_clock_goes_on_to_when_a_small_batch_starts(in_memory: RunTwin, tmp_path: Path) -> None:
    """One lot alone before a station that waits three hours for two."""
    plant = penny_plant(tmp_path / "plant", 1)
    edit(plant / "equipment.yaml", _wait_for_two)
    assert flow(in_memory(plant, 1, SEED), 0, 24).cycle_h == RAW_H + 3


def _wait_for_two(content: Any) -> None:
    batch = {"batch": True, "most_substrates": 2, "least_substrates": 2, "most_wait_h": 3}
    content["classes"][0] |= batch
