"""The database against the hidden truth of simulated equipment, site by site.

The truth is one SQLite file: what is on every substrate, where each placed unit came from, and every piece of work
that really happened with the result that was reported. It names substrates as equipment does.
"""

import base64
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

IN_PROCESS, SUSPECT, REJECTED, COMPLETED, SAMPLED, SCRAPPED, SHIPPED = 2, 3, 4, 5, 7, 8, 10
THERE = (IN_PROCESS, SUSPECT, REJECTED, COMPLETED)
BY_A_PERSON = (SAMPLED, SCRAPPED, SHIPPED)
"""Taken by hand, or sent away, which equipment does not see: for it the unit is still there."""

SQLITE = b"SQLite format 3"

OUTCOMES = ("placed", "put_back", "rejected", "lost")
PLACED, TO_THE_BIN = 0, 2

TYPES = {"uint8": "u1", "uint16": "<u2", "int16": "<i2"}

Move = tuple[str, int, int, str, int, int, int, int, int, int]
"""(source, x, y, target, x, y, site, level, head, outcome)."""

SUBSTRATES = """
select s.name, l.rows, l.columns, s.dispositions
from substrate s join layout l on l.id = s.layout_id order by s.name
"""
TRANSFERS = """
select r.name, source.name, target.name, t.n, t.from_xy, t.to_xy, t.slots
from transfer t join run r on r.id = t.run_id
join substrate source on source.id = t.source_id join substrate target on target.id = t.target_id order by t.id
"""
RESULTS = "select run, state, body from received_record where kind = 'result' order by id"
HAPPENED = "select job_order_id, substrate, result from happened order by n"
PRESENT = "select name, rows, columns, is_load, arrived, present from substrate order by name"
PLACEMENTS = "select substrate, site, level, sources, source, from_x, from_y from layer"


def count(connection: psycopg.Connection[Any], truth: Path) -> tuple[dict[str, int], list[str]]:
    """Units of the truth by what became of them, and a sentence for each difference from the database.

    ``truth`` is the file, or a folder that holds it. Raises `FileNotFoundError` where there is none.
    """
    with closing(sqlite3.connect(f"file:{world_file(truth)}?mode=ro", uri=True)) as world:
        really, recorded = _really_moved(world), _recorded(connection)
        problems = _twice_named(connection)
        problems += _moves_differ(really, recorded)
        problems += _placements_differ(world, recorded)
        problems += _presence_differs(world, connection, recorded)
        problems += _records_differ(world, connection)
        totals = {name: _outcomes(really)[outcome] for outcome, name in enumerate(OUTCOMES)}
        return totals | _present(world), problems


def world_file(truth: Path) -> Path:
    """The file of the truth: the path itself, or the one file below it that has what happened."""
    found = [truth] if truth.is_file() else [file for file in sorted(truth.rglob("*")) if _is_world(file)]
    if len(found) != 1:
        raise FileNotFoundError(f"{truth} holds {len(found)} files of a hidden truth; it must hold one.")
    return found[0]


