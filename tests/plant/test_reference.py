"""The reference page names every key of every file."""

from pathlib import Path
from typing import Any

from mes.plant import json_schemas

PAGE = Path(__file__).parents[2] / "docs/reference/plant-files.md"


def keys(schema: Any) -> set[str]:
    """Every key of a JSON Schema, at every depth."""
    if isinstance(schema, list):
        return {key for inner in schema for key in keys(inner)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})) | {key for inner in schema.values() for key in keys(inner)}


def test_every_key_is_in_the_reference() -> None:
    for pattern, schema in json_schemas().items():
        section = PAGE.read_text().partition(f"\n## {pattern}\n")[2].partition("\n## ")[0]
        assert {key for key in keys(schema) if f"`{key}`" not in section} == set(), pattern
