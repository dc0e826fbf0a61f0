"""What starts next, as the command line tells it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from mes.db import Database
from tests.cli.conftest import Mes


@pytest.mark.usefixtures("demonstration")
def test_what_waits_for_an_equipment_is_ranked_or_told_why_not(
    mes: Mes, told: Callable[..., Any], database: Database
) -> None:
    wafers = ("--customer", "hanbit", "--route", "hbm_core", "--substrate", "W-1", "--substrate", "W-2", "--release")
    mes("lot", "create", "L-1", *wafers)
    words = ("dispatch", "list", "--equipment", "sorter-1")
    (lot,) = told(*words)["excluded"]
    assert [reason["code"] for reason in lot["reasons"]] == ["not_connected"]
    assert "sorter-1 is not connected" in mes(*words).stdout
    checked = ("lot", "start-check", "L-1", "--equipment", "sorter-1")
    assert told(*checked)["may_start"] is True
    assert "Dispatch does not start it by itself: sorter-1 is not connected" in mes(*checked).stdout
    with database.transaction() as session:
        session.execute(text("update equipment set connected = true where name = 'sorter-1'"))
    assert told(*checked)["dispatch_waits"] == []
    seen = told(*words)
    (lot,) = seen["ranked"]
    assert (lot["lot"], lot["operation"], lot["substrates"], lot["sources"]) == ("L-1", "hbm_core/10", 2, 0)
    assert seen["excluded"] == []
    assert told("dispatch", "list", "--equipment", "reflow-1") == {
        "equipment": "reflow-1",
        "ranked": [],
        "excluded": [],
    }
