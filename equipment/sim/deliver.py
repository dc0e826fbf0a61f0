"""The senders of incoming material: ``python -m equipment.sim.deliver --out DIR --seed S < deliveries.json``.

Reads a list of {lot, incoming, loss, substrates: [name], layout: {name, rows, columns, pitch_x_um, pitch_y_um},
product} and writes the map files that a customer's prober or a strip supplier would send, one folder a lot. Blank
material comes without a map. What another site sends (sender, receiver, customer, sent_at, materials, missing) gets
the document of its shipment, too: see `equipment.sim.shipping`.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equipment.sim.incoming import Codes, Grid, write_strip_map, write_wafer_map
from equipment.sim.shipping import pack


def deliver(out: Path, seed: int, deliveries: list[Mapping[str, Any]]) -> None:
    """Write the files of all deliveries into ``out/LOT/SUBSTRATE.xml``."""
    for delivery in deliveries:
        folder = out / delivery["lot"]
        folder.mkdir(parents=True, exist_ok=True)
        layout = delivery["layout"]
        grid = Grid(
            layout["name"],
            layout["rows"],
            layout["columns"],
            layout["pitch_x_um"],
            layout["pitch_y_um"],
            delivery["product"],
        )
        codes = {
            name: _write(folder / f"{name}.xml", delivery, grid, seed, name, slot)
            for slot, name in enumerate(delivery["substrates"], start=1)
            if delivery["incoming"] != "blank"
        }
        if delivery.get("sender"):
            pack(folder, delivery, codes)


def _write(path: Path, delivery: Mapping[str, Any], grid: Grid, seed: int, name: str, slot: int) -> Codes:
    lot, loss = delivery["lot"], delivery["loss"]
    if delivery["incoming"] == "wafer_map":
        return write_wafer_map(path, wafer=name, lot=lot, grid=grid, seed=seed, fail_rate=loss, slot=slot)
    return write_strip_map(path, strip=name, lot=lot, grid=grid, seed=seed, x_out_rate=loss, slot=slot)


def main() -> None:
    """Read deliveries from standard input and write their files."""
    parser = argparse.ArgumentParser(prog="python -m equipment.sim.deliver", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of incoming files")
    parser.add_argument("--seed", type=int, required=True, help="of the chance that makes the maps")
    arguments = parser.parse_args()
    deliver(arguments.out, arguments.seed, json.load(sys.stdin))


if __name__ == "__main__":
    main()
