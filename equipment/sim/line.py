"""All simulated equipment of a plant, from ``equipment.yaml`` to devices that share one world."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from equipment.sim.config import DeviceConfig, Kind, ProcessTime
from equipment.sim.device import Device
from equipment.sim.disk import Disk
from equipment.sim.world import World

BY_HAND = "by_hand"
"""The kind of equipment that people work: nothing of it is simulated."""
TRUTH_FILE = "world.sqlite"


class BadLine(ValueError):
    """The plant's equipment cannot be simulated; the text names the entry and what would be right."""


def read_line(plant_dir: Path) -> list[DeviceConfig]:
    """Every equipment of ``equipment.yaml`` in a plant's folder but what people work.

    Raises `BadLine`, or OSError without the file.
    """
    try:
        plant = yaml.safe_load((plant_dir / "equipment.yaml").read_text(encoding="utf-8"))
        classes = {entry["name"]: entry for entry in plant["classes"]}
        entries = [entry for entry in plant["equipment"] if classes.get(entry["class"], {}).get("kind") != BY_HAND]
        return [_read_equipment(entry, classes) for entry in entries]
    except yaml.YAMLError as error:
        raise BadLine(f"equipment.yaml: {error}") from error
    except (KeyError, TypeError) as error:
        raise BadLine(f"equipment.yaml lacks {error}; see equipment/sim/config.py for its keys") from error


def _read_equipment(entry: Mapping[str, Any], classes: Mapping[str, Mapping[str, Any]]) -> DeviceConfig:
    name, its_class = entry["name"], entry["class"]
    if its_class not in classes:
        raise BadLine(f"{name} is of class {its_class}, which equipment.yaml does not describe")
    described = classes[its_class]
    figures = dict(described.get("simulation") or {}) | dict(entry.get("simulation") or {})
    try:
        return DeviceConfig(
            name=name,
            equipment_class=its_class,
            kind=Kind(described["kind"]),
            places=int(described["places"]),
            most_substrates=int(described["most_substrates"]),
            heads=int(figures.pop("heads", 1)),
            numbers={key: float(value) for key, value in figures.items()},
            process_time=ProcessTime(described.get("process_time", ProcessTime.FIXED)),
            faults={key: float(value) for key, value in (entry.get("faults") or {}).items()},
        )
    except ValueError as error:
        raise BadLine(f"equipment.yaml, {name}: {error}") from error


def build_device(config: DeviceConfig, disk_dir: Path, truth_dir: Path, seed: int, new_id: Callable[[], str]) -> Device:
    """One device on its disk in ``disk_dir``, born where there is none. ``new_id`` names new journals and boots.

    Call it in the process that runs the device: it opens files that must not cross a fork.
    """
    for folder in (disk_dir, truth_dir):
        folder.mkdir(parents=True, exist_ok=True)
    disk = Disk(disk_dir / f"{config.name}.sqlite", new_id())
    return Device(config, disk, World(truth_dir / TRUTH_FILE), seed, new_id())


def build_line(
    configs: Iterable[DeviceConfig], disk_dir: Path, truth_dir: Path, seed: int, new_id: Callable[[], str]
) -> dict[str, Device]:
    """Every device of a line by its name, in one process; see `build_device`."""
    return {config.name: build_device(config, disk_dir, truth_dir, seed, new_id) for config in configs}
