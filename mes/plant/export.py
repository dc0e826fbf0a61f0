"""The database as the text of a plant: the files of `schema.FILES`, with JSON Schema beside them for editors.

Figures of simulators are not in the database and therefore not in the text.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from mes.errors import Refused
from mes.plant.part import Part
from mes.plant.read import FLOAT, INTEGER
from mes.plant.schema import Plant, json_schemas
from mes.plant.stored import stored

_EMPTY: tuple[Any, ...] = (None, [], {})


class NotEmpty(Refused):
    """The folder holds YAML files already; export into a new one."""


def export(session: Session, folder: Path) -> list[Path]:
    """Write the plant into ``folder`` and return the files. Applying them to the same database changes nothing.

    Raises `NotEmpty` where YAML files are there already, `Refused` where the database has no plant.
    """
    plant = stored(session)
    if plant.site is None:
        raise Refused("The database has no plant yet; apply one first.")
    if folder.exists() and any(folder.rglob("*.yaml")):
        raise NotEmpty(f"{folder} holds YAML files already; export into a new folder.")
    schemas = {pattern: _schema_file(pattern) for pattern in json_schemas()}
    written = []
    for pattern, schema in json_schemas().items():
        written.append(_write(folder / schemas[pattern], json.dumps(schema, indent=2) + "\n"))
    for file, (pattern, content) in _files(plant).items():
        up = "../" * file.count("/")
        modeline = f"# yaml-language-server: $schema={up}{schemas[pattern]}\n"
        written.append(_write(folder / file, modeline + _yaml(content)))
    return written


def _files(plant: Plant) -> dict[str, tuple[str, dict[str, Any]]]:
    """File -> (pattern, content)."""
    assert plant.site is not None
    files: dict[str, tuple[str, dict[str, Any]]] = {}

    def put(file: str, pattern: str, **sections: Any) -> None:
        files[file] = (pattern, {name: _texts(value) for name, value in sections.items()})

    put("site.yaml", "site.yaml", site=plant.site, areas=plant.areas, customers=plant.customers)
    put("people.yaml", "people.yaml", people=plant.people)
    if plant.hold_codes:
        put("holds.yaml", "holds.yaml", hold_codes=plant.hold_codes)
    if plant.bin_reasons:
        put("bins.yaml", "bins.yaml", bin_reasons=plant.bin_reasons)
    if plant.materials:
        put("materials.yaml", "materials.yaml", materials=plant.materials)
    if plant.durable_kinds:
        put("durables.yaml", "durables.yaml", durable_kinds=plant.durable_kinds)
    if plant.certifications:
        put("certifications.yaml", "certifications.yaml", certifications=plant.certifications)
    put("equipment.yaml", "equipment.yaml", classes=plant.classes, equipment=plant.equipment)
    if plant.maintenance_plans:
        put("maintenance.yaml", "maintenance.yaml", maintenance_plans=plant.maintenance_plans)
    put("products/layouts.yaml", "products/*.yaml", layouts=plant.layouts)
    put("products/products.yaml", "products/*.yaml", products=plant.products)
    if plant.supply_agreements:
        put("supply.yaml", "supply.yaml", supply_agreements=plant.supply_agreements)
    maps = {"map_rules": plant.map_rules, "map_declarations": plant.map_declarations}
    if any(maps.values()):
        put("maps.yaml", "maps.yaml", **{section: parts for section, parts in maps.items() if parts})
    for used in sorted({recipe.equipment_class for recipe in plant.recipes}):
        recipes = [recipe for recipe in plant.recipes if recipe.equipment_class == used]
        put(f"recipes/{used}.yaml", "recipes/*.yaml", recipes=recipes)
    for route in plant.routes:
        files[f"routes/{route.route}.yaml"] = ("routes/*.yaml", _plain(route.content()))
    if plant.release_rules:
        put("release.yaml", "release.yaml", release_rules=plant.release_rules)
    return files


def _texts(value: Any) -> Any:
    return _plain(value.content()) if isinstance(value, Part) else [_plain(part.content()) for part in value]


def _plain(value: Any) -> Any:
    """Without what is empty, whole numbers without a point, bin codes as numbers."""
    if isinstance(value, dict):
        return {_key(key): _plain(inner) for key, inner in value.items() if inner not in _EMPTY}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def _key(key: str) -> str | int:
    return int(key) if key.isdigit() else key


def _schema_file(pattern: str) -> str:
    return f"schema/{pattern.replace('/*', '').removesuffix('.yaml')}.json"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class _Dumper(yaml.SafeDumper):
    """Quotes what `read` would take for a number, and writes bodies as blocks."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def _yaml(content: dict[str, Any]) -> str:
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))
