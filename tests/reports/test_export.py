"""Reports as CSV, JSON, table and page of reference; the catalog against the SQL."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mes.cli.output import print_table
from mes.cli.report import brief
from mes.db import Database
from mes.reports import catalog, export
from mes.reports.run import Table, run, sql
from tests.reports.line import Line

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reports.md"


@pytest.fixture
def answer(database: Database, line: Line) -> Table:
    with database.reading() as session:
        return run(session, "yield")


def test_csv_has_names_and_fractions(answer: Table) -> None:
    first = next(csv.DictReader(io.StringIO(export.as_csv(answer))))
    assert (first["operation"], first["in"], first["yield"], first["by"]) == ("module/10", "29", "0.896552", "")


def test_json_tells_its_units_and_denominators(answer: Table) -> None:
    told = json.loads(export.as_json(answer))
    assert told["rows"][0]["yield"] == 0.896552
    assert told["parameters"]["kind"] == "production"
    assert next(c for c in told["columns"] if c["name"] == "yield")["denominator"] == "in"


def test_table_shows_percent_and_leaves_out_what_nobody_asked_for(answer: Table) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(export.as_table(answer))
    shown = console.export_text()
    assert "89.66" in shown
    assert "Yield %" in shown
    assert "By" not in re.split(r"\s+", shown)


@pytest.mark.parametrize("by", ["equipment", "lot"])
def test_what_rows_are_asked_for_by_stands_once_above_them_in_100_columns(
    database: Database, line: Line, by: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.reading() as session:
        table = run(session, "yield", {"by": by})
    long = {"module/": "chip_on_wafer/1", "OV-": "thermo-compression-", "alpha/": "customer/chip_on_wafer-0"}
    table = replace(table, rows=[tuple(lengthened(cell, long) for cell in row) for row in table.rows])
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table(export.as_table(brief(table)))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    named = list(dict.fromkeys(row["by"] for row in table.records()))
    assert [sum(name in line for line in lines) for name in named] == [1] * len(named)
    figures = [[f"{100 * row['yield']:.2f}", f"{100 * row['rolled']:.2f}"] for row in table.records()]
    assert all(any(set(both) <= set(line.split()) for line in lines) for both in figures)


def lengthened(cell: object, words: dict[str, str]) -> object:
    """A cell with names as long as those of a real plant."""
    return (
        next((cell.replace(short, long) for short, long in words.items() if short in cell), cell)
        if isinstance(cell, str)
        else cell
    )


def test_names_stay_whole_in_a_narrow_table(answer: Table) -> None:
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(export.as_table(answer))
    shown = console.export_text().splitlines()
    assert all(any(row["operation"] in line for line in shown) for row in answer.records())
    assert max(map(len, shown)) <= 110


@pytest.mark.parametrize("report", catalog.REPORTS.values(), ids=catalog.REPORTS.keys())
def test_sql_begins_with_its_question_and_takes_its_parameters(report: catalog.Report) -> None:
    text = sql(f"{report.name}.sql")
    assert text.splitlines()[0] == f"-- {report.question}"
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    used = set(re.findall(r"(?<!:):([a-z_]+)", body))
    asked = {parameter.name for parameter in report.parameters if parameter.kind is not catalog.Kind.PERIOD}
    assert used == {"lots", *asked}
    assert used == set(re.findall(r"\\set (\w+)", text))


@pytest.mark.parametrize("report", catalog.REPORTS.values(), ids=catalog.REPORTS.keys())
def test_every_share_and_ratio_names_a_column_as_its_denominator(report: catalog.Report) -> None:
    names = {column.name for column in report.columns}
    ratios = [column for column in report.columns if column.unit in {"share", "×"} or "/" in column.unit]
    assert all(
        column.denominator.split()[0] in names for column in [*ratios, *(c for c in report.columns if c.denominator)]
    )


def test_page_of_reference_is_the_catalog() -> None:
    assert PAGE.read_text() == export.reference()
