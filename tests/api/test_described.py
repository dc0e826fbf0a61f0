"""The description of the API: every operation named, with examples that are true to their shapes, and every refusal."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy.engine import make_url

from mes.app import create_app
from mes.db import Database

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
NO_EXAMPLE = {"reports_list", "reports_show", "units_genealogy", "units_destinations"}
"""Answers of which `docs/reference/reports.md` and a nested trace tell more than an example."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(Database(make_url(NOWHERE))).openapi()


def operations(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in described["paths"].values():
        yield from methods.values()


def shape(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema refers to; of a list or a page, one of its items."""
    if "$ref" in schema:
        return shape(described, described["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "items" in schema.get("properties", {}):
        return shape(described, schema["properties"]["items"]["items"])
    return shape(described, schema["items"]) if schema.get("type") == "array" else schema


def models(of: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for model in of.__subclasses__():
        yield from (model, *models(model))


def test_operations_are_named_once_by_what_they_do(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(described)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)
    assert {"lots_list", "lots_show", "lots_create", "lots_track_in", "jobs_records", "reports_show"} <= set(names)


def test_every_body_and_every_answer_has_an_example(described: dict[str, Any]) -> None:
    missing = []
    for operation in operations(described):
        answers = [answer for status, answer in operation["responses"].items() if status < "300"]
        for told in [operation.get("requestBody", {}), *answers]:
            schema = told.get("content", {}).get("application/json", {}).get("schema")
            if schema is not None and "examples" not in shape(described, schema):
                missing.append(operation["operationId"])
    assert set(missing) == NO_EXAMPLE


def test_examples_are_true_to_their_shapes(described: dict[str, Any]) -> None:
    shown = [model for model in models() if isinstance(model.model_config.get("json_schema_extra"), dict)]
    assert len(shown) > 30
    for model in shown:
        for example in model.model_config["json_schema_extra"]["examples"]:  # type: ignore[index, union-attr]
            model.model_validate(example, extra="forbid")


def test_every_refusal_is_declared_as_a_problem(described: dict[str, Any]) -> None:
    for operation in operations(described):
        refused = {int(status): answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {401, 403, 404, 422, 503} <= set(refused)
        if "lots_" in operation["operationId"] and "requestBody" in operation:
            assert {400, 409, 413} <= set(refused)
        for answer in refused.values():
            assert list(answer["content"]) == ["application/problem+json"]
    assert 412 in map(int, described["paths"]["/api/v1/lots/{lot}/hold"]["post"]["responses"])
    assert described["components"]["schemas"]["ToldProblem"]["examples"]