def _is_world(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        if opened.read(len(SQLITE)) != SQLITE:
            return False
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as world:
        return world.execute("select 1 from sqlite_master where name = 'happened'").fetchone() is not None


def _array(written: dict[str, Any]) -> list[int]:
    """An array as it stands in a result: base64 of little-endian numbers."""
    numbers: list[int] = np.frombuffer(base64.b64decode(written["base64"]), TYPES[written["dtype"]]).tolist()
    return numbers


def _bits(packed: bytes, n: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=n).astype(np.bool_)


# Moves


def _really_moved(world: sqlite3.Connection) -> Counter[tuple[str, Move]]:
    """By (job order, move), how often it happened."""
    moves: Counter[tuple[str, Move]] = Counter()
    for order, _, text in world.execute(HAPPENED):
        told = json.loads(text)["transfers"]
        if told is not None:
            sources = [told["sources"][i] for i in _array(told["source"])]
            targets = [told["targets"][i] for i in _array(told["target"])]
            from_xy = (_array(told["from_x"]), _array(told["from_y"]))
            to_xy = (_array(told["to_x"]), _array(told["to_y"]))
            slots = (_array(told[name]) for name in ("site", "level", "head", "outcome"))
            moves.update((order, move) for move in zip(sources, *from_xy, targets, *to_xy, *slots, strict=True))
    return moves


def _recorded(connection: psycopg.Connection[Any]) -> Counter[tuple[str, Move]]:
    """By (run, move), how often the database has it."""
    moves: Counter[tuple[str, Move]] = Counter()
    for run, source, target, n, from_xy, to_xy, slots in connection.execute(TRANSFERS):
        went = zip(
            np.frombuffer(from_xy, "<i2").reshape(n, 2).tolist(),
            np.frombuffer(to_xy, "<i2").reshape(n, 2).tolist(),
            np.frombuffer(slots, np.uint8).reshape(n, 4).tolist(),
            strict=True,
        )
        moves.update((run, (source, *start, target, *end, *slot)) for start, end, slot in went)
    return moves


def _moves_differ(really: Counter[tuple[str, Move]], recorded: Counter[tuple[str, Move]]) -> list[str]:
    return [f"{_move(key)} happened, but is not recorded." for key in _kept(really - recorded)] + [
        f"{_move(key)} is recorded, but did not happen." for key in _kept(recorded - really)
    ]


def _kept(moves: Counter[tuple[str, Move]]) -> list[tuple[str, Move]]:
    return sorted(moves.elements())


def _move(key: tuple[str, Move]) -> str:
    run, (source, from_x, from_y, target, to_x, to_y, site, level, head, outcome) = key
    return (
        f"Run {run}: the move of {source} x {from_x} y {from_y} to {target} x {to_x} y {to_y}, site {site},"
        f" level {level}, by head {head}, {OUTCOMES[outcome]},"
    )


def _outcomes(moves: Counter[tuple[str, Move]]) -> Counter[int]:
    outcomes: Counter[int] = Counter()
    for (_, move), times in moves.items():
        outcomes[move[-1]] += times
    return outcomes


# What is where


def _placements_differ(world: sqlite3.Connection, recorded: Counter[tuple[str, Move]]) -> list[str]:
    """Each unit that is really placed somewhere came from where the database says."""
    said = {move[:8] for _, move in recorded if move[-1] == PLACED}
    really = set(_placed(world))
    return [f"{_placement(p)} is so, but is not recorded." for p in sorted(really - said)] + [
        f"{_placement(p)} is recorded, but not so." for p in sorted(said - really)
    ]


def _placed(world: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    columns = {name: columns for name, _, columns, *_ in world.execute(PRESENT)}
    for target, site, level, names, *packed in world.execute(PLACEMENTS):
        sources = json.loads(names)
        index, from_x, from_y = (np.frombuffer(column, "<i2") for column in packed)
        for position in np.flatnonzero(index >= 0).tolist():
            to_y, to_x = divmod(position, columns[target])
            source = sources[int(index[position])]
            yield source, int(from_x[position]), int(from_y[position]), target, to_x, to_y, site, level


def _placement(placed: tuple[Any, ...]) -> str:
    source, from_x, from_y, target, to_x, to_y, site, level = placed
    return f"The unit on {target} x {to_x} y {to_y}, site {site}, level {level}, from {source} x {from_x} y {from_y}"


def _presence_differs(
    world: sqlite3.Connection, connection: psycopg.Connection[Any], recorded: Counter[tuple[str, Move]]
) -> list[str]:
    """Where the world has a unit the database says that one is there or that a person took it, and nowhere else."""
    said = {name: (rows, columns, d) for name, rows, columns, d in connection.execute(SUBSTRATES)}
    binned = {move[:3] for _, move in recorded if move[-1] == TO_THE_BIN}
    problems = []
    for name, rows, columns, is_load, arrived, present in world.execute(PRESENT):
        if name not in said or said[name][:2] != (rows, columns):
            problems.append(f"Substrate {name} is {rows} by {columns} positions; the database has no such substrate.")
            continue
        dispositions = np.frombuffer(said[name][2], np.uint8)
        taken = np.isin(dispositions, BY_A_PERSON)
        for position in np.flatnonzero(taken).tolist():
            taken[position] = (name, position % columns, position // columns) not in binned
        expected = np.isin(dispositions, THERE) | taken
        if not is_load:
            expected &= _bits(arrived, rows * columns)  # what no order allowed, the world has not seen
        there = _bits(present, rows * columns)
        problems += _told(name, columns, there & ~expected, "really have a unit; the database says that it is gone")
        problems += _told(name, columns, expected & ~there, "have no unit; the database says that one is there")
    return problems


def _told(name: str, columns: int, where: NDArray[np.bool_], what: str) -> list[str]:
    places = np.flatnonzero(where)
    if not len(places):
        return []
    y, x = divmod(int(places[0]), columns)
    return [f"Substrate {name}: {len(places)} positions {what}; the first is x {x}, y {y}."]


def _present(world: sqlite3.Connection) -> dict[str, int]:
    arrived = present = 0
    for _, rows, columns, _, came, there in world.execute(PRESENT):
        arrived += int(_bits(came, rows * columns).sum())
        present += int(_bits(there, rows * columns).sum())
    return {"arrived": arrived, "present": present}


def _twice_named(connection: psycopg.Connection[Any]) -> list[str]:
    names = Counter(name for name, *_ in connection.execute(SUBSTRATES))
    return [f"{n} substrates are named {name}; equipment cannot tell them apart." for name, n in names.items() if n > 1]


# Records


def _records_differ(world: sqlite3.Connection, connection: psycopg.Connection[Any]) -> list[str]:
    """Each result that happened is stored and applied once, as it was reported; nothing else is applied."""
    applied: dict[tuple[str, str], list[Any]] = {}
    other: Counter[tuple[str, str, str]] = Counter()
    for run, state, text in connection.execute(RESULTS):
        result = json.loads(text)["body"]
        if state == "applied":
            applied.setdefault((run, result["substrate"]), []).append(result)
        else:
            other[run, result["substrate"], state] += 1
    problems = [f"Run {run}: the result of {s} is {state}, not applied." for run, s, state in sorted(other)]
    happened = {(order, substrate): json.loads(text) for order, substrate, text in world.execute(HAPPENED)}
    for (run, substrate), result in happened.items():
        results = applied.pop((run, substrate), [])
        if len(results) != 1:
            problems.append(f"Run {run}: the result of {substrate} was applied {len(results)} times.")
        elif results[0] != result:
            problems.append(f"Run {run}: the result of {substrate} is not the one that happened.")
    return problems + _unfounded(applied)


def _unfounded(applied: Iterable[tuple[str, str]]) -> list[str]:
    return [f"Run {run}: a result of {s} was applied that did not happen." for run, s in sorted(applied)]
