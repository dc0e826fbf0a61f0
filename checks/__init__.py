"""Are the units all there? Counted three times by code that shares nothing, also not with what it checks.

`history` counts the history table, `maps` the maps, `truth` compares with what simulated equipment really did.
`conservation` runs them over one snapshot of a database. Read `history` first: it is the shortest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from checks import history, maps
from checks import truth as hidden_truth

STAFF_ROLE = "mes_staff"


def conservation(database_url: str, truth: Path | None = None) -> dict[str, Any]:
    """Count the units of a database in every way, at one moment of it.

    Gives ``history``, ``maps`` and, with the file or folder of a hidden ``truth``, ``truth``: each with ``totals``
    (units per account) and ``problems`` (sentences). ``differences`` names each account of a lot for which history
    and maps disagree; ``equal`` says that there is neither a difference nor a problem.
    """
    with reading(database_url) as connection:
        by_history, told_by_history = history.count(connection)
        by_maps, told_by_maps = maps.count(connection)
        counted = {
            "history": {"totals": _totals(by_history), "problems": told_by_history},
            "maps": {"totals": _totals(by_maps), "problems": told_by_maps},
        }
        if truth is not None:
            totals, problems = hidden_truth.count(connection, truth)
            counted["truth"] = {"totals": totals, "problems": problems}
    differences = compare("history", by_history, "the maps", by_maps)
    equal = not differences and not any(part["problems"] for part in counted.values())
    return {**counted, "differences": differences, "equal": equal}


@contextmanager
def reading(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as `connected` gives it, which sees what `snapshot` lets it see."""
    with connected(database_url) as connection, snapshot(connection):
        yield connection


@contextmanager
def connected(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A read-only connection, by the owner's login or the application's."""
    url = database_url.replace("postgresql+psycopg:", "postgresql:", 1)
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


@contextmanager
def snapshot(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Lets the connection see every row as of one moment.

    Raises `PermissionError` where the login may not see every row: a count of nothing would look clean.
    """
    with connection.transaction():
        member = connection.execute("select pg_has_role(%s, 'set')", [STAFF_ROLE]).fetchone()
        if member == (True,):
            connection.execute(f"set local role {STAFF_ROLE}")
        elif connection.execute("select row_security_active('history')").fetchone() == (True,):
            raise PermissionError(
                f"This login does not see every row; use the owner's or one that may be {STAFF_ROLE}."
            )
        yield


def compare(
    one: str, units: Mapping[tuple[int, str, int, str], int], other: str, also: Mapping[tuple[int, str, int, str], int]
) -> list[str]:
    """A sentence for every (customer, lot, form, account) of which two counts differ."""
    return [
        f"Lot {key[1]}, form {key[2]}: {units.get(key, 0)} {key[3]} by {one}, {also.get(key, 0)} by {other}."
        for key in sorted(units.keys() | also.keys())
        if units.get(key, 0) != also.get(key, 0)
    ]


def _totals(units: Mapping[tuple[int, str, int, str], int]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for (_, _, _, account), value in units.items():
        totals[account] += value
    return dict(sorted(totals.items()))
