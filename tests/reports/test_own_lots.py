"""Whatever another customer has and does, a customer's reports and list of lots stay as they are."""

import pytest
from sqlalchemy import text

from mes.db import Database, as_customer
from mes.lots.looks import LotFilter
from mes.reports.catalog import REPORTS
from mes.reports.run import run
from mes.web.lots import LotList
from mes.web.pages import View
from tests.reports.line import Line

OF_OTHERS = (
    "update run_substrate set units_in = 2 * units_in, units_good = 2 * units_good, units_failed = 2 * units_failed,"
    " units_again = 2 * units_again, units_suspect = 2 * units_suspect, ended_at = ended_at + interval '1 day'"
    " where customer_id <> :me",
    "update lot_substrate set progress = 'closed' where customer_id <> :me",
    "update run_substrate set started_at = ended_at - interval '1 hour', energy_kwh = 99 where customer_id <> :me",
    "update ledger set received = received + 5, completed = completed + 5 where customer_id <> :me",
    "update lot set units = 777, ended_at = now(), state = 'completed' where customer_id <> :me",
    "update hold set released_at = now(), released_by = 'x' where customer_id <> :me",
)
CENTRES = "equipment"
"""What no customer may ask for."""
ASKED = [
    (name, by)
    for name, report in REPORTS.items()
    for by in ["", *(choice for p in report.parameters if p.name == "by" for choice in p.choices if choice != CENTRES)]
]


@pytest.mark.parametrize("customer", ["alpha", "beta"])
def test_nothing_of_another_customer_is_in_what_a_customer_reads(database: Database, line: Line, customer: str) -> None:
    me = line.customers[customer].id
    before = read(database, me)
    with database.transaction() as session:
        for statement in OF_OTHERS:
            session.execute(text(statement), {"me": me})
    assert read(database, me) == before
    others = [name for name, lot in line.lots.items() if lot.customer_id != me]
    assert not [word for word in [*others, *(set(line.customers) - {customer})] if word in str(before)]


def test_changes_of_its_own_do_show(database: Database, line: Line) -> None:
    me = line.customers["alpha"].id
    before = read(database, me)
    with database.transaction() as session:
        for statement in OF_OTHERS:
            session.execute(text(statement), {"me": line.customers["beta"].id})
    after = read(database, me)
    assert [asked for asked in before if before[asked] == after[asked]] == []


def read(database: Database, customer: int) -> dict[object, object]:
    """All that a customer can ask for."""
    with database.reading(as_customer(customer)) as session:
        found: dict[object, object] = {"lots": LotList(LotFilter())(session, View())["lots"]}
        for name, by in ASKED:
            given = {"kind": "all"} | ({"by": by} if by else {})
            found[name, by] = run(session, name, given | ({"at": "2026-11-03T00:00Z"} if name == "wip" else {})).rows
    return found
