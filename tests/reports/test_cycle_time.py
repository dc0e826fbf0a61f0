"""Cycle time: figures worked out by hand, a count by the minute that shares nothing with the SQL, and the summary."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from mes.db import Database
from mes.reports.run import run
from mes.reports.summary import summary
from tests.reports.line import BEGIN, Line, utc

FIGURES = ("lots", "p50_h", "p95_h", "mean_h", "run_h", "held_h", "queue_h", "x_factor")
MINUTES = 3000


@pytest.fixture
def two_lots(database: Database) -> Line:
    """P runs from 11 to 13 and, on two ovens at once, from 14 to 16; held from 12 to 15, it ends at 20.

    Q runs from 10 to 12, is held from 21 on, and ends at 22. X is scrapped.
    """
    with database.transaction() as session:
        line = Line(session)
        line.lot("P", "alpha", "stocked", ended_at=utc("01T20:00"))
        line.lot("Q", "beta", "consumed", ended_at=utc("01T22:00"))
        line.lot("X", "beta", "scrapped", ended_at=utc("01T23:00"))
        for name in ("P.1", "P.2", "Q.1"):
            line.substrate(name, None, "finished")
        first = line.run(1, 10, "OV-1")
        line.work(first, "P.1", (10, 0), "01T13:00", queued="01T10:00", started="01T11:00")
        second: dict[str, Any] = {"queued": "01T13:00", "started": "01T14:00"}
        line.work(line.run(2, 20, "OV-1"), "P.1", (10, 0), "01T16:00", **second)
        line.work(line.run(3, 20, "OV-2"), "P.2", (10, 0), "01T15:00", **second)
        line.hold("P", utc("01T12:00"), utc("01T15:00"))
        line.work(line.run(4, 10, "OV-2"), "Q.1", (10, 0), "01T12:00", queued="01T10:00", started="01T10:00")
        line.hold("Q", utc("01T21:00"))
    return line


def figures(database: Database, **given: str) -> list[tuple[object, ...]]:
    with database.reading() as session:
        found = run(session, "cycle_time", given).records()
    return [(row["by"] or row["operation"] or row["route"], *(row[name] for name in FIGURES)) for row in found]


def test_time_of_a_lot_is_parted_without_gap_or_overlap(database: Database, two_lots: Line) -> None:
    assert figures(database, by="lot") == [
        ("alpha/P", 1, 10.0, 10.0, 10.0, 4.0, 1.0, 5.0, 2.5),  # held from 13 to 14 alone, it ran the rest of the hold
        ("beta/Q", 1, 12.0, 12.0, 12.0, 2.0, 1.0, 9.0, 6.0),  # the hold that still stands ends with the lot
    ]


def test_route_is_the_mean_of_its_lots(database: Database, two_lots: Line) -> None:
    assert figures(database) == [("module", 2, 11.0, 11.9, 11.0, 3.0, 1.0, 7.0, 3.667)]
    assert figures(database, by="customer")[0] == ("alpha", *figures(database, by="lot")[0][1:])
    assert figures(database, to="2026-11-02T06:00+09:00")[0][:2] == ("module", 1)  # Q ends at seven in Seoul


def test_operation_counts_from_the_first_wait_to_the_last_end_there(database: Database, two_lots: Line) -> None:
    assert figures(database, by="operation") == [
        ("module/10", 2, 2.5, 2.95, 2.5, 2.0, 0.0, 0.5, 1.25),
        ("module/20", 1, 3.0, 3.0, 3.0, 2.0, 1.0, 0.0, 1.5),
    ]


def test_days_are_those_of_the_end_in_the_time_zone(database: Database, two_lots: Line) -> None:
    assert [row[0] for row in figures(database, by="day")] == ["2026-11-02"]
    assert [row[0] for row in figures(database, by="day", time_zone="America/New_York")] == ["2026-11-01"]


def scatter(line: Line, seed: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Lots of three substrates with runs and holds at random; of each, every minute: on the line, in a run, held."""
    chance = np.random.Generator(np.random.Philox(seed))
    counted: dict[str, tuple[np.ndarray, ...]] = {}
    for n in range(12):
        name, state = f"L{n}", ("completed", "stocked", "consumed", "scrapped")[n % 4]
        begin, end = sorted(chance.integers(0, MINUTES, 2).tolist())
        life = {"released_at": BEGIN + timedelta(minutes=begin), "ended_at": BEGIN + timedelta(minutes=end)}
        line.lot(name, ("alpha", "beta")[n % 2], state, kind=("production", "engineering")[n % 3 == 0], **life)
        alive, run_, held = (np.zeros(MINUTES, bool) for _ in range(3))
        alive[begin:end] = True
        for s in range(3):
            line.substrate(f"{name}.{s}", None, "finished")
            a, b = sorted(chance.integers(0, MINUTES, 2).tolist())
            run_[a:b] = True
            when = [(BEGIN + timedelta(minutes=m)).strftime("%dT%H:%M") for m in (a, b)]
            line.work(line.run(1000 + 3 * n + s, 10, "OV-1"), f"{name}.{s}", (10, 0), when[1], started=when[0])
        for _ in range(int(chance.integers(0, 3))):
            a, b = sorted(chance.integers(0, MINUTES, 2).tolist())
            held[a:b] = True
            line.hold(name, BEGIN + timedelta(minutes=a), BEGIN + timedelta(minutes=b))
        if state != "scrapped":
            counted[name] = (alive, run_, held)
    return counted


@pytest.mark.parametrize("seed", [3, 4])
def test_parts_equal_a_count_of_every_minute_and_percentiles_the_summary(database: Database, seed: int) -> None:
    with database.transaction() as session:
        counted = scatter(Line(session), seed)
    with database.reading() as session:
        lots = run(session, "cycle_time", {"by": "lot", "kind": "all"}).records()
        (route,) = run(session, "cycle_time", {"kind": "all"}).records()
        told = summary(session)["cycle_time_h"]
    assert len(lots) == len(counted) == 9
    for row in lots:
        alive, run_, held = counted[row["by"].split("/")[1]]
        parts = [alive, alive & run_, alive & held & ~run_, alive & ~held & ~run_]
        expected = [part.sum() / 60 for part in parts]
        assert [row[name] for name in ("mean_h", "run_h", "held_h", "queue_h")] == pytest.approx(expected, abs=1e-3)
    hours = [alive.sum() / 60 for alive, _, _ in counted.values()]
    assert [told["p50"], told["p95"]] == pytest.approx(np.percentile(hours, [50, 95]), abs=1e-3)
    assert (route["p50_h"], route["p95_h"]) == (told["p50"], told["p95"])
