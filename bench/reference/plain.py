"""The same moves in a plain table, a row for each, with indexes and recursive SQL: what packed arrays stand beside."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg

from bench.reference.moves import Moves, Wafer

TABLE = """
create table placement (
    run_id int not null, happened_at timestamptz not null, source_id int not null, from_x smallint not null,
    from_y smallint not null, target_id int not null, to_x smallint not null, to_y smallint not null,
    site smallint not null, level smallint not null, head smallint not null, outcome smallint not null)
"""
INDEXES = (
    "create index on placement (target_id, to_x, to_y)",
    "create index on placement (source_id, from_x, from_y)",
    "create index on placement (run_id)",
)
WIDTHS = {
    "run_id": "i4", "happened_at": "i8", "source_id": "i4", "from_x": "i2", "from_y": "i2", "target_id": "i4",
    "to_x": "i2", "to_y": "i2", "site": "i2", "level": "i2", "head": "i2", "outcome": "i2",
}  # fmt: skip
FIELDS = [one for name, kind in WIDTHS.items() for one in ((f"{name}_bytes", ">i4"), (name, f">{kind}"))]
ROW = np.dtype([("fields", ">i2"), *FIELDS])
"""A row in PostgreSQL's binary form: the number of its fields, and before each how many bytes it has."""
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

TOLD = """
select m.target_id, m.to_x, m.to_y, m.source_id, m.from_x, m.from_y, m.site, m.level, m.head, m.outcome, r.name,
       e.name, v.name
from found m join run r on r.id = m.run_id join equipment e on e.id = r.equipment_id
join recipe_version v on v.id = r.recipe_version_id
"""
DOWN = f"""
with recursive found as (
    select p.* from placement p where target_id = %s and to_x = %s and to_y = %s and outcome = 0
    union all
    select p.* from found f join placement p on p.target_id = f.source_id and p.to_x = f.from_x and p.to_y = f.from_y
        and p.outcome = 0 and p.happened_at < f.happened_at)
{TOLD}
"""
UP = f"""
with recursive found as (
    select p.* from placement p where source_id = %s
    union all
    select p.* from found f join placement p on p.source_id = f.target_id and p.from_x = f.to_x and p.from_y = f.to_y
        and p.happened_at > f.happened_at and f.outcome = 0)
{TOLD}
"""

Told = tuple[Any, ...]
"""Target, its x and y, source, its x and y, site, level, head, outcome, run, equipment and recipe of one move."""
OUTCOME = 9
"""Where its outcome stands."""


class Plain:
    """The table, filled as the moves are made: give `seen` to `build`, then `finish`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._waiting: list[bytes] = []
        self.rows = 0
        connection.execute(TABLE)

    def seen(self, run: int, at: datetime, moves: Moves, wafers: dict[int, Wafer]) -> None:
        """Keep the moves of one report."""
        rows = np.zeros(len(moves), ROW)
        rows["fields"] = len(WIDTHS)
        for name, kind in WIDTHS.items():
            rows[f"{name}_bytes"] = np.dtype(kind).itemsize
        rows["run_id"], rows["happened_at"] = run, (at - EPOCH).total_seconds() * 1_000_000
        for side, own, at_own in (("source", "from", moves.from_at), ("target", "to", moves.to_at)):
            ids = getattr(moves, side)
            columns = np.array([wafers[i].columns for i in ids.tolist()])
            rows[f"{side}_id"], rows[f"{own}_x"], rows[f"{own}_y"] = ids, at_own % columns, at_own // columns
        for name in ("site", "level", "head", "outcome"):
            rows[name] = getattr(moves, name)
        self._waiting.append(rows.tobytes())
        self.rows += len(moves)
        if len(self._waiting) > 200:
            self._write()

    def finish(self) -> None:
        """Write the rest, with indexes."""
        self._write()
        for index in INDEXES:
            self.connection.execute(index)
        self.connection.execute("vacuum analyze placement")

    def _write(self) -> None:
        with self.connection.cursor() as cursor, cursor.copy("copy placement from stdin binary") as copy:
            copy.write(SIGNATURE)
            for rows in self._waiting:
                copy.write(rows)
            copy.write(b"\xff\xff")
        self._waiting.clear()

    def down(self, substrate_id: int, x: int, y: int) -> Collection[Told]:
        """All moves that brought what a unit is made of."""
        return self.connection.execute(DOWN, (substrate_id, x, y), prepare=True).fetchall()

    def up(self, substrate_id: int) -> Collection[Told]:
        """All moves of the units of a wafer, and of what they went into."""
        return self.connection.execute(UP, (substrate_id,), prepare=True).fetchall()
