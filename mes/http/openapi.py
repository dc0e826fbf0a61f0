"""The description of the API: what FastAPI makes of the routes, and what all of them have in common.

Every status that a route may answer is declared, every refusal as a `ToldProblem`; operations are named by what they
do, not by our functions; and it says how to sign in.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from mes.http.command import HEADER, LONGEST
from mes.http.guard import COOKIE
from mes.http.shapes import ToldReason, example

JSON = "application/problem+json"
ROOT = "/api/v1/"
Schema = dict[str, Any]

ALWAYS = {401: "not signed in", 403: "not allowed", 404: "not there, or not yours", 422: "malformed",
          503: "the database is away, or crowded"}  # fmt: skip
OF_COMMANDS = {400: "no whole request", 409: "refused by a rule, or a race", 413: "too large"}
STALE = {412: "changed since it was seen"}
"""What a status means; each is declared where it may come."""


class ToldProblem(BaseModel):
    """Why something was not done (RFC 9457)."""

    model_config = example(
        type="about:blank", title="Conflict", status=409, detail="Lot D1 may not start on CELL-1; see the reasons.",
        code="start_refused",
        reasons=[{"code": "held", "message": "Lot D1 is held (bump height).", "who": "process_engineer"}],
    )  # fmt: skip

    type: str
    title: str
    status: int
    detail: str = Field(description="What is so, and what to do.")
    code: str = Field(description="Stable; for programs.")
    reasons: list[ToldReason] = Field(description="Every reason, and who can clear it.")


class Application(FastAPI):
    """An application that describes its API in full."""

    def openapi(self) -> Schema:
        """The description, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """The name of an operation, of the words of its path: `lots_list`, `lots_show`, `lots_track_in`."""
    path = route.path_format.removeprefix(ROOT).strip("/")
    words = [word.replace("-", "_") for word in path.split("/") if not word.startswith("{")]
    reads, on_one = "GET" in (route.methods or ()), path.endswith("}")
    if on_one or len(words) == 1:
        words.append("create" if not reads else "show" if on_one else "list")
    return "_".join(words)


def _completed(described: Schema) -> Schema:
    schemas = described["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ToldProblem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {"ToldProblem": problem, **problem.pop("$defs")}
    described["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of `mes key create`."},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of a browser that signed in."},
    }
    described["security"] = [{"key": []}, {"session": []}]
    for path, method, operation in _operations(described):
        _complete(operation, command=method == "post" and not path.endswith("/session"), reads=method == "get")
    return described


def _operations(described: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in described["paths"].items():
        yield from ((path, method, operation) for method, operation in methods.items())


def _complete(operation: Schema, *, command: bool, reads: bool) -> None:
    """Commands take a key; signing in and out does not."""
    takes = operation.setdefault("parameters", [])
    refused = dict(ALWAYS) if reads else ALWAYS | OF_COMMANDS
    if command:
        takes.append(KEY)
    if any(one["name"] == "if-match" for one in takes):
        refused |= STALE
    answers = operation["responses"]
    for status, meaning in refused.items():
        answers[str(status)] = {"description": f"{meaning[0].upper()}{meaning[1:]}."}
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = {JSON: {"schema": {"$ref": "#/components/schemas/ToldProblem"}}}


KEY: Schema = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A key of your own for this command: sent again with it, the command takes effect once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[ -~]+$"},
}
