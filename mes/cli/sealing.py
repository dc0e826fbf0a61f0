"""Seals of history: the heads of all chains in a file outside the database.

Inside the database a chain shows only careless changes: who may write everywhere can rewrite it from any entry on, or
cut off its end. Against a seal that is kept elsewhere neither goes unseen.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from checks import history
from mes.errors import Malformed

TITLE = "Interposer seal of history"

HEADS = """
select distinct on (subject_kind, subject_id) subject_kind, subject_id, n, encode(hash, 'hex')
from history order by subject_kind, subject_id, n desc
"""
SEALED_NOW = """
select h.subject_kind, h.subject_id, max(h.n), max(encode(h.hash, 'hex')) filter (where h.n = sealed.n)
from history h join unnest(%s::text[], %s::bigint[], %s::bigint[]) sealed (kind, id, n)
    on (h.subject_kind, h.subject_id) = (sealed.kind, sealed.id)
group by 1, 2
"""

Subject = tuple[str, int]
"""(kind, id)."""


@dataclass(frozen=True)
class Head:
    """The last entry of a chain: its number, and its hash in hexadecimal."""

    n: int
    hash: str


@dataclass(frozen=True)
class Seal:
    """What a seal file says: which database, when by the database's clock, and the head of every chain."""

    database: str
    sealed_at: str
    heads: dict[Subject, Head]


def write_seal(session: Session, path: Path) -> Seal:
    """Write the heads of all chains to a new file. Raises `FileExistsError` rather than replace a seal."""
    connection = driver(session)
    found = connection.execute("select current_database(), clock_timestamp()").fetchone()
    assert found is not None
    database, now = found
    heads = {(kind, number): Head(n, stands) for kind, number, n, stands in connection.execute(HEADS)}
    seal = Seal(database, now.astimezone(UTC).isoformat(), heads)
    with path.open("x", encoding="utf-8") as file:
        file.write(_text(seal))
    return seal


def read_seal(path: Path) -> Seal:
    """The seal in a file. Raises `Malformed` where it is no seal, or where anything in it was changed."""
    written = path.read_text(encoding="utf-8")
    try:
        title, database, sealed_at, *lines, digest = written.splitlines()
        heads = {}
        for kind, number, n, stands in (line.split() for line in lines):
            heads[kind, int(number)] = Head(int(n), stands)
        seal = Seal(database.removeprefix("database "), sealed_at.removeprefix("sealed_at "), heads)
    except ValueError as error:
        raise Malformed(f"{path} is not a seal of history.") from error
    if title != TITLE or _text(seal) != written:
        raise Malformed(f"{path} has been changed since it was written, or is not a seal ({digest[:72]}).")
    return seal


def verify(session: Session, path: Path | None = None) -> list[str]:
    """What is wrong with history: in its chains, and with a seal also against the heads that stand in it.

    Raises `Malformed` where the file is not a whole seal.
    """
    connection = driver(session)
    _, problems = history.count(connection)
    return problems + (broken_seal(connection, read_seal(path)) if path else [])


def driver(session: Session) -> psycopg.Connection[Any]:
    """The driver's connection of a session: the same transaction, with its role and scope."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def broken_seal(connection: psycopg.Connection[Any], seal: Seal) -> list[str]:
    """A sentence for each sealed chain that has vanished, has become shorter, or says something else at its head."""
    kinds, ids = [kind for kind, _ in seal.heads], [number for _, number in seal.heads]
    found = connection.execute(SEALED_NOW, [kinds, ids, [head.n for head in seal.heads.values()]])
    now = {(kind, number): (n, stands) for kind, number, n, stands in found}
    problems = []
    for (kind, number), head in seal.heads.items():
        where = f"History of {kind} {number}"
        n, stands = now.get((kind, number), (0, None))
        if n == 0:
            problems.append(f"{where} has vanished; the seal of {seal.sealed_at} has {head.n} entries.")
        elif n < head.n:
            problems.append(f"{where} ends at entry {n}; the seal of {seal.sealed_at} has {head.n} entries.")
        elif stands != head.hash:
            problems.append(f"{where}, entry {head.n}, is not the one that was sealed at {seal.sealed_at}.")
    return problems


def _text(seal: Seal) -> str:
    lines = [TITLE, f"database {seal.database}", f"sealed_at {seal.sealed_at}"]
    lines += [f"{kind} {number} {head.n} {head.hash}" for (kind, number), head in seal.heads.items()]
    body = "\n".join(lines) + "\n"
    return f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"
