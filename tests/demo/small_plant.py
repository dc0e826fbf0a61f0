"""The demonstration centre with small wafers and lots: the same routes, recipes, people and faults, less of everything.

A lot of three takes three bonders, as one of twelve does in the demonstration; stacks and modules run short for the
last lots, so that people store what is left.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mes.schema import ROOT

DEMONSTRATION = ROOT / "deploy" / "plants" / "demonstration_centre"
LOTS = 12
"""Two lots of modules fewer than the demonstration's pattern has: all else of it."""
LEFT_OUT = 2

SHAPES = {
    "hbm_wafer": (6, 6), "stack_tray": (6, 6), "top_die_wafer": (4, 4), "interposer_wafer": (2, 2),
    "module_boat": (2, 2), "organic_strip": (2, 2), "package_tray": (2, 2),
    "sic_wafer": (5, 5), "ceramic_card": (1, 2), "power_tray": (2, 2),
}  # fmt: skip
"""Rows and columns of each layout."""
SUBSTRATES = {
    "hbm_core": 4, "top_die": 2, "hbm_stack": 3, "chip_on_wafer": 3, "module": 3, "sic_die": 1, "power_module": 1,
}  # fmt: skip
"""Of a lot, by its route, beside those that are missing of its shipment."""
STACKED = {"hbm_core": 5, "hbm_stack": 2}
"""Of the lots that suffice to stack dies, by route."""
STACKING = len(STACKED)
MOST_SUBSTRATES = {"tcb_bonder": 1, "final_tester": 2, "prober": 2}
"""Of a job, by the class of its equipment."""
WORN = 40.0
"""Contact lives by which the sockets of the second tester are worn: of a dozen units some are tested again."""


def small_plant(folder: Path) -> Path:
    """Write the plant into ``folder``, and return that."""
    shutil.copytree(DEMONSTRATION, folder)
    edit(folder / "products" / "layouts.yaml", _shrink_layouts)
    edit(folder / "demonstration.yaml", _shrink_lots)
    edit(folder / "equipment.yaml", _shrink_jobs)
    return folder


def stacks_alone(folder: Path) -> Path:
    """The small plant with so many lots as stack dies: one of core dies, one of the wafers on which they are stacked.

    Those are as small as wafers of compute dies: five wafers of core dies fill two of them four high.
    """
    plant = small_plant(folder)
    edit(plant / "products" / "memory.yaml", _shrink_stacks)
    edit(plant / "demonstration.yaml", _stack)
    return plant


def edit(file: Path, change: Callable[[Any], None]) -> None:
    """Change what stands in a file of a plant."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _shrink_stacks(content: Any) -> None:
    (stack,) = (product for product in content["products"] if product["name"] == "hbm_stack")
    stack["layout"] = "top_die_wafer"


def _stack(content: Any) -> None:
    of = {lot["route"]: lot for lot in content["lots"]}
    content["lots"] = [of[route] | {"substrates": count} for route, count in STACKED.items()]


def _shrink_layouts(content: Any) -> None:
    for layout in content["layouts"]:
        layout["rows"], layout["columns"] = SHAPES[layout["name"]]


def _shrink_lots(content: Any) -> None:
    last = [n for n, lot in enumerate(content["lots"]) if lot["route"] == "module"][-LEFT_OUT:]
    content["lots"] = [lot for n, lot in enumerate(content["lots"]) if n not in last]
    for lot in content["lots"]:
        lot["substrates"] = SUBSTRATES[lot["route"]] + lot.get("missing", 0)


def _shrink_jobs(content: Any) -> None:
    for its_class in content["classes"]:
        its_class["most_substrates"] = MOST_SUBSTRATES.get(its_class["name"], its_class["most_substrates"])
    for equipment in content["equipment"]:
        if equipment["name"] == "tester-2":
            equipment["faults"] = {"contact_wear": WORN}
