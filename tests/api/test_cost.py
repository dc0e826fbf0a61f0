"""What a command asks of the database: a count of statements, so that no machine is too slow for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from mes.db import Database
from tests.api.conftest import Caller
from tests.api.test_lots import NEW, ok
from tests.shop import Floor

STATEMENTS = {"create and release": 20, "track in": 26, "track out": 27}
"""Of each command, of a lot with two wafers: with its permission, its history and its answer."""


@contextmanager
def writing(database: Database) -> Iterator[list[str]]:
    """The statements of transactions that may write. The live pages look at the same time, in others."""
    told: list[str] = []
    ours: set[int] = set()

    def executed(connection: Any, _: Any, statement: str, asked: Any, *more: Any) -> None:
        if "transaction_read_only" in statement:  # the first of each transaction
            (ours.add if asked["read_only"] == "off" else ours.discard)(id(connection))
        if id(connection) in ours:
            told.append(statement)

    event.listen(database.engine, "before_cursor_execute", executed)
    yield told
    event.remove(database.engine, "before_cursor_execute", executed)


def test_commands_take_no_more_statements_than_they_need(floor: Floor, caller: Caller) -> None:
    line = caller("line_engineer")
    commands = {
        "create and release": ("/lots", NEW | {"id": "D1", "release": True}),
        "track in": ("/lots/D1/track-in", {"equipment": "CELL-1"}),
        "track out": ("/lots/D1/track-out", {"good": 24}),
    }
    took = {}
    for name, (path, asked) in commands.items():
        with writing(floor.database) as statements:
            ok(line.post(path, json=asked), 201 if path == "/lots" else 200)
        took[name] = len(statements)
    assert took == STATEMENTS
