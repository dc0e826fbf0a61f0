"""Rows of tables, numbered here and written by COPY. What a row does not say has the value that its model gives."""

from collections import defaultdict
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Computed, Table
from sqlalchemy.dialects.postgresql import JSONB

from mes.db import Base

Model = type[Base]


class Rows:
    """Rows that wait to be written. Foreign keys are not asked again for each: who makes the rows keeps them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._waiting: dict[Model, list[list[Any]]] = defaultdict(list)
        self._last: dict[Model, int] = {}

    def number(self, model: Model) -> int:
        """The next id of a table."""
        if model not in self._last:
            query = sql.SQL("select coalesce(max(id), 0) from {}").format(sql.Identifier(model.__tablename__))
            self._last[model] = cast(tuple[int], self._connection.execute(query).fetchone())[0]
        self._last[model] += 1
        return self._last[model]

    def add(self, model: Model, **values: Any) -> int:
        """One row; it gets the next number where it has none and its table numbers rows. Its number, else 0."""
        names = _written(model)
        if "id" in names and "id" not in values:
            values["id"] = self.number(model)
        kinds = _table(model).c
        row = [values.pop(name) if name in values else _usual(model, name) for name in names]
        if values:
            raise ValueError(f"{model.__tablename__} has no {', '.join(values)}")
        self._waiting[model].append(
            [Jsonb(v) if v is not None and isinstance(kinds[n].type, JSONB) else v
             for n, v in zip(names, row, strict=True)]
        )  # fmt: skip
        return int(row[names.index("id")]) if "id" in names else 0

    def write(self) -> None:
        """Write all that waits, in one transaction."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("set local session_replication_role = replica")
            for model, rows in self._waiting.items():
                columns = sql.SQL(", ").join(map(sql.Identifier, _written(model)))
                into = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(model.__tablename__), columns)
                with cursor.copy(into) as copy:
                    for row in rows:
                        copy.write_row(row)
        self._waiting.clear()

    def close(self) -> None:
        """Let the database number on from here."""
        for model, last in self._last.items():
            name = model.__tablename__
            self._connection.execute("select setval(pg_get_serial_sequence(%s, 'id'), %s)", (name, last))


def _table(model: Model) -> Table:
    return cast(Table, model.__table__)


def _written(model: Model) -> list[str]:
    """Columns that a row says or its model gives; what the database works out is left to it."""
    left = {"recorded_at"}
    return [c.name for c in _table(model).c if not isinstance(c.server_default, Computed) and c.name not in left]


def _usual(model: Model, name: str) -> Any:
    default = _table(model).c[name].default
    if default is None:
        return None
    if default.is_callable:
        return default.arg(None)  # type: ignore[attr-defined]  # a default that is called, as list and dict are
    return default.arg  # type: ignore[attr-defined]  # a value
