"""The energy of a good unit: by hand, against the yield report and the summary, and where no equipment can draw it."""

import math

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from mes.db import Database
from mes.reports.run import run
from mes.reports.summary import energy_kwh_per_good_unit
from tests.reports.line import Line

REPORTED = text(
    "update run_substrate set energy_kwh = :e where (run_id, substrate_id) in"
    " (select run_id, substrate_id from run_substrate order by run_id, substrate_id limit 2)"
)
FIGURES = ("energy_kwh", "good", "kwh_per_good", "finished", "kwh_per_finished")


def figures(database: Database, **given: str) -> list[tuple[object, ...]]:
    with database.reading() as session:
        found = run(session, "energy", given).records()
    return [(row["by"] or row["operation"] or row["route"], *(row[name] for name in FIGURES)) for row in found]


@pytest.mark.parametrize("energy_kwh", [math.nan, math.inf, -math.inf, -5.0])
def test_energy_that_is_none_is_not_stored(database: Database, line: Line, energy_kwh: float) -> None:
    with pytest.raises(IntegrityError, match="ck_run_substrate_energy"), database.transaction() as session:
        session.execute(REPORTED, {"e": energy_kwh})


def test_energy_that_nobody_knows_is_left_out(database: Database, line: Line) -> None:
    with database.transaction() as session:
        session.execute(REPORTED, {"e": None})
    with database.reading() as session:
        assert energy_kwh_per_good_unit(session) == 0.75  # (14 - 2) × 0.5 kWh / 8
        (row,) = run(session, "energy").records()
    assert (row["energy_kwh"], row["unmeasured"]) == (4.0, 2)


def test_where_nothing_was_measured_no_energy_is_told(database: Database, line: Line) -> None:
    with database.transaction() as session:
        session.execute(text("update run_substrate set energy_kwh = null"))
    with database.reading() as session:
        (row,) = run(session, "energy").records()
    assert [row[name] for name in FIGURES] == [None, 7, None, 8, None]
    assert row["unmeasured"] == 10


def test_energy_of_a_route_is_over_the_good_units_of_its_last_operation(database: Database, line: Line) -> None:
    """Ten results of production lots ended; seven units came out of operation 30, C1 was finished with eight."""
    assert figures(database) == [("module", 5.0, 7, 0.714286, 8, 0.625)]
    assert figures(database, **{"from": "2026-11-02", "to": "2026-11-03"})[0] == ("module", 3.0, 7, 0.428571, 8, 0.375)


def test_energy_of_an_operation_and_of_an_equipment(database: Database, line: Line) -> None:
    assert figures(database, by="operation") == [
        ("module/10", 1.5, 26, 0.057692, 8, 0.625),
        ("module/20", 3.0, 16, 0.1875, 8, 0.625),
        ("module/30", 0.5, 7, 0.071429, 8, 0.625),
    ]
    assert [row[:4] for row in figures(database, by="equipment")] == [
        ("OV-1", 1.5, 26, 0.057692),
        ("OV-1", 1.5, 11, 0.136364),
        ("OV-1", 0.5, 7, 0.071429),
        ("OV-2", 1.5, 5, 0.3),
    ]


@pytest.mark.parametrize("given", [{}, {"kind": "all"}, {"from": "2026-11-02", "to": "2026-11-03"}])
def test_good_units_are_those_of_the_yield_report(database: Database, line: Line, given: dict[str, str]) -> None:
    with database.reading() as session:
        yields = {r["operation"]: r["good"] for r in run(session, "yield", given).records()}
        energy = {r["operation"]: r["good"] for r in run(session, "energy", {**given, "by": "operation"}).records()}
    assert yields == energy != {}


@pytest.mark.parametrize("by", ["", "operation", "equipment", "product", "lot", "day"])
def test_energy_of_all_rows_over_finished_units_is_the_figure_of_the_summary(
    database: Database, line: Line, by: str
) -> None:
    with database.reading() as session:
        rows = run(session, "energy", {"kind": "all", "by": by}).records()
        told = energy_kwh_per_good_unit(session)
    assert {row["kwh_per_finished"] for row in rows} == {sum(row["energy_kwh"] for row in rows) / rows[0]["finished"]}
    # work that has not ended has no energy yet; the three of F1 in the fixture say that it has
    with database.transaction() as session:
        session.execute(text("update run_substrate set energy_kwh = 0 where ended_at is null"))
    with database.reading() as session:
        assert {row["kwh_per_finished"] for row in rows} == {energy_kwh_per_good_unit(session)} != {told}
