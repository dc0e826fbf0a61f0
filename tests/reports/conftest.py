"""The data set on which the figures of the reports are worked out by hand."""

import pytest

from mes.db import Database
from tests.reports.line import Line, utc


@pytest.fixture
def line(database: Database) -> Line:
    """A1 (alpha) is half through, B1 (beta) was stopped and is held, C1 is finished, D1 scrapped, E1 engineering."""
    with database.transaction() as session:
        line = Line(session)
        line.lot("A1", "alpha", "queued")
        line.substrate("A1.1", None, "finished", COMPLETED=7, REJECTED=3)
        line.substrate("A1.2", 30, "queued", "02T16:30", REJECTED=1)
        line.lot("B1", "beta", "queued")
        line.substrate("B1.1", 20, "queued", "02T04:00", REJECTED=2, SUSPECT=1)
        line.hold("B1")
        line.lot("C1", "alpha", "completed", ended_at=utc("02T10:00"))
        line.ledger("C1", received=10, completed=8, scrapped=1, sampled=1)
        line.lot("D1", "beta", "scrapped", ended_at=utc("02T15:00"))
        line.ledger("D1", received=10, scrapped=10)
        line.lot("E1", "alpha", "queued", kind="engineering")
        line.substrate("E1.1", 10, "closed", REJECTED=10)
        line.lot("F1", "beta", "running")
        for name, progress in (("F1.1", "ordered"), ("F1.2", "ordered"), ("F1.3", "in_doubt")):
            line.substrate(name, 10, progress)
        _worked(line)
    return line


def _worked(line: Line) -> None:
    # two customers share an oven; a unit of B1.1 is suspect, A1.2 comes out at one in the night of the second, in Seoul
    first = line.run(1, 10, "OV-1")
    line.work(first, "A1.1", (9, 1, 0), "01T10:00")
    line.work(first, "A1.2", (10, 0, 0), "01T16:00")
    line.work(first, "B1.1", (7, 2, 0, 1), "01T10:00")
    line.work(line.run(2, 10, "OV-2"), "E1.1", (0, 10, 0), "01T10:00")
    # two units of A1.1 are judged again: one is recovered
    line.work(line.run(3, 20, "OV-1"), "A1.1", (6, 1, 2), "02T01:00")
    line.work(line.run(4, 20, "OV-1"), "A1.1", (1, 1, 0), "02T02:00", visit=2)
    # A1.2 was stopped and done elsewhere, on the third in Seoul; the unit of the first job that was to be judged again
    # waited until then and was recovered. B1.1 waits for its rest
    line.work(line.run(5, 20, "OV-1"), "A1.2", (4, 0, 1), "02T03:00", work="partial")
    line.work(line.run(6, 20, "OV-2"), "A1.2", (4, 1, 0), "02T16:30")
    line.work(line.run(12, 20, "OV-2"), "A1.2", (1, 0, 0), "02T16:30", visit=2)
    line.work(line.run(7, 20, "OV-2"), "B1.1", (3, 0, 0), "02T04:00", work="partial")
    line.work(line.run(8, 30, "OV-1"), "A1.1", (7, 0, 0), "02T05:00")
    line.work(line.run(9, 10, "OV-1", "ordered"), "F1.1", (0, 0, 0), None, work="waiting")
    line.work(line.run(10, 10, "OV-1", "running"), "F1.2", (0, 0, 0), None, work="waiting")
    line.work(line.run(11, 10, "OV-2", "in_doubt"), "F1.3", (0, 0, 0), None, work="in_doubt")
