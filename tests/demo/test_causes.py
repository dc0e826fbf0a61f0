"""One cause at a time, at one seed: its own defect moves with the dose, and no other one does.

Defects are counted in the simulators' hidden truth, at the operation where the cause works.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipment.sim.defects import TRUE_DEFECTS, Defect, has
from tests.demo.conftest import SEED, RunTwin
from tests.demo.small_plant import STACKING, edit, stacks_alone
from tests.demo.twin import Twin

REFLOW, BOND, CURE = "hbm_core/20", "hbm_stack/70", "hbm_stack/90"
VOID_PER_QUEUE_H = 0.1
"""Of the cure oven, in every run here: two dozen stacks are few, so that waiting must tell."""
PEAK_CEL = 245.0
"""What bumps need in reflow."""

Cause = Callable[[Path, float], None]
"""Gives a plant a dose of something."""


def wear(plant: Path, lives: float) -> None:
    """Collets of all bonders so many lives older."""
    edit(plant / "equipment.yaml", partial(_set_figure, "tcb_bonder", "collet_wear", lives))


def wait(plant: Path, place_s: float) -> None:
    """Bonders so slow that what was cleaned before them waits for its cure."""
    edit(plant / "equipment.yaml", partial(_set_figure, "tcb_bonder", "place_s", place_s))


def heat(plant: Path, off_cel: float) -> None:
    """A recipe of bump reflow that is off by so much, and has the limits for it."""
    peak_cel = PEAK_CEL + off_cel

    def change(content: Any) -> None:
        (recipe,) = (r for r in content["recipes"] if r["name"] == "bump_reflow")
        recipe["body"] = recipe["body"].replace(f"{PEAK_CEL:.0f} Cel", f"{peak_cel:.0f} Cel")
        recipe["parameters"][0] |= {"target": peak_cel, "low": peak_cel - 5, "high": peak_cel + 5}

    edit(plant / "recipes" / "thermal.yaml", change)


def _set_figure(its_class: str, figure: str, value: float, content: Any) -> None:
    (one,) = (c for c in content["classes"] if c["name"] == its_class)
    one["simulation"] = one.get("simulation", {}) | {figure: value}


class Lines:
    """Runs of the line that differ in one cause; the one without any is made once."""

    def __init__(self, run: RunTwin, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._without: Twin | None = None

    def without(self, operation: str) -> Counter[Defect]:
        """What units got at an operation when nothing is wrong."""
        if self._without is None:
            self._without = self._run(self._plant("without"), STACKING, SEED)
        return added(self._without, operation)

    def given(self, operation: str, cause: Cause, dose: float) -> Counter[Defect]:
        """What they got with a dose of a cause."""
        plant = self._plant(f"{cause.__name__} {dose}")
        cause(plant, dose)
        lots = 1 if operation == REFLOW else STACKING
        return added(self._run(plant, lots, SEED), operation)

    def _plant(self, name: str) -> Path:
        plant = stacks_alone(self._folder / name)
        edit(plant / "equipment.yaml", partial(_set_figure, "oven", "void_per_queue_h", VOID_PER_QUEUE_H))
        edit(plant / "equipment.yaml", partial(_set_figure, "reflow_oven", "best_peak_cel", PEAK_CEL))
        return plant


def added(twin: Twin, operation: str) -> Counter[Defect]:
    """How many units got each defect at an operation."""
    query = "select defects_added from happened where operation = ?"
    with closing(sqlite3.connect(f"file:{twin.truth}?mode=ro", uri=True)) as world:
        arrays = [np.frombuffer(packed, "<u4") for (packed,) in world.execute(query, [operation])]
    assert arrays, f"nothing happened at {operation}"
    return Counter({defect: int(sum(has(a, defect).sum() for a in arrays)) for defect in TRUE_DEFECTS})


@pytest.fixture(scope="module")
def lines(in_memory: RunTwin, tmp_path_factory: pytest.TempPathFactory) -> Lines:
    return Lines(in_memory, tmp_path_factory.mktemp("causes"))


@pytest.mark.parametrize(
    ("operation", "cause", "doses", "defect"),
    [
        pytest.param(BOND, wear, (3.0, 6.0), Defect.MISPLACE, id="collet wear"),
        pytest.param(REFLOW, heat, (-12.0, -24.0), Defect.NON_WET, id="lower peak temperature"),
        pytest.param(REFLOW, heat, (20.0, 40.0), Defect.VOID, id="higher peak temperature"),
        pytest.param(CURE, wait, (1000.0, 2000.0), Defect.VOID, id="longer queue time"),
    ],
)
def test_a_cause_moves_its_own_defect_with_the_dose(
    lines: Lines, operation: str, cause: Cause, doses: tuple[float, float], defect: Defect
) -> None:
    without = lines.without(operation)
    little, much = (lines.given(operation, cause, dose) for dose in doses)
    assert without[defect] + 3 <= little[defect]
    assert little[defect] + 3 <= much[defect]
    for other in set(TRUE_DEFECTS) - {defect}:
        assert without[other] == little[other] == much[other], other
