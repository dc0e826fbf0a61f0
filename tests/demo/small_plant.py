"""The demonstration centre with small wafers and lots: the same recipes, people and faults, less of everything.

Fan-out has a plant of its own, so that no other run has to start its equipment.

A lot of three takes three bonders, as one of twelve does in the demonstration; stacks and modules run short for the
last lots, so that people store what is left.
"""

import shutil
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mes.schema import ROOT

DEMONSTRATION = ROOT / "deploy" / "plants" / "demonstration_centre"
LOTS = 12
"""Two lots of modules fewer than the demonstration's pattern has: all else of it."""
LEFT_OUT = 2
FAN_OUT = ("radio_die", "fan_out_wafer", "baseband_die", "silicon_dummy", "fan_out_panel")
"""Routes that the small plant does not have."""

SHAPES = {
    "hbm_wafer": (6, 6), "stack_tray": (6, 6), "top_die_wafer": (4, 4), "interposer_wafer": (2, 2),
    "module_boat": (2, 2), "organic_strip": (2, 2), "package_tray": (2, 2),
    "sic_wafer": (5, 5), "ceramic_card": (1, 2), "power_tray": (2, 2),
    "radio_wafer": (5, 5), "fan_out_wafer": (4, 4), "baseband_wafer": (6, 6), "fan_out_panel": (4, 4),
    "fan_out_tray": (3, 4),
}  # fmt: skip
"""Rows and columns of each layout."""
SUBSTRATES = {
    "hbm_core": 4, "top_die": 2, "hbm_stack": 3, "chip_on_wafer": 3, "module": 3, "sic_die": 1, "power_module": 1,
    "radio_die": 1, "fan_out_wafer": 1, "baseband_die": 1, "silicon_dummy": 1, "fan_out_panel": 1,
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
    routes = {file.stem for file in (DEMONSTRATION / "routes").iterdir()}
    return with_routes(folder, routes - set(FAN_OUT))


def with_routes(folder: Path, routes: Collection[str]) -> Path:
    """The same with these routes, and with what they need of equipment, recipes, lots and material."""
    shutil.copytree(DEMONSTRATION, folder)
    keep_routes(folder, routes)
    edit(folder / "products" / "layouts.yaml", _shrink_layouts)
    edit(folder / "demonstration.yaml", _shrink_lots)
    edit(folder / "equipment.yaml", _shrink_jobs)
    return folder


def keep_routes(plant: Path, routes: Collection[str]) -> None:
    """Leave these routes in a plant, and only what they need of equipment, recipes, lots and material."""
    files = [file for file in (plant / "routes").iterdir() if file.stem in routes]
    for file in set((plant / "routes").iterdir()) - set(files):
        file.unlink()
    operations = [operation for file in files for operation in yaml.safe_load(file.read_text())["operations"]]
    classes, recipes = ({operation[key] for operation in operations} for key in ("class", "recipe"))
    materials = {use["material"] for operation in operations for use in operation.get("materials", ())}
    for file in (plant / "recipes").iterdir():
        edit(file, partial(only, "recipes", lambda one: f"{one['name']}@{one['version']}" in recipes))
    edit(plant / "equipment.yaml", partial(only, "classes", lambda one: one["name"] in classes))
    edit(plant / "equipment.yaml", partial(only, "equipment", lambda one: one["class"] in classes))
    edit(plant / "demonstration.yaml", partial(only, "lots", lambda one: one["route"] in routes))
    edit(plant / "demonstration.yaml", partial(only, "materials", lambda one: one["material"] in materials))


def only(section: str, which: Callable[[Any], bool], content: Any) -> None:
    """Leave of a section what is wanted."""
    content[section] = [one for one in content[section] if which(one)]


def keep_lots_alone(plant: Path, *sections: str) -> None:
    """Leave out what speaks of other routes: maintenance, supply, and these sections of the demonstration."""
    for name in ("maintenance.yaml", "supply.yaml"):
        (plant / name).unlink()
    for section in sections:
        edit(plant / "demonstration.yaml", partial(only, section, lambda _: False))


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
        if "block_rows" in layout:
            layout["block_rows"], layout["block_columns"] = layout["rows"] // 2, layout["columns"] // 2


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
