"""`mes report`: figures as a table, or written for machines and spreadsheets."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from mes.cli.database import reading
from mes.cli.output import Json, print_json, print_table, show
from mes.cli.remote import Server, server
from mes.errors import Refused
from mes.reports import export
from mes.reports.catalog import PERIOD, REPORTS, Report
from mes.reports.days import days
from mes.reports.formats import FORMATS, ROWS, Format
from mes.reports.period import Period
from mes.reports.run import Table, run


class Output(StrEnum):
    """What a report is printed or written as; ``markdown`` is for the list alone."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"
    PARQUET = "parquet"
    MARKDOWN = "markdown"


IN_FULL = {"route", "first_in", "first_good", "recovered", "rolled_over", "unmeasured"}
"""Columns that tables for people leave out: a person finds them in those beside them, or asks for CSV."""


def report(
    name: Annotated[str, typer.Argument(help="list, or the name of a report.")],
    *,
    begin: Annotated[str | None, typer.Option("--from", help="Begin of the period, a day or a time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the period, outside it.")] = None,
    period: Annotated[Period | None, typer.Option(help="Instead of --from and --to.")] = None,
    by: Annotated[str | None, typer.Option(help="A row for each equipment, lot, product, day, …")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of lots; production if not given, or all.")] = None,
    at: Annotated[str | None, typer.Option(help="Moment up to which waiting is counted.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Where days begin, e.g. Asia/Seoul.")] = None,
    wanted: Annotated[Output | None, typer.Option("--format", help="markdown is for the list alone.")] = None,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file, in the format of its extension.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Figures of the line. Times without a zone are the plant's.

    Example: mes report yield --period last_week --by equipment -o yield.xlsx
    """
    output = Output.JSON if as_json else wanted or _of_file(file)
    if name == "list":
        _list(output)
        return
    if output is Output.MARKDOWN:
        raise typer.BadParameter("markdown is for mes report list", param_hint="--format")
    if output not in FORMATS and file is not None:
        raise typer.BadParameter(f"a file is one of {', '.join(FORMATS)}", param_hint="--format")
    if output in FORMATS and FORMATS[output].binary and file is None and sys.stdout.isatty():
        raise typer.BadParameter(f"{output} is not for a terminal; name a file with -o FILE", param_hint="--format")
    asked = {"from": begin, "to": end, "period": period, "by": by, "kind": kind, "at": at, "time_zone": time_zone}
    if there := server():
        _ask(there, name, asked, output, file)
        return
    table, held = _run(name, {key: value for key, value in asked.items() if value is not None})
    if output is Output.TABLE:
        print_table(export.as_table(brief(table)))
    else:
        _write(FORMATS[output], FORMATS[output].write(table), file)
    _say_rows(table.report, len(table.rows), file, held)


def _run(name: str, asked: dict[str, str]) -> tuple[Table, list[date]]:
    """What a report answers; if that is no row, with the days on which it has any."""
    with reading() as session:
        table = run(session, name, asked)
        held = [] if table.rows else days(table.report, asked, lambda other: run(session, name, other).records())
        return table, held


def _ask(there: Server, name: str, asked: dict[str, str | None], output: Output, file: Path | None) -> None:
    """Print or write what a server answers; a table is made here of what it gives to machines."""
    query = {**asked, "format": "json" if output is Output.TABLE else output}
    answer = there.sent("GET", ("reports", name), query)
    report = REPORTS.get(name)
    if output is not Output.TABLE:
        _write(FORMATS[output], answer.content, file)
    else:
        print_table(export.as_table(brief(_table(there, report, there.read(answer.content, dict)))))
    if report is not None and (rows := answer.headers.get(ROWS, "")).isdecimal():
        held = [] if int(rows) else days(report, asked, partial(_records, there, name))
        _say_rows(report, int(rows), file, held)


def _records(there: Server, name: str, asked: dict[str, str | None]) -> list[dict[str, object]]:
    """The rows of a report by names of columns, as a server answers."""
    written = there.fetch("reports", name, query={**asked, "format": "json"})
    return list(there.read(written, dict)["rows"])


def _table(there: Server, report: Report | None, told: dict[str, Any]) -> Table:
    if report is None or [column["name"] for column in told["columns"]] != [column.name for column in report.columns]:
        raise Refused(f"{there.address} is of another release and has another report; ask for --format csv.")
    return Table(report, told["parameters"], [tuple(row.values()) for row in told["rows"]], datetime.now(UTC))


def _of_file(file: Path | None) -> Output:
    """The format of a file by its extension; a table where none is named."""
    if file is None:
        return Output.TABLE
    extension = file.suffix.removeprefix(".").lower()
    if extension not in FORMATS:
        raise typer.BadParameter(f"say which with --format: {', '.join(FORMATS)}", param_hint="--output")
    return Output(extension)


def _write(format: Format, written: bytes, file: Path | None) -> None:  # noqa: A002
    if file is not None:
        file.write_bytes(written)
    else:
        typer.echo(written, nl=not (format.binary or written.endswith(b"\n")))


def _say_rows(report: Report, rows: int, file: Path | None, held: Sequence[date]) -> None:
    """Say how many rows were written where; and of none, from which day on there are any."""
    counted = f"{rows} row{'' if rows == 1 else 's'}"
    where = f" written to {file}" if file is not None else ""
    if rows:
        said = f"{counted}{where}." if where else ""
    elif held:
        said = f"{counted}{where}: nothing fell into that period; data begin {held[0]}, the last are of {held[-1]}."
    elif PERIOD in report.parameters:
        said = f"{counted}{where}: nothing of what was asked for has happened yet."
    else:
        said = f"{counted}{where}: nothing of what was asked for is on the line."
    if said:
        typer.echo(said, err=True)


def brief(answer: Table) -> Table:
    """The report in columns that fit a terminal. The route stays where a row names no operation."""
    names = [column.name for column in answer.columns]
    left_out = IN_FULL if all(row["operation"] for row in answer.records()) else IN_FULL - {"route"}
    kept = [n for n, name in enumerate(names) if name not in left_out]
    columns = tuple(answer.columns[n] for n in kept)
    rows = [tuple(row[n] for n in kept) for row in answer.rows]
    return replace(answer, report=replace(answer.report, columns=columns), rows=rows)


def _list(output: Output) -> None:
    if output is Output.MARKDOWN:
        typer.echo(export.reference(), nl=False)
        return
    listed = [
        {"name": r.name, "question": r.question, "parameters": [p.name for p in r.parameters]} for r in REPORTS.values()
    ]
    if output is Output.JSON:
        print_json(listed)
    elif output is Output.TABLE:
        show(listed, as_json=False)
    else:
        raise typer.BadParameter("the list is a table, json or markdown", param_hint="--format")
