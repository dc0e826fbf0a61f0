"""What the board costs to read: as much for many lots as for few."""

from __future__ import annotations

from sqlalchemy import event

from mes.db import Database
from mes.web.board.reading import read_board
from tests.reports.line import Line, utc


def statements(database: Database) -> tuple[int, int]:
    """How many lots wait, and how many statements it took to read the board."""
    told: list[str] = []
    with database.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *args: told.append(args[2]))
        board = read_board(session, utc("02T20:00"))
    return sum(len(queue.lots) for queue in board.queues), len(told)


def test_board_takes_as_many_statements_for_many_lots_as_for_few(database: Database, line: Line) -> None:
    few, first = statements(database)
    with database.transaction() as line.session:
        for n in range(50):
            at = line.operations[20].id
            line.lot(f"C{n}", "alpha", "queued", operation_id=at, substrates=1, units=10)
            line.substrate(f"C{n}.1", 20, "queued", "02T10:00")
    assert statements(database) == (few + 50, first)
    assert first <= 20
