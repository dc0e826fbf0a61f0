"""A record that cannot take effect keeps its equipment waiting until a person sets it aside; it can be tried again."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from mes.errors import Malformed, NotFound, Refused
from mes.history import History
from mes.jobs.models import ReceivedRecord
from mes.jobs.set_aside import retry, set_aside
from tests.jobs.conftest import Cell, connector
from tests.jobs.test_results import entry, meet, receive, state, worked


def number_of(cell: Cell, kind: str) -> int:
    """The number of the one record of that kind."""
    with cell.floor.database.reading() as session:
        return session.scalars(select(ReceivedRecord.id).where(ReceivedRecord.kind == kind)).one()


def history(cell: Cell, subject: str) -> list[tuple[str, str, str, str]]:
    """Verb, actor, reason and what became of the record, of those two verbs."""
    with cell.floor.database.reading() as session:
        rows = session.scalars(select(History).where(History.subject == subject).order_by(History.n)).all()
        told = [(row.verb, row.actor, json.loads(row.body)) for row in rows]
    return [(verb, who, b["why"], b["after"]["became"]) for verb, who, b in told if verb in ("set_aside", "retry")]


def test_record_that_always_fails_is_set_aside_and_tried_again(cell: Cell) -> None:
    run = worked(cell)
    cell.sync()
    cell.refuse("run_substrate", "new.work = 'done'")
    line = connector(cell)
    line.apply_all()
    assert [kind for _, kind, state, _ in cell.records() if state == "received"] == ["result", "job", "equipment"]
    number = number_of(cell, "result")
    cell.floor.do(set_aside, number, act=cell.floor.act("fails, nobody knows why"))
    line.apply_all()
    assert [(kind, state, problem) for _, kind, state, problem in cell.records() if state != "applied"] == [
        ("result", "rejected", "Set aside by tester: fails, nobody knows why")
    ]
    assert (cell.floor.run(run).state, cell.floor.work(run, "W1").work) == ("ended", "not_done")
    cell.accept("run_substrate")
    cell.floor.do(retry, number, act=cell.floor.act("mended"))
    line.apply_all()
    assert {state for _, _, state, _ in cell.records()} == {"applied"}
    assert (cell.floor.work(run, "W1").work, cell.floor.work(run, "W1").units_suspect) == ("done", 12)
    assert [hold.code for hold in cell.floor.holds("D1")] == ["in_doubt"]
    acts = [
        ("set_aside", "tester", "fails, nobody knows why", "rejected"),
        ("retry", "tester", "mended", "received"),
    ]
    assert history(cell, "CELL-1") == history(cell, cell.floor.run(run).name) == acts
    assert cell.floor.problems() == []


def test_record_of_an_unknown_run_is_tried_again_and_rejected_again(cell: Cell) -> None:
    receive(cell, meet(cell), entry(1, 1, state(1).body), state(2))
    cell.plant("update received_record set body = 'nonsense' where sequence = 2")
    connector(cell).apply_all()
    first = cell.records()
    assert [s for _, _, s, _ in first] == ["applied", "rejected"]
    with cell.floor.database.reading() as session:
        number = session.scalars(select(ReceivedRecord.id).where(ReceivedRecord.sequence == 2)).one()
    cell.floor.do(retry, number)
    assert cell.records()[1][2:] == ("received", "")
    connector(cell).apply_all()
    assert cell.records() == first


def test_only_what_waits_is_set_aside_and_only_what_was_rejected_tried_again(cell: Cell) -> None:
    receive(cell, meet(cell), state(1), state(2))
    with cell.floor.database.reading() as session:
        one, other = session.scalars(select(ReceivedRecord.id).order_by(ReceivedRecord.sequence)).all()
    with pytest.raises(Refused, match=f"Record {one} is received; retry needs it to be rejected."):
        cell.floor.do(retry, one)
    with pytest.raises(Malformed, match="Say why"):
        cell.floor.do(set_aside, one, act=cell.floor.act(" "))
    with pytest.raises(NotFound, match="There is no record 999"):
        cell.floor.do(set_aside, 999)
    assert [s for _, _, s, _ in cell.records()] == ["received", "received"]
    cell.floor.do(set_aside, one)
    connector(cell).apply_all()
    for number, stands in ((one, "rejected"), (other, "applied")):
        with pytest.raises(Refused, match=f"Record {number} is {stands}; set aside needs it to be received."):
            cell.floor.do(set_aside, number)
    assert cell.floor.problems() == []


def test_old_news_of_an_equipment_is_not_tried_again(cell: Cell) -> None:
    receive(cell, meet(cell), state(1), state(2))
    with cell.floor.database.reading() as session:
        one, _ = session.scalars(select(ReceivedRecord.id).order_by(ReceivedRecord.sequence)).all()
    cell.floor.do(set_aside, one, act=cell.floor.act("garbled"))
    connector(cell).apply_all()
    with pytest.raises(Refused, match=f"Record {one} is old news"):
        cell.floor.do(retry, one)
    assert [s for _, _, s, _ in cell.records()] == ["rejected", "applied"]
