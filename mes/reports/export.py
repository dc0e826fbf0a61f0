"""A report as a table for people, as CSV and as JSON, and all reports as a page of reference."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Literal

import rich.table
from rich.markup import escape
from rich.text import Text

from mes.reports.catalog import EACH, OPERATION, REPORTS, ROUTE, TITLE, Column, Holds, Report
from mes.reports.run import Table

BY = "by"
"""The column that names what a row was asked for by."""

DECIMALS = {"×": 2, "kWh/unit": 4}
"""Places behind the point that people are shown, where one is not enough."""


def as_table(table: Table) -> rich.table.Table:
    """For a terminal: short heads, thousands apart, shares in percent. Columns without any value are left out.

    Where rows are asked for by something and by operation, that something stands once, above its rows.
    """
    shown = table.filled
    names = {column.name for column in shown}
    grouped = {BY, OPERATION.name} <= names and bool(table.rows)
    if grouped:
        shown = [OPERATION, *(column for column in shown if column.name not in (BY, OPERATION.name))]
    out = rich.table.Table(title=table.report.title, caption=table.report.question, title_justify="left")
    for column in shown:
        # a name that is cut in two cannot be searched for; titles may be
        whole = not column.unit and column is not TITLE
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        out.add_column(head(column), justify=justify, overflow="fold", no_wrap=whole)
    above = None
    for row in table.records():
        if grouped and (row[BY], row.get(ROUTE.name)) != above:
            above = (row[BY], row.get(ROUTE.name))
            out.add_section()
            out.add_row(Text(str(row[BY]), "bold"))
        out.add_row(*(escape(cell(column, row[column.name])) for column in shown))
    return out


def head(column: Column) -> str:
    """The head of a column where there is little room, with its unit, unless that is what it counts."""
    units = {Holds.SHARE: " %", Holds.NUMBER: f" {column.unit}"}
    return (column.short or column.title) + units.get(column.holds, "")


def unit_in_words(column: Column, columns: Iterable[Column]) -> str:
    """The unit as it stands with a title; of a share, what it is a share of, by the titles of those columns."""
    if column.holds is Holds.DAY:
        return ""
    if column.holds is not Holds.SHARE:
        return column.unit
    (of,) = (other.title.lower() for other in columns if other.name == column.of)
    return f"% of {of}{EACH if column.of_each else ''}"


def cell(column: Column, value: Any) -> str:
    """A value as people read it; its unit stands in the head of the column."""
    if value is None:
        return "–"
    if column.holds is Holds.SHARE:
        return f"{100 * value:.2f}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return f"{value:.{DECIMALS.get(column.unit, 1)}f}" if isinstance(value, float) else str(value)


def as_csv(table: Table) -> str:
    """Names of columns, then rows; shares as fractions.

    The data are exact: a name that begins with ``=`` stays so, and is a formula to a spreadsheet that opens the file;
    who counts in a spreadsheet takes the workbook, where text is text.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(table.rows)
    return out.getvalue()


def as_json(table: Table) -> str:
    """``report``, ``question``, ``parameters``, ``columns`` with units and meaning, ``rows`` by name of column."""
    return json.dumps(
        {
            "report": table.report.name,
            "question": table.report.question,
            "parameters": table.parameters,
            "columns": [column.told() for column in table.columns],
            "rows": table.records(),
        },
        default=str,
        indent=1,
        ensure_ascii=False,
    )


def reference() -> str:
    """The page of reference on all reports, in Markdown."""
    return "\n".join(["# Reports", "", HEAD, *(_page(report) for report in REPORTS.values())])


HEAD = """\
`mes report NAME` prints one; `--format` csv, json, xlsx or parquet writes it for machines and spreadsheets:
[reports and exports](../how-to/reports.md). Each is one file of SQL in `mes/reports/` that can be pasted into psql. A
share is a fraction of its denominator, 0 to 1; tables show it in percent. *Of* names the column that a figure is a
share of, a ratio to, or a mean over.

This page is made from the catalog: `mes report list --format markdown`.
"""


def _page(report: Report) -> str:
    lines = [f"## {report.title}: `{report.name}`", "", report.question, "", "| parameter | |", "|---|---|"]
    for parameter in report.parameters:
        choices = f" One of {', '.join(parameter.choices)}." if parameter.choices else ""
        default = f" Default: {parameter.default}." if parameter.default else ""
        lines.append(f"| `{parameter.name}` | {parameter.meaning}{choices}{default} |")
    lines += ["", "| column | title | unit | meaning | of |", "|---|---|---|---|---|"]
    lines += [f"| `{c.name}` | {c.title} | {c.unit} | {c.meaning} | {c.denominator} |" for c in report.columns]
    return "\n".join([*lines, ""])
