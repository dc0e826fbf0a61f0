"""Rows of one table that changed alike are written by one statement, however many they are.

A flush sends one update for each row. Before it begins, `write_together` writes what it may of that: the rows of a
table in which the same columns changed. What stays is the flush's: single rows, and values that the database is to
work out. Rows that are new come in one insert already; `many_in_one_insert` asks for that where nothing is returned.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Engine, Table, Update, and_, bindparam, column, func, inspect, update
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

Columns = tuple[str, ...]
"""Names of columns, in the order of the table."""


def many_in_one_insert(engine: Engine) -> None:
    """Let the engine insert many rows by one statement also where it needs nothing back; it would send one for each."""
    engine.dialect.use_insertmanyvalues_wo_returning = True


def write_together(session: Session, *_: Any) -> None:
    """Write rows of one table in which the same columns changed by one statement. Heard before each flush.

    Raises `StaleDataError` where one of them has another version than was read, as the flush would.
    """
    alike: dict[tuple[Mapper[Any], Columns], list[Any]] = defaultdict(list)
    for row in session.dirty:
        if row not in session.deleted and (changed := _changed(row)):
            alike[inspect(row).mapper, changed].append(row)
    for (mapper, changed), rows in alike.items():
        if len(rows) > 1:
            _write(session, mapper, changed, rows)


def _changed(row: Any) -> Columns:
    """The columns with another value than is known to be stored; none where the database is to work one out."""
    state = instance_state(row)
    columns = state.mapper.columns
    before = {name: value for name, value in state.committed_state.items() if name in columns}
    now = {name: state.dict[name] for name, value in before.items() if state.dict[name] != value}
    if any(isinstance(value, ClauseElement) for value in now.values()) or any(columns[n].primary_key for n in now):
        return ()
    return tuple(name for name in columns.keys() if name in now)  # noqa: SIM118 (no mapping: its values are columns)


def _write(session: Session, mapper: Mapper[Any], changed: Columns, rows: Sequence[Any]) -> None:
    keys = tuple(str(one.key) for one in mapper.primary_key)
    version = None if mapper.version_id_col is None else str(mapper.version_id_col.key)
    known = keys if version is None else (*keys, version)
    given = [("of", name) for name in known] + [("new", name) for name in changed]
    table = mapper.local_table
    values = {
        f"{which}_{name}": _alike(table.c[name].type, [getattr(row, name) for row in rows]) for which, name in given
    }
    statement = _statement(table, known, changed, version)
    if session.connection().execute(statement, values).rowcount != len(rows):
        raise StaleDataError(f"Some of {len(rows)} rows of {table} have changed since they were read.")
    for row in rows:
        for name in changed:
            set_committed_value(row, name, getattr(row, name))
        if version is not None:
            set_committed_value(row, version, getattr(row, version) + 1)


def _alike(kind: TypeEngine[Any], values: list[Any]) -> list[Any]:
    """Values of one column, its numbers all of one kind: no array has both 1 and 1.5."""
    number = kind.python_type
    return [v if v is None else number(v) for v in values] if number in (int, float) else values


@cache
def _statement(table: Table, known: Columns, changed: Columns, version: str | None) -> Update:
    """One text however many rows there are, so that the server plans it once.

    An array has one dimension, for a value may be a list itself.
    """
    names = [*(f"of_{name}" for name in known), *(f"new_{name}" for name in changed)]
    types = [table.c[name].type for name in (*known, *changed)]
    arrays = (bindparam(name, type_=ARRAY(kind, dimensions=1)) for name, kind in zip(names, types, strict=True))
    given = func.unnest(*arrays).table_valued(*map(column, names, types)).render_derived("given")
    after: dict[Any, Any] = {table.c[name]: given.c[f"new_{name}"] for name in changed}
    if version is not None:
        after[table.c[version]] = table.c[version] + 1
    return update(table).where(and_(*(table.c[name] == given.c[f"of_{name}"] for name in known))).values(after)
