"""Penny Fab Two: with fixed times and constant work in process the line is the best case, reckoned by hand."""

from pathlib import Path

import pytest

from tests.demo.conftest import SEED, RunTwin
from tests.demo.penny import best_case, flow, penny_plant


# lots, and hours after which the queue that all lots form at first is gone; what comes later holds up none of these.
# One lot and twelve are in the benchmark.
@pytest.mark.parametrize(("wip", "lots", "warm_up_h", "hours"), [(4, 8, 40, 20), (8, 12, 40, 10)])
def test_line_with_fixed_times_is_the_best_case(
    wip: int, lots: int, warm_up_h: float, hours: float, in_memory: RunTwin, tmp_path: Path
) -> None:
    line = in_memory(penny_plant(tmp_path / "plant", wip), lots, SEED)
    found, best = flow(line, warm_up_h, hours), best_case(wip)
    assert found.throughput == pytest.approx(best.throughput, rel=0.01)
    assert found.cycle_h == pytest.approx(best.cycle_h, rel=0.01)
