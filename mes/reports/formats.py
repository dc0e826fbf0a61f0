"""What a report can be written as: one table, for the command line, the API and the pages alike."""

from collections.abc import Callable
from dataclasses import dataclass

from mes.reports import export, parquet, spreadsheet
from mes.reports.run import Table

ROWS = "X-Row-Count"
"""The header that says how many rows a file over HTTP has."""


@dataclass(frozen=True)
class Format:
    """One format. ``name`` is also the extension of its files; ``binary`` ones are none for a terminal."""

    name: str
    title: str
    media_type: str
    write: Callable[[Table], bytes]
    binary: bool = False


_ALL = (
    Format("csv", "CSV", "text/csv; charset=utf-8", lambda table: export.as_csv(table).encode()),
    Format("json", "JSON", "application/json", lambda table: export.as_json(table).encode()),
    Format(
        "xlsx",
        "Excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        spreadsheet.as_xlsx,
        binary=True,
    ),
    Format("parquet", "Parquet", "application/vnd.apache.parquet", parquet.as_parquet, binary=True),
)
FORMATS = {one.name: one for one in _ALL}
OF_MEDIA_TYPE = {one.media_type.split(";")[0]: one for one in _ALL}


def accepted(accept: str) -> Format:
    """The format that an ``Accept`` header would rather have; JSON where it names none of them."""
    best, found = 0.0, FORMATS["json"]
    for offer in accept.lower().split(","):
        media, *settings = (part.strip() for part in offer.split(";"))
        weight = next((_weight(s.removeprefix("q=")) for s in settings if s.startswith("q=")), 1.0)
        if media in OF_MEDIA_TYPE and weight > best:
            best, found = weight, OF_MEDIA_TYPE[media]
    return found


def _weight(told: str) -> float:
    try:
        return float(told)
    except ValueError:
        return 0.0
