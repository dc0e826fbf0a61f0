"""The hidden truth: the physical world that all simulated equipment of a line shares.

One SQLite file (WAL). Equipment changes it, one transaction per (job order, substrate); besides equipment only
checks and analyses of how well the MES knows the world read it. Open it read-only and never from the MES.

Arrays are BLOBs, little-endian, rows by columns, row by row from the top left; bool arrays are packed eight to a
byte, first in the highest bit (``numpy.unpackbits``). Coordinates are the frame's: x from the left, y from the top,
from 0. Times are ISO 8601 in UTC.

``substrate``: what there is now
    name        primary key
    rows, columns
    is_load     1: first seen empty, to be filled; 0: came in with its units
    arrived     bool: positions whose unit came in with the substrate (all 0 for a load)
    present     bool: a unit is at the position now
    defects     uint32: bits of `equipment.sim.defects.Defect` of the unit there; 0 where none is. A target has its
                own defects and those of every unit that was placed on it
    cleaned_at  plant time of the end of the last cleaning; NULL for never, or sealed by heat since

``layer``: what was placed on the positions of a substrate, one row per site and level ever used
    substrate, site, level   primary key; site 0, level 0 is the unit of a load itself, moved in whole
    sources     JSON list of substrate names
    source      int16: index into ``sources`` of the substrate that the unit came from, -1 for nothing placed
    from_x, from_y  int16: position on that substrate
    A unit carries what it contains: follow (source, from_x, from_y) to that substrate's layers, and so on. What a
    layer says stays when the target moves on; whether it is still there says ``present`` of the target.

``quantity``: what can be measured of the units of a substrate, one row per name ever given
    substrate, name   primary key; names with their units in `UNIT_OF`
    value       float32, rows by columns; not a number where no unit was given one

``happened``: what really happened, append-only, one row per job order and substrate worked on
    n           primary key, counts up
    job_order_id, substrate   unique together
    equipment, operation, lot, visit
    at          plant time of the end of the work
    result      JSON of the result as reported (`equipment.interface.codec`): touched, bins, transfers, measured
    defects_added  uint32, rows by columns of the substrate: defects that this work gave the units
    wear        JSON object: wear counters of the equipment after it
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipment.interface.codec import read_result, result_text
from equipment.interface.messages import JobOrder, JobSubstrate, PositionMap, SubstrateResult
from equipment.interface.states import MapRole

BUSY_TIMEOUT_S = 60.0
DEPOSIT, THICKNESS, FILM = "deposit_pct", "thickness_um", "film_um"
SHIFT_X, SHIFT_Y = "shift_x_um", "shift_y_um"
UNIT_OF = {DEPOSIT: "%", THICKNESS: "um", FILM: "um", SHIFT_X: "um", SHIFT_Y: "um"}
"""What can be measured of a unit: how much was dispensed of what should be, how thick it is and how thick the film that
was deposited last, and by how much its die lies to the right of where it should and below."""

_TABLES = """
CREATE TABLE IF NOT EXISTS substrate (
    name TEXT PRIMARY KEY, rows INTEGER NOT NULL, columns INTEGER NOT NULL, is_load INTEGER NOT NULL,
    arrived BLOB NOT NULL, present BLOB NOT NULL, defects BLOB NOT NULL, cleaned_at TEXT
);
CREATE TABLE IF NOT EXISTS layer (
    substrate TEXT NOT NULL REFERENCES substrate, site INTEGER NOT NULL, level INTEGER NOT NULL,
    sources TEXT NOT NULL, source BLOB NOT NULL, from_x BLOB NOT NULL, from_y BLOB NOT NULL,
    PRIMARY KEY (substrate, site, level)
);
CREATE TABLE IF NOT EXISTS quantity (
    substrate TEXT NOT NULL REFERENCES substrate, name TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (substrate, name)
);
CREATE TABLE IF NOT EXISTS happened (
    n INTEGER PRIMARY KEY, job_order_id TEXT NOT NULL, substrate TEXT NOT NULL REFERENCES substrate,
    equipment TEXT NOT NULL, operation TEXT NOT NULL, lot TEXT NOT NULL, visit INTEGER NOT NULL, at TEXT NOT NULL,
    result TEXT NOT NULL, defects_added BLOB NOT NULL, wear TEXT NOT NULL, UNIQUE (job_order_id, substrate)
);
CREATE TRIGGER IF NOT EXISTS happened_stays_update BEFORE UPDATE ON happened
BEGIN SELECT RAISE(ABORT, 'what happened stays'); END;
CREATE TRIGGER IF NOT EXISTS happened_stays_delete BEFORE DELETE ON happened
BEGIN SELECT RAISE(ABORT, 'what happened stays'); END;
"""


@dataclass
class Layer:
    """Where the units at one site and level of a substrate came from; arrays int16, rows by columns."""

    sources: list[str]
    source: NDArray[np.int16]
    from_x: NDArray[np.int16]
    from_y: NDArray[np.int16]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "Layer":
        return cls([], np.full(shape, -1, np.int16), np.zeros(shape, np.int16), np.zeros(shape, np.int16))

    def index_of(self, source: str) -> int:
        """The index of a source's name, which is added where it is new."""
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source)


