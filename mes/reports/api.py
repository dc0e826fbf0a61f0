"""Reports over HTTP: the catalog, and each report in every format."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from mes.errors import Malformed
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.reports.catalog import REPORTS
from mes.reports.formats import FORMATS, OF_MEDIA_TYPE, ROWS, accepted
from mes.reports.run import run

router = APIRouter(prefix="/reports", tags=["reports"], dependencies=[require(Permission.SEE_REPORTS)])


FORMAT, COUNTED = "format", "How many rows there are, in whichever format."
Named = StrEnum("Named", {name.upper(): name for name in FORMATS})  # type: ignore[misc]  # the names of the table
WRITTEN = {
    media_type: {"schema": {"type": "string", **({"format": "binary"} if one.binary else {})}}
    for media_type, one in OF_MEDIA_TYPE.items()
    if one.name != "json"
}


def _asked() -> list[dict[str, Any]]:
    """Every parameter that some report takes, as OpenAPI has it; the reports differ in what they take."""
    found: dict[str, dict[str, Any]] = {}
    for parameter in (parameter for report in REPORTS.values() for parameter in report.parameters):
        told = f"{parameter.meaning} Default: {parameter.default}." if parameter.default else parameter.meaning
        one = found.setdefault(parameter.name, {"in": "query", "description": told, "schema": {"type": "string"}})
        if parameter.choices:
            one["schema"]["enum"] = list(dict.fromkeys([*one["schema"].get("enum", ()), *parameter.choices]))
    return [{"name": name, "required": False, **one} for name, one in found.items()]


class TakenParameter(BaseModel):
    """A parameter of a report, given in the query."""

    name: str
    meaning: str
    choices: list[str]
    default: str | None


class GivenColumn(BaseModel):
    """A column of a report. A share is a fraction of its denominator, 0 to 1."""

    name: str
    title: str
    unit: str
    meaning: str
    denominator: str


class ReportLook(BaseModel):
    """A report of the catalog."""

    report: str
    title: str
    question: str
    parameters: list[TakenParameter]
    columns: list[GivenColumn]


class ReportAnswer(BaseModel):
    """What a report answered: with which parameters, and rows by the names of its columns."""

    report: str
    question: str
    parameters: dict[str, str | None]
    columns: list[GivenColumn]
    rows: list[dict[str, str | int | float | bool | None]]


@router.get("", response_model=list[ReportLook])
def list_reports() -> Any:
    """Every report: the question it answers, what it takes, and what its columns mean."""
    return [
        {
            "report": report.name,
            "title": report.title,
            "question": report.question,
            "parameters": [
                {"name": p.name, "meaning": p.meaning, "choices": list(p.choices), "default": p.default}
                for p in report.parameters
            ],
            "columns": [column.told() for column in report.columns],
        }
        for report in REPORTS.values()
    ]


@router.get(
    "/{name}",
    response_model=ReportAnswer,
    responses={200: {"content": WRITTEN, "headers": {ROWS: {"description": COUNTED, "schema": {"type": "integer"}}}}},
    openapi_extra={"parameters": _asked()},
)
def answer(
    session: Tx, request: Request, name: Name,
    format: Annotated[Named | None, Query(description="What it is written as, instead of Accept.")] = None,  # noqa: A002
    accept: Annotated[str, Header()] = "",
) -> Any:  # fmt: skip
    """The answer of a report, on a customer's own lots or on all for the centre's people.

    `format` or `Accept` chooses what it is written as: JSON if neither does, CSV, an Excel workbook or Parquet. Which
    of the other parameters a report takes, the list of reports tells; one that it does not take is refused.
    """
    given = {key: value for key, value in request.query_params.items() if key != FORMAT}
    empty = [key for key, value in given.items() if not value]
    if empty:
        raise Malformed(f"{empty[0]} is empty; give a value, or leave it out.")
    written = FORMATS[format] if format else accepted(accept)
    table = run(session, name, given)
    return Response(written.write(table), media_type=written.media_type, headers={ROWS: str(len(table.rows))})
