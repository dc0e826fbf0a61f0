"""Mistakes of shape in the words of the file: what stands there, and what would be right."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from mes.plant.part import NAME
from mes.plant.problems import Problem, choice
from mes.plant.read import At, Document
from mes.plant.schema import FILES

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}


def unknown_file(file: str) -> Problem:
    """A YAML file whose name says nothing to us."""
    return Problem(file, 1, "unknown_file", "no such file belongs to a plant", choice(file, FILES))


def unknown_keys(document: Document, model: type[BaseModel]) -> Iterator[Problem]:
    """Keys at the top of a file that it does not have."""
    for key in document.content:
        if key not in model.model_fields:
            yield document.problem((key,), "unknown_key", f"there is no key {key}", choice(key, model.model_fields))


def wrong_section(document: Document, at: At, wanted: str) -> Problem:
    """A section, or a whole file, that is no list or map."""
    what = str(at[-1]) if at else "the file"
    return document.problem(at, "wrong_type", f"{what} is not a {wanted}", f"write a {wanted}")


def own_names(value: Any) -> set[str]:
    """The name of a thing whose shape is wrong, as far as it can be told."""
    if not isinstance(value, dict):
        return set()
    name, version = value.get("name", value.get("route")), value.get("version")
    return {str(name), f"{name}@{version}"} if name is not None else set()


def shape_problem(document: Document, at: At, model: type[BaseModel], mistake: Any) -> Problem:
    """One mistake that the model of a thing found."""
    inside = tuple(str(step) if isinstance(step, str) else step for step in mistake["loc"] if step != "[key]")
    where: At = (*at, *inside)
    key = str(inside[-1]) if inside else "this"
    kind, given = mistake["type"], mistake.get("input")
    if kind == "missing":
        return document.problem(where, "missing_key", f"{key} is missing", f"add {key}:")
    if kind == "extra_forbidden":
        return document.problem(where, "unknown_key", f"there is no key {key}", choice(key, _keys(model, inside[:-1])))
    if kind in _WANTED:
        return document.problem(where, "wrong_type", f"{key} is {_said(given)}", f"write {_WANTED[kind]}")
    if kind in {"enum", "literal_error"}:
        options = re.findall(r"'([^']*)'", mistake["ctx"]["expected"])
        return document.problem(where, "wrong_value", f"{key} is {_said(given)}", choice(str(given), options))
    return document.problem(where, "wrong_value", f"{key} is {_said(given)}", _rule(mistake))


def _said(given: Any) -> str:
    words: dict[type, str] = {dict: "a map", list: "a list", bool: str(given).lower(), type(None): "empty"}
    return words.get(type(given), repr(given)[:60])


def _rule(mistake: Any) -> str:
    if mistake["type"] == "string_pattern_mismatch" and mistake["ctx"]["pattern"] == NAME:
        return "begin with a letter or digit, go on with letters, digits, _ . - up to 64"
    if mistake["type"] == "string_pattern_mismatch" and "@" in mistake["ctx"]["pattern"]:
        return "write name@version"
    said = str(mistake["msg"]).removeprefix("Input ").removeprefix("should ")
    return f"it should {said}" if said else "correct it"


def _keys(model: type[BaseModel], inside: At) -> list[str]:
    """The keys of the model that stands at ``inside``."""
    here: Any = model
    for step in inside:
        if isinstance(step, int):
            continue
        field = next((f for n, f in here.model_fields.items() if step in (n, f.alias)), None)
        nested = _model_in(field.annotation) if field is not None else None
        if nested is None:
            return []
        here = nested
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg)) is not None), None)