@dataclass
class SubstrateTruth:
    """The true state of one substrate; see the table ``substrate``. A private copy: write it back by `World.once`."""

    name: str
    is_load: bool
    arrived: NDArray[np.bool_]
    present: NDArray[np.bool_]
    defects: NDArray[np.uint32]
    cleaned_at: datetime | None = None
    layers: dict[tuple[int, int], Layer] = field(default_factory=dict)
    quantities: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.present.shape
        return rows, columns

    def layer(self, site: int, level: int) -> Layer:
        """The layer of that site and level; an empty one is added where there is none."""
        return self.layers.setdefault((site, level), Layer.empty(self.shape))

    def quantity(self, name: str) -> NDArray[np.float32]:
        """A quantity of the units by position; not a number anywhere where it is new."""
        return self.quantities.setdefault(name, np.full(self.shape, np.nan, np.float32))

    def occupied(self, site: int, level: int) -> NDArray[np.bool_]:
        """Positions at which something was placed at that site and level."""
        if (site, level) not in self.layers:
            return np.zeros(self.shape, np.bool_)
        return self.layers[site, level].source >= 0


Truths = dict[str, SubstrateTruth]


@dataclass(frozen=True)
class Happened:
    """What one piece of work did: the result to report, the wear after it, the substrates it changed."""

    result: SubstrateResult
    wear: Mapping[str, float]
    changed: frozenset[str] = frozenset()


