"""A report as a Parquet file: typed columns, and in its metadata what they are."""

import io
import json
from datetime import date
from typing import Any

from mes.errors import Refused
from mes.reports.catalog import Column, Holds
from mes.reports.run import Table


def as_parquet(table: Table) -> bytes:
    """The report with text, 64-bit integers, doubles and dates as columns; nulls where a figure has no denominator.

    The metadata hold ``report``, ``question``, ``parameters`` (JSON), ``run_at`` (ISO 8601, plant time) and, with each
    column, ``title``, ``unit``, ``meaning`` and ``denominator``. Raises `Refused` where pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise Refused(
            "Parquet is written with pyarrow, which is not installed here; install it beside Interposer with"
            " pip install 'pyarrow>=26', or take CSV."
        ) from None
    types = {Holds.TEXT: pa.string(), Holds.COUNT: pa.int64(), Holds.DAY: pa.date32()}
    fields, arrays = [], []
    for n, column in enumerate(table.columns):
        kind = types.get(column.holds, pa.float64())
        fields.append(pa.field(column.name, kind, metadata=column.told()))
        arrays.append(pa.array([_value(column, row[n]) for row in table.rows], kind))
    told = {
        "report": table.report.name,
        "question": table.report.question,
        "parameters": json.dumps(table.parameters, default=str, ensure_ascii=False),
        "run_at": table.at.isoformat(),
    }
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(arrays, pa.schema(fields, metadata=told)), out)
    return out.getvalue()


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    match column.holds:
        case Holds.DAY:
            return date.fromisoformat(value)
        case Holds.NUMBER | Holds.SHARE:
            return float(value)
    return value
