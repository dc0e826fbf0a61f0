"""All files of a plant as things, each with the place where it stands, and every mistake of shape."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from mes.plant.part import Part
from mes.plant.problems import Problem, choice
from mes.plant.read import MOST_FILES, At, Document, Unreadable, read_file, yaml_files
from mes.plant.schema import FILES, Route
from mes.plant.shape import own_names, shape_problem, unknown_file, unknown_keys, wrong_section

KINDS = {
    "Site": "site",
    "Area": "area",
    "Customer": "customer",
    "Person": "person",
    "HoldCode": "hold_code",
    "BinReason": "bin_reason",
    "Material": "material",
    "DurableKind": "durable_kind",
    "Certification": "certification",
    "EquipmentClass": "class",
    "Equipment": "equipment",
    "MaintenancePlan": "maintenance_plan",
    "Layout": "layout",
    "Product": "product",
    "SupplyAgreement": "supply_agreement",
    "MapRule": "map_rule",
    "MapDeclaration": "map_declaration",
    "Recipe": "recipe",
    "Route": "route",
    "ReleaseRule": "release_rule",
    "PlannedLot": "lot",
    "LotByHand": "lot_by_hand",
    "PullSample": "act",
    "KeptMaterial": "kept",
    "Taught": "taught",
    "CaredFor": "care",
    "KeptHolders": "kept_holders",
    "HoldRelease": "hold_release",
    "QueueSignature": "queue_signature",
    "SuspectVerdict": "suspect_verdict",
    "PlannedExperiment": "experiment",
    "Review": "review",
    "Ship": "ship",
}
REQUIRED = ("site.yaml", "people.yaml", "equipment.yaml")


@dataclass(frozen=True)
class Entry:
    """A thing and where it stands."""

    part: Any
    document: Document
    at: At

    def problem(self, at: At, code: str, message: str, hint: str, within: int = 0) -> Problem:
        """A mistake at a value of the thing, or in the line ``within`` of a value that is a block of text."""
        return self.document.problem((*self.at, *at), code, message, hint, within)


@dataclass
class Gathered:
    """What the files hold.

    ``broken`` are names of things whose shape is wrong: known, but not to be looked into. ``lost`` are kinds of which
    a file or section could not be read: of these any name may be known.
    """

    entries: dict[str, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in KINDS.values()})
    broken: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS.values()})
    lost: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def parts(self, kind: str) -> list[Any]:
        """The things of one kind, in the order of the text."""
        return [entry.part for entry in self.entries[kind]]

    def known(self, kind: str) -> set[str]:
        """Every name of one kind, also of broken things."""
        return {part.key for part in self.parts(kind)} | self.broken[kind]

    def lacks(self, kind: str, name: str) -> bool:
        """Whether surely nothing of that kind has that name."""
        return kind not in self.lost and name not in self.known(kind)

    def named(self, kind: str) -> dict[str, Any]:
        """Name -> thing."""
        return {part.key: part for part in self.parts(kind)}


def unknown(found: Gathered, entry: Entry, at: At, kind: str, name: str) -> Iterator[Problem]:
    """A mistake, if nothing of ``kind`` has that name."""
    if found.lacks(kind, name):
        message = f"there is no {kind} {name}"
        yield entry.problem(at, f"unknown_{kind}", message, choice(name, found.known(kind)))


def gather(folder: Path) -> Gathered:
    """Read every YAML file below ``folder``. Mistakes are collected, never raised."""
    found = Gathered()
    files = list(yaml_files(folder)) if folder.is_dir() else []
    if len(files) > MOST_FILES:
        message = f"the folder holds more than {MOST_FILES} YAML files"
        found.problems.append(Problem(folder.name, 1, "too_many_files", message, "name the folder of one plant"))
        return found
    for file in REQUIRED:
        if file not in files:
            found.lost |= _kinds(FILES[file])
            message = f"there is no file {file} in {folder.name}"
            found.problems.append(Problem(file, 1, "missing_file", message, "write it"))
    for file in files:
        model = next((model for pattern, model in FILES.items() if fnmatchcase(file, pattern)), None)
        if model is None:
            found.problems.append(unknown_file(file))
        else:
            _add_file(found, folder, file, model)
    return found


def _add_file(found: Gathered, folder: Path, file: str, model: type[Part]) -> None:
    try:
        document = read_file(folder, file)
    except Unreadable as unreadable:
        found.problems.append(unreadable.problem)
        found.lost |= _kinds(model)
        return
    if not isinstance(document.content, dict):
        found.lost |= _kinds(model)
        found.problems.append(wrong_section(document, (), "map"))
    elif model is Route:
        _add(found, document, (), Route)
    else:
        found.problems += unknown_keys(document, model)
        for name, info in model.model_fields.items():
            _add_section(found, document, name, info)


def _add_section(found: Gathered, document: Document, name: str, info: FieldInfo) -> None:
    value, part = document.content.get(name), _part(info)
    if value is None:
        if info.is_required():
            found.lost.add(KINDS[part.__name__])
            message = f"{name} is missing"
            found.problems.append(document.problem((name,), "missing_key", message, f"write {name}: at the margin"))
    elif get_origin(info.annotation) is not list:
        _add(found, document, (name,), part)
    elif isinstance(value, list):
        for index in range(len(value)):
            _add(found, document, (name, index), part)
    else:
        found.lost.add(KINDS[part.__name__])
        found.problems.append(wrong_section(document, (name,), "list"))


def _part(info: FieldInfo) -> type[Part]:
    """What stands in a section of a file, once or in a list."""
    inside: tuple[Any, ...] = (*get_args(info.annotation), info.annotation)
    return cast(type[Part], inside[0])


def _kinds(model: type[Part]) -> set[str]:
    """The kinds of things in a file."""
    return {"route"} if model is Route else {KINDS[_part(info).__name__] for info in model.model_fields.values()}


def _add(found: Gathered, document: Document, at: At, model: type[BaseModel]) -> None:
    value = document.content
    for step in at:
        value = value[step]
    kind = KINDS[model.__name__]
    try:
        part = model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        found.problems += [shape_problem(document, at, model, mistake) for mistake in error.errors(include_url=False)]
        found.broken[kind] |= own_names(value)
    else:
        found.entries[kind].append(Entry(part, document, at))
