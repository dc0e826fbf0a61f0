"""Figures of the reports against figures worked out by hand on the line of conftest.py."""

import pytest
from sqlalchemy import text

from mes.db import Database, as_customer
from mes.errors import Malformed, NotAllowed, NotFound
from mes.reports.catalog import REPORTS
from mes.reports.run import run
from mes.reports.summary import energy_kwh_per_good_unit, summary
from tests.reports.line import Line

SECOND = {"from": "2026-11-02", "to": "2026-11-03"}


def rows(database: Database, name: str, *columns: str, **given: str) -> list[tuple[object, ...]]:
    with database.reading() as session:
        return [tuple(record[c] for c in columns) for record in run(session, name, given).records()]


YIELD = ("operation", "in", "good", "failed", "yield", "first_in", "first_good", "first_pass", "recovered")


def test_yield_from_the_beginning(database: Database, line: Line) -> None:
    assert rows(database, "yield", *YIELD) == [
        ("module/10", 29, 26, 3, 0.896552, 29, 26, 0.896552, 0),
        ("module/20", 19, 16, 3, 0.842105, 19, 14, 0.736842, 2),
        ("module/30", 7, 7, 0, 1.0, 7, 7, 1.0, 0),
    ]


def test_suspect_units_are_in_no_other_figure(database: Database, line: Line) -> None:
    suspect = [("module/10", 1), ("module/20", 0), ("module/30", 0)]
    assert rows(database, "yield", "operation", "suspect") == suspect


def test_rolled_throughput_yield_is_the_product_of_the_first_passes(database: Database, line: Line) -> None:
    assert rows(database, "yield", "rolled", "rolled_over") == [(0.660617, "3/3")] * 3  # 26/29 × 14/19 × 1


def test_visit_counts_in_the_day_in_which_it_ended(database: Database, line: Line) -> None:
    """On the second, in Seoul: the four units of A1.2 before its job stopped belong to the third."""
    assert rows(database, "yield", *YIELD, **SECOND) == [
        ("module/10", 10, 10, 0, 1.0, 10, 10, 1.0, 0),
        ("module/20", 9, 7, 2, 0.777778, 9, 6, 0.666667, 1),
        ("module/30", 7, 7, 0, 1.0, 7, 7, 1.0, 0),
    ]


def test_visit_that_has_not_ended_is_no_loss_and_no_input(database: Database, line: Line) -> None:
    lots = rows(database, "yield", "operation", "by", "in", by="lot")
    assert ("module/10", "beta/B1", 9) in lots
    assert ("module/20", "beta/B1", 3) not in lots
    assert [lot for lot in lots if lot[0] == "module/20"] == [("module/20", "alpha/A1", 19)]


def test_yield_by_equipment_splits_a_visit_that_two_equipment_shared(database: Database, line: Line) -> None:
    assert rows(database, "yield", "by", "operation", "in", "good", by="equipment") == [
        ("OV-1", "module/10", 29, 26),
        ("OV-1", "module/20", 13, 11),
        ("OV-1", "module/30", 7, 7),
        ("OV-2", "module/20", 6, 5),
    ]


def test_yield_by_day_and_of_every_kind(database: Database, line: Line) -> None:
    assert rows(database, "yield", "by", "operation", "in", "good", by="day", kind="all") == [
        ("2026-11-01", "module/10", 29, 16),
        ("2026-11-02", "module/10", 10, 10),
        ("2026-11-02", "module/20", 9, 7),
        ("2026-11-02", "module/30", 7, 7),
        ("2026-11-03", "module/20", 10, 9),
    ]


def test_engineering_lots_are_asked_for_by_name_and_a_route_of_nothing_good_yields_nothing(
    database: Database, line: Line
) -> None:
    columns = ("operation", "in", "good", "yield", "rolled", "rolled_over")
    assert rows(database, "yield", *columns, kind="engineering") == [("module/10", 10, 0, 0.0, 0.0, "1/3")]


def test_throughput_by_plant_day(database: Database, line: Line) -> None:
    columns = ("day", "operation", "substrates", "units", "lots_ended")
    assert rows(database, "throughput", *columns) == [
        ("2026-11-01", "module/10", 2, 16, None),
        ("2026-11-02", "module/10", 1, 10, None),
        ("2026-11-02", "module/20", 2, 7, None),
        ("2026-11-02", "module/30", 1, 7, None),
        ("2026-11-02", None, None, None, 1),
        ("2026-11-03", "module/20", 2, 9, None),
        ("2026-11-03", None, None, None, 1),
    ]
    assert rows(database, "throughput", *columns, **SECOND) == [
        ("2026-11-02", "module/10", 1, 10, None),
        ("2026-11-02", "module/20", 2, 7, None),
        ("2026-11-02", "module/30", 1, 7, None),
        ("2026-11-02", None, None, None, 1),
    ]


def test_same_instants_fall_on_other_days_in_another_zone(database: Database, line: Line) -> None:
    found = rows(database, "throughput", "day", "operation", "units", time_zone="UTC")
    assert found[0] == ("2026-11-01", "module/10", 26)


