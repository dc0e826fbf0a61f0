"""The API as OpenAPI, and the same to read: one page that loads nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from mes.people.access import OPEN
from mes.web.pages import page

router = APIRouter(prefix="/api/v1")
Schema = Mapping[str, Any]
JSON = "application/json"


@router.get("/openapi.json", dependencies=[OPEN])
def openapi(request: Request) -> Response:
    """The description of the API, for programs."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", dependencies=[OPEN])
def show(request: Request) -> Response:
    """The description of the API, for people."""
    described = request.app.openapi()
    return page(request, "api.html", "", None, operations=list(_operations(described)), shapes=list(_shapes(described)))


def _operations(described: Schema) -> Iterator[dict[str, Any]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
            answers = (answer.get("content", {}) for code, answer in operation["responses"].items() if code < "300")
            answer = next((content[JSON]["schema"] for content in answers if JSON in content), None)
            yield {
                "name": operation["operationId"], "method": method.upper(), "path": path,
                "says": operation.get("description", ""),
                "takes": [_field(p["name"], p["schema"], p.get("required", False), p.get("description", ""))
                          for p in operation.get("parameters", ())],
                "body": body and _kind(body), "answer": answer and _kind(answer),
            }  # fmt: skip


def _shapes(described: Schema) -> Iterator[dict[str, Any]]:
    for name, schema in sorted(described["components"]["schemas"].items()):
        required = schema.get("required", ())
        fields = [
            _field(n, s, n in required, s.get("description", "")) for n, s in schema.get("properties", {}).items()
        ]
        yield {
            "name": name, "says": schema.get("description", ""), "fields": fields, "values": schema.get("enum", ()),
            "examples": [json.dumps(one, indent=1, ensure_ascii=False) for one in schema.get("examples", ())],
        }  # fmt: skip


def _field(name: str, schema: Schema, required: bool, says: str) -> dict[str, Any]:  # noqa: FBT001
    return {"name": name, "kind": _kind(schema), "required": required, "says": says, "default": schema.get("default")}


def _kind(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")
