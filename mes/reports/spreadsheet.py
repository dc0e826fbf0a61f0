"""A report as an Excel workbook: the figures as typed cells, and on a second sheet what they are."""

import io
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import xlsxwriter

from mes.errors import Malformed
from mes.reports.catalog import Holds
from mes.reports.export import unit_in_words
from mes.reports.run import Table

MOST_ROWS = 1_048_575
"""Rows that a sheet can hold below its heads."""

LOOKS = {
    Holds.COUNT: {"num_format": "#,##0"},
    Holds.NUMBER: {"num_format": "#,##0.00####"},
    Holds.SHARE: {"num_format": "0.00%"},
    Holds.DAY: {"num_format": "yyyy-mm-dd"},
}
"""How a cell is shown; what it holds is exact."""


def as_xlsx(table: Table) -> bytes:
    """The report as a workbook that can be counted with.

    Sheet 1: heads with units, counts and figures as numbers, shares as fractions shown in percent, days as dates.
    Sheet 2: report, question, parameters, when it was run, and what each column means. Times are the plant's, in its
    time zone. Text stays text: none of it becomes a formula, a number or a link. Raises `Malformed` where there are
    more rows than a sheet can hold.
    """
    if len(table.rows) > MOST_ROWS:
        raise Malformed(
            f"The report has {len(table.rows)} rows, a sheet holds {MOST_ROWS}; take a shorter period, CSV or Parquet."
        )
    out = io.BytesIO()
    plain_text = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, {"in_memory": True, **plain_text})
    book.set_properties({"title": table.report.title, "created": table.at.replace(tzinfo=None)})
    _figures(book, table)
    _about(book, table)
    book.close()
    return out.getvalue()


def _figures(book: Any, table: Table) -> None:
    sheet = book.add_worksheet(table.report.title)
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    looks = {holds: book.add_format(look) for holds, look in LOOKS.items()}
    for n, column in enumerate(table.columns):
        unit = unit_in_words(column, table.columns)
        sheet.write_string(0, n, f"{column.title} [{unit}]" if unit else column.title, head)
        for m, row in enumerate(table.rows, 1):
            _write(sheet, m, n, _day(row[n]) if column.holds is Holds.DAY else row[n], looks.get(column.holds))
    sheet.autofit(200)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)


def _about(book: Any, table: Table) -> None:
    sheet = book.add_worksheet("About")
    bold, time = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    zone = str(table.at.tzinfo)
    lines: list[Iterable[Any]] = [
        ("Report", table.report.name),
        ("Question", table.report.question),
        ("Run at", table.at, f"plant time, {zone}"),
        (),
        ("Parameter", "Value", "Meaning"),
        *((name, value, meanings(table).get(name, "")) for name, value in table.parameters.items()),
        (),
        ("Column", "Title", "Unit", "Meaning", "Denominator"),
        *((c.name, c.title, unit_in_words(c, table.columns), c.meaning, c.denominator) for c in table.columns),
    ]
    heads = {"Parameter", "Column"}
    for m, line in enumerate(lines):
        cells = tuple(line)
        for n, value in enumerate(cells):
            is_head = n == 0 or cells[0] in heads
            at = value.astimezone(table.at.tzinfo) if isinstance(value, datetime) else value
            _write(sheet, m, n, at, time if isinstance(at, datetime) else bold if is_head else None)
    sheet.autofit(400)


def meanings(table: Table) -> dict[str, str]:
    """What each parameter of a report means."""
    return {parameter.name: parameter.meaning for parameter in table.report.parameters}


def _write(sheet: Any, row: int, column: int, value: Any, look: Any) -> None:
    match value:
        case None:
            return
        case str():
            sheet.write_string(row, column, value, look)
        case bool():
            sheet.write_boolean(row, column, value, look)
        case int() | float():
            sheet.write_number(row, column, value, look)
        case datetime():
            sheet.write_datetime(row, column, value.replace(tzinfo=None), look)
        case date():
            sheet.write_datetime(row, column, value, look)
        case _:
            raise TypeError(f"A cell cannot hold {type(value).__name__}.")


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)