def test_work_in_process(database: Database, line: Line) -> None:
    columns = ("operation", "lots", "substrates", "units", "units_queued", "units_ordered", "units_running")
    assert rows(database, "wip", *columns, at="2026-11-02T20:00Z") == [
        ("module/10", 1, 3, 30, 0, 10, 10),
        ("module/20", 1, 1, 8, 8, 0, 0),
        ("module/30", 1, 1, 9, 9, 0, 0),
    ]
    more = ("operation", "units_in_doubt", "lots_held", "longest_wait_h")
    assert rows(database, "wip", *more, at="2026-11-02T20:00Z") == [
        ("module/10", 10, 0, None),
        ("module/20", 0, 1, 16.0),
        ("module/30", 0, 0, 3.5),
    ]


def test_summary(database: Database, line: Line) -> None:
    with database.reading() as session:
        found = summary(session)
    assert found["lots"] == {"completed": 1, "queued": 3, "running": 1, "scrapped": 1}
    assert found["units"] == {
        "received": 20, "made": 0, "good": 8, "in_process": 0, "scrapped": 11, "consumed": 0, "sampled": 1,
        "suspect": 1, "lost": 0,
    }  # fmt: skip
    first = {
        "route": "module",
        "operation": "module/10",
        "in": 39,
        "good": 26,
        "yield": 0.666667,
        "first_pass": 0.666667,
    }
    assert found["operations"][0] == first
    assert [o["operation"] for o in found["operations"]] == ["module/10", "module/20", "module/30"]
    assert found["plant_hours"] == 29.0  # from the first release at 10:00 to the end of D1
    assert found["throughput_per_day"] == 6.621  # 8 units in 29 h
    assert found["cycle_time_h"] == {"p50": 24.0, "p95": 24.0}  # C1 alone; D1 was scrapped
    assert found["energy_kwh_per_good_unit"] == 0.875  # 14 × 0.5 kWh / 8


def test_summary_of_an_empty_line_has_no_figures_without_denominator(database: Database) -> None:
    with database.reading() as session:
        found = summary(session)
        assert energy_kwh_per_good_unit(session) is None
    assert found["lots"] == {}
    assert set(found["units"].values()) == {0}
    assert found["throughput_per_day"] is found["plant_hours"] is found["cycle_time_h"]["p95"] is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"by": "moon"}, "by is moon; it must be one of equipment, lot, product, day."),
        ({"from": "yesterday"}, "from is yesterday; it must be a day or a time"),
        ({"from": "2026-11-03", "to": "2026-11-02"}, "The period ends before it begins"),
        ({"colour": "red"}, "Report yield has no parameter colour; it has from, to, period, kind, by, time_zone."),
        ({"time_zone": "Mars/Olympus"}, "time_zone is Mars/Olympus"),
    ],
)
def test_wrong_parameter_is_told(database: Database, given: dict[str, str], told: str) -> None:
    with database.reading() as session, pytest.raises(Malformed, match=told):
        run(session, "yield", given)


def test_unknown_report_names_those_there_are(database: Database) -> None:
    with database.reading() as session, pytest.raises(NotFound, match="there are wip, yield, throughput"):
        run(session, "yeild")


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ("alpha", [("module/10", 20, 19), ("module/20", 19, 16), ("module/30", 7, 7)]),
        ("beta", [("module/10", 9, 7)]),
    ],
)
def test_customer_counts_its_own_units_alone(
    database: Database, line: Line, customer: str, expected: list[tuple[object, ...]]
) -> None:
    with database.reading(as_customer(line.customers[customer].id)) as session:
        found = run(session, "yield").records()
        assert session.scalar(text("select current_user")) == "mes_customer"
        assert session.scalars(text("select name from customer")).all() == [customer]
    assert [(r["operation"], r["in"], r["good"]) for r in found] == expected


COUNTED = {"wip": "units", "yield": "in", "throughput": "units", "cycle_time": "lots", "energy": "energy_kwh"}


@pytest.mark.parametrize("name", REPORTS)
def test_customers_together_are_the_centre_and_nobody_sees_nothing(database: Database, line: Line, name: str) -> None:
    counted = COUNTED[name]
    with database.transaction() as session:  # of both customers a lot has ended
        session.execute(text("update lot set state = 'completed' where state = 'scrapped'"))

    def total(customer: int | None) -> int:
        scope = [] if customer is None else [as_customer(customer)]
        with database.reading(*scope) as session:
            return sum(record[counted] or 0 for record in run(session, name).records())

    alpha, beta = (total(line.customers[customer].id) for customer in ("alpha", "beta"))
    assert min(alpha, beta) > 0
    assert alpha + beta == total(None)
    assert total(999) == 0


def test_customer_keeps_its_eyes_after_a_refusal(database: Database, line: Line) -> None:
    with database.reading(as_customer(line.customers["alpha"].id)) as session:
        with pytest.raises(NotAllowed, match="is the centre's"):
            run(session, "yield", {"by": "equipment"})
        assert session.scalar(text("select current_user")) == "mes_customer"
        assert session.scalars(text("select name from customer")).all() == ["alpha"]