class World:
    """Opens the truth in ``path`` or makes it. One connection: open it in the process that uses it."""

    def __init__(self, path: Path | str) -> None:
        self._sql = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = NORMAL")
        self._sql.executescript(_TABLES)

    def close(self) -> None:
        self._sql.close()

    def shape(self, substrate: str) -> tuple[int, int] | None:
        """Rows and columns of a substrate; None where the world has not seen it."""
        row = self._sql.execute("SELECT rows, columns FROM substrate WHERE name = ?", (substrate,)).fetchone()
        return (int(row[0]), int(row[1])) if row else None

    def see(self, maps: Iterable[PositionMap]) -> None:
        """Let substrates come in. Units appear once at each position that a map allows, except on loads."""
        with self._change():
            for positions in maps:
                self._see(positions)

    def _see(self, positions: PositionMap) -> None:
        truth = self._read(positions.substrate)
        if truth is None:
            nothing = np.zeros(positions.allowed.shape, np.bool_)
            truth = SubstrateTruth(
                positions.substrate,
                positions.role is MapRole.LOAD,
                nothing,
                nothing.copy(),
                np.zeros(nothing.shape, np.uint32),
            )
        elif truth.is_load or not (positions.allowed & ~truth.arrived).any():
            return
        if not truth.is_load:
            truth.present |= positions.allowed & ~truth.arrived
            truth.arrived |= positions.allowed
        self._write(truth)

    def read(self, substrates: Iterable[str]) -> Truths:
        """Copies of the substrates' true states; those that the world has not seen are left out."""
        truths = {name: self._read(name) for name in substrates}
        return {name: truth for name, truth in truths.items() if truth is not None}

    def once(
        self,
        equipment: str,
        order: JobOrder,
        part: JobSubstrate,
        substrates: Iterable[str],
        work: Callable[[Truths], Happened],
    ) -> Happened:
        """Let ``work`` change the named substrates, once per job order and substrate.

        Asked again for work that has happened, it changes nothing and returns what happened then: equipment that
        was killed before it could note the result repeats itself exactly.
        """
        with self._change():
            known = self._happened(order.job_order_id, part.substrate)
            if known is not None:
                return known
            truths = self.read(substrates)
            before = truths[part.substrate].defects.copy()
            done = work(truths)
            for name in sorted(done.changed):
                self._write(truths[name])
            added = truths[part.substrate].defects & ~before
            self._sql.execute(
                "INSERT INTO happened (job_order_id, substrate, equipment, operation, lot, visit, at, result,"
                " defects_added, wear) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    order.job_order_id,
                    part.substrate,
                    equipment,
                    order.operation,
                    part.lot,
                    part.visit,
                    done.result.ended_at.isoformat(),
                    result_text(done.result),
                    added.astype("<u4").tobytes(),
                    json.dumps(dict(done.wear), sort_keys=True),
                ),
            )
            return done

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._sql.execute("COMMIT")
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise

    def _happened(self, job_order_id: str, substrate: str) -> Happened | None:
        row = self._sql.execute(
            "SELECT result, wear FROM happened WHERE job_order_id = ? AND substrate = ?", (job_order_id, substrate)
        ).fetchone()
        return Happened(read_result(row[0]), json.loads(row[1])) if row else None

    def _read(self, name: str) -> SubstrateTruth | None:
        row = self._sql.execute(
            "SELECT rows, columns, is_load, arrived, present, defects, cleaned_at FROM substrate WHERE name = ?",
            (name,),
        ).fetchone()
        if row is None:
            return None
        shape = (row[0], row[1])
        truth = SubstrateTruth(
            name,
            bool(row[2]),
            _bools(row[3], shape),
            _bools(row[4], shape),
            np.frombuffer(row[5], "<u4").astype(np.uint32).reshape(shape),
            datetime.fromisoformat(row[6]) if row[6] else None,
        )
        layers = self._sql.execute(
            "SELECT site, level, sources, source, from_x, from_y FROM layer WHERE substrate = ?", (name,)
        )
        for site, level, sources, *columns in layers:
            source, from_x, from_y = (np.frombuffer(c, "<i2").astype(np.int16).reshape(shape) for c in columns)
            truth.layers[site, level] = Layer(json.loads(sources), source, from_x, from_y)
        quantities = self._sql.execute("SELECT name, value FROM quantity WHERE substrate = ?", (name,))
        for quantity, value in quantities:
            truth.quantities[quantity] = np.frombuffer(value, "<f4").astype(np.float32).reshape(shape)
        return truth

    def _write(self, truth: SubstrateTruth) -> None:
        self._sql.execute(
            "INSERT INTO substrate VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " arrived = excluded.arrived, present = excluded.present, defects = excluded.defects,"
            " cleaned_at = excluded.cleaned_at",
            (
                truth.name,
                *truth.shape,
                int(truth.is_load),
                np.packbits(truth.arrived).tobytes(),
                np.packbits(truth.present).tobytes(),
                truth.defects.astype("<u4").tobytes(),
                truth.cleaned_at.isoformat() if truth.cleaned_at else None,
            ),
        )
        for (site, level), layer in truth.layers.items():
            columns = (layer.source, layer.from_x, layer.from_y)
            self._sql.execute(
                "INSERT OR REPLACE INTO layer VALUES (?, ?, ?, ?, ?, ?, ?)",
                (truth.name, site, level, json.dumps(layer.sources), *(c.astype("<i2").tobytes() for c in columns)),
            )
        self._sql.execute("DELETE FROM quantity WHERE substrate = ?", (truth.name,))
        for name, values in truth.quantities.items():
            row = (truth.name, name, values.astype("<f4").tobytes())
            self._sql.execute("INSERT INTO quantity VALUES (?, ?, ?)", row)


def _bools(content: bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(content, np.uint8), count=shape[0] * shape[1])
    return bits.astype(np.bool_).reshape(shape)
