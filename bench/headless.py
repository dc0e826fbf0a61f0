"""A headless run of the demonstration centre, every lot to its end; with twelve lots, beside its budget."""

import json
import os
import subprocess
import sys
import time

import psutil

from bench.measure import Figure, Report, Size
from mes.schema import ROOT

LOTS = {Size.QUICK: 1, Size.USUAL: 2, Size.LONG: 12}
BUDGET_S = 600.0
"""Of twelve lots on two cores."""
COMMAND = ("-m", "mes.cli", "demo", "--headless", "--seed", "7", "--json", "--lots")


def run(size: Size) -> Report:
    """Wall time and the plant hours that passed in it."""
    lots = LOTS[size]
    began = time.perf_counter()
    own = {name: value for name, value in os.environ.items() if not name.startswith("MES_")}  # never on a real database
    done = subprocess.run([sys.executable, *COMMAND, str(lots)], cwd=ROOT, env=own, capture_output=True, text=True)
    wall_s = time.perf_counter() - began
    if done.returncode:
        raise AssertionError(f"mes demo ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    told = json.loads(done.stdout)
    more: dict[str, float | int | str] = {
        "plant_hours": round(told["plant_hours"], 1),
        "plant_hours_a_minute": round(60 * told["plant_hours"] / wall_s, 1),
        "conservation": "equal" if told["conservation"]["equal"] else "not equal",
        "processors": psutil.cpu_count() or 1,
    }
    budget = BUDGET_S if size is Size.LONG else None
    return Report((Figure(f"lots run to their end: {lots}", wall_s, "s", budget=budget, more=more),))
