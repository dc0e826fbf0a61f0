"""Workbooks and Parquet files, read back and compared with the JSON value by value."""

import io
import json
import sys
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from openpyxl import Workbook, load_workbook

from mes.db import Database
from mes.errors import Malformed, Refused
from mes.reports import spreadsheet
from mes.reports.catalog import REPORTS
from mes.reports.formats import FORMATS, accepted
from mes.reports.run import Table, run
from tests.reports.line import Line

ASKED = [(name, by) for name in REPORTS for by in ("", "lot") if not by or name not in ("wip", "throughput")]


def answer(database: Database, name: str, by: str = "") -> Table:
    with database.reading() as session:
        return run(session, name, {"by": by, "kind": "all"} if by else {"kind": "all"})


def told(table: Table) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FORMATS["json"].write(table))
    return found


def workbook(table: Table) -> Workbook:
    return load_workbook(io.BytesIO(FORMATS["xlsx"].write(table)))


def stored(table: Table) -> pa.Table:
    return pyarrow.parquet.read_table(io.BytesIO(FORMATS["parquet"].write(table)))


def as_json(value: object) -> object:
    """A cell as JSON has it."""
    return value.isoformat()[:10] if isinstance(value, date | datetime) else value


@pytest.mark.parametrize(("name", "by"), ASKED)
def test_workbook_and_parquet_hold_what_the_json_holds(database: Database, line: Line, name: str, by: str) -> None:
    table = answer(database, name, by)
    rows = told(table)["rows"]
    assert rows
    _, *cells = workbook(table).worksheets[0].iter_rows(values_only=True)
    assert [[as_json(value) for value in row] for row in cells] == [list(row.values()) for row in rows]
    assert [{k: as_json(v) for k, v in row.items()} for row in stored(table).to_pylist()] == rows


def test_cells_of_a_workbook_are_typed_and_their_heads_have_units(database: Database, line: Line) -> None:
    yields = workbook(answer(database, "yield")).worksheets[0]
    heads = {str(cell.value): cell.column_letter for cell in yields[1]}
    assert yields[f"{heads['Operation yield [% of in]']}2"].number_format == "0.00%"
    assert yields[f"{heads['In [units]']}2"].data_type == "n"
    assert "Rolled throughput yield [% of in at first pass of each operation]" in heads
    day = workbook(answer(database, "throughput")).worksheets[0]["A2"]
    assert (day.is_date, day.value) == (True, datetime(2026, 11, 1))  # noqa: DTZ001  # a day has no zone


def test_second_sheet_says_what_the_figures_are(database: Database, line: Line) -> None:
    with database.reading() as session:
        table = run(session, "yield", {"from": "2026-11-02", "to": "2026-11-03T08:30+09:00"})
    sheet = workbook(table).worksheets[1]
    lines = {row[0]: row[1:] for row in sheet.iter_rows(values_only=True)}
    assert lines["Report"][0] == "yield"
    assert lines["Question"][0] == REPORTS["yield"].question
    assert lines["from"][0] == datetime(2026, 11, 2)  # noqa: DTZ001  # Excel knows no zones; these are the plant's
    assert lines["to"][0] == datetime(2026, 11, 3, 8, 30)  # noqa: DTZ001
    assert lines["Run at"][:2] == (
        table.at.replace(tzinfo=None, microsecond=lines["Run at"][0].microsecond),
        "plant time, Asia/Seoul",
    )
    assert lines["kind"][0] == "production"
    assert lines["yield"] == ("Operation yield", "% of in", "Good out of the operation.", "in")


def test_text_of_others_is_text_in_a_workbook(database: Database, line: Line) -> None:
    odd = ["=1+1", "@SUM(A1)", "+8", "-8", "007", "http://evil.example", "=HYPERLINK(1)"]
    with database.transaction() as session:
        for lot, name in zip(line.lots.values(), odd, strict=False):
            session.merge(lot).name = name
        for customer, name in zip(line.customers.values(), ("=cmd|' /C calc'!A0", "{=1}"), strict=True):
            session.merge(customer).name = name
    sheet = workbook(answer(database, "yield", "lot")).worksheets[0]
    text = [cell for row in sheet.iter_rows(min_row=2) for cell in row if isinstance(cell.value, str)]
    assert any(str(cell.value).startswith("=cmd") for cell in text)
    assert {cell.data_type for cell in text} == {"s"}
    assert not any(cell.hyperlink for cell in text)


def test_more_rows_than_a_sheet_holds_are_refused(
    database: Database, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 2)
    with pytest.raises(Malformed, match="has 3 rows, a sheet holds 2; take a shorter period, CSV or Parquet"):
        FORMATS["xlsx"].write(answer(database, "yield"))


def test_parquet_is_typed_and_tells_its_units(database: Database, line: Line) -> None:
    schema = stored(answer(database, "yield")).schema
    assert (schema.field("in").type, schema.field("yield").type) == (pa.int64(), pa.float64())
    assert stored(answer(database, "throughput")).schema.field("day").type == pa.date32()
    assert schema.field("yield").metadata[b"denominator"] == b"in"
    assert schema.metadata[b"report"] == b"yield"
    assert json.loads(schema.metadata[b"parameters"])["kind"] == "all"
    assert datetime.fromisoformat(schema.metadata[b"run_at"].decode()).utcoffset() is not None


def test_without_pyarrow_one_is_told_what_to_install(
    database: Database, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = answer(database, "yield")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refused, match=r"pip install 'pyarrow>=26', or take CSV"):
        FORMATS["parquet"].write(table)
    assert FORMATS["xlsx"].write(table)


@pytest.mark.parametrize("name", REPORTS)
def test_report_without_rows_is_a_file_with_heads(database: Database, name: str) -> None:
    table = answer(database, name)
    assert [len(list(workbook(table).worksheets[0].iter_rows())), stored(table).num_rows] == [1, 0]
    assert stored(table).column_names == [column.name for column in table.columns]


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("text/html, application/json;q=0.4, text/csv; q=0.5", "csv"),
        ("application/vnd.apache.parquet;q=0, application/json", "json"),
        ("application/vnd.apache.parquet;q=nan, text/csv;q=much", "json"),
        ("APPLICATION/VND.OPENXMLFORMATS-OFFICEDOCUMENT.SPREADSHEETML.SHEET", "xlsx"),
    ],
)
def test_accept_chooses_a_format(accept: str, format: str) -> None:  # noqa: A002
    assert accepted(accept).name == format
