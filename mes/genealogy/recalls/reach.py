"""Where units went, by arrays: a step for each form they had, one read of moves for each, no object for a unit.

A position may be occupied again, so a stay begins at a moment and ends with the first move that took the unit away.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from equipment.interface.states import TransferOutcome
from mes.definitions.models import Layout
from mes.genealogy.trace import MOST_STEPS
from mes.runs.models import Run
from mes.units.models import Substrate, Transfer
from mes.units.states import Disposition

Numbers = NDArray[np.int64]

EVER = 0, 0
"""The moment before all others."""

_X_BITS, _SUBSTRATE_BITS = 16, 32


def places_of(substrate_id: int | Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Positions as single numbers: substrate, row and column."""
    return np.asarray(substrate_id << _SUBSTRATE_BITS | y << _X_BITS | x, np.int64)


def places_on(substrate_id: int, indices: Numbers, columns: int) -> Numbers:
    """The same of positions that are counted row by row from the top left."""
    y, x = np.divmod(indices, columns)
    return places_of(substrate_id, x, y)


def by_substrate(places: Numbers) -> dict[int, tuple[Numbers, Numbers]]:
    """By substrate, x and y of the places on it."""
    ordered = np.sort(places)
    ids, begins = np.unique(ordered >> _SUBSTRATE_BITS, return_index=True)
    parts = np.split(ordered, begins[1:]) if len(ids) else []
    low = (1 << _X_BITS) - 1
    return {int(i): (part & low, part >> _X_BITS & low) for i, part in zip(ids, parts, strict=True)}


def moment(at: datetime) -> int:
    """Microseconds since 1970."""
    return int(np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us").astype(np.int64))


@dataclass(frozen=True)
class Stays:
    """Units by where they were and since when: plant time, and the transfer's number where times are equal."""

    place: Numbers
    at: Numbers
    number: Numbers

    def __len__(self) -> int:
        return len(self.place)

    def some(self, which: NDArray[Any]) -> "Stays":
        """Those for which ``which`` holds, or those with these indices."""
        return Stays(self.place[which], self.at[which], self.number[which])


def stays(place: Numbers, since: tuple[int, int]) -> Stays:
    """Stays that all began at one moment."""
    return Stays(place, *(np.full(len(place), part, np.int64) for part in since))


def together(parts: Sequence[Stays]) -> Stays:
    """All of them."""
    none = np.zeros(0, np.int64)
    columns = (np.concatenate([none, *(getattr(one, name) for one in parts)]) for name in ("place", "at", "number"))
    return Stays(*columns)


@dataclass(frozen=True)
class Moves:
    """Moves of several transfers; of a put-back the unit stays at its source."""

    source: Numbers
    target: Numbers
    head: NDArray[np.uint8]
    outcome: NDArray[np.uint8]
    at: Numbers
    number: Numbers

    def some(self, which: NDArray[Any]) -> "Moves":
        """Those for which ``which`` holds, or those with these indices."""
        return Moves(**{name: column[which] for name, column in vars(self).items()})

    def came(self) -> Stays:
        """Where they brought units, since when."""
        return Stays(self.target, self.at, self.number)

    def taken(self) -> Stays:
        """Where the units were that they took, from just before."""
        return Stays(self.source, self.at, self.number - 1)


def moves(session: Session, *which: ColumnElement[bool]) -> Moves:
    """All moves of the transfers of which these conditions hold; they may name the run."""
    query = (
        select(Transfer.id, Transfer.source_id, Transfer.target_id, Transfer.n, Transfer.happened_at,
               Transfer.from_xy, Transfer.to_xy, Transfer.slots)
        .join(Run, Run.id == Transfer.run_id)
        .where(*which)
    )  # fmt: skip
    rows = session.execute(query).all()
    counts = [row.n for row in rows]
    slots = np.frombuffer(b"".join(row.slots for row in rows), np.uint8).reshape(-1, 4)

    def each(values: Sequence[int]) -> Numbers:
        return np.repeat(np.array(values, np.int64), counts)

    def ends(ids: Sequence[int], packed: Sequence[bytes]) -> Numbers:
        xy = np.frombuffer(b"".join(packed), "<u2").reshape(-1, 2).astype(np.int64)
        return places_of(each(ids), xy[:, 0], xy[:, 1])

    return Moves(
        ends([row.source_id for row in rows], [row.from_xy for row in rows]),
        ends([row.target_id for row in rows], [row.to_xy for row in rows]),
        slots[:, 2], slots[:, 3], each([moment(row.happened_at) for row in rows]), each([row.id for row in rows]),
    )  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """Where units are now."""

    touched: int
    """How many there were to begin with."""
    places: Numbers
    """Positions that they are at."""
    ended: dict[str, int]
    """Moves that placed them nowhere, such as of units that were lost."""


def reach(session: Session, begin: Stays) -> Reach:
    """Follow units upwards to where they are now, through every form, and onto the masked copies of their wafer."""
    touched, stayed = 0, [np.zeros(0, np.int64)]
    ended: Counter[str] = Counter()
    fresh = begin
    for step in range(MOST_STEPS):
        if not len(fresh):
            break
        substrates = np.unique(fresh.place >> _SUBSTRATE_BITS).tolist()
        gone = moves(session, Transfer.source_id.in_(substrates))
        gone = gone.some(gone.outcome != TransferOutcome.PUT_BACK)
        left = first_after(fresh, gone)
        last = _unique(fresh.some(left < 0))
        went = gone.some(np.unique(left[left >= 0]))
        touched += 0 if step else len(last) + len(went.number)
        copied, here = _onto_copies(session, last)
        stayed.append(here)
        placed = went.outcome == TransferOutcome.PLACED
        ended.update(TransferOutcome(one).name.lower() for one in went.outcome[~placed].tolist())
        fresh = together([went.some(placed).came(), copied])
    return Reach(touched, np.unique(np.concatenate(stayed)), dict(ended))


def _unique(all_of: Stays) -> Stays:
    """One stay for each position."""
    return all_of.some(np.unique(all_of.place, return_index=True)[1])


def first_after(units: Stays, gone: Moves) -> Numbers:
    """By unit, the index of the first move that took it from its place; -1 where none did."""
    places = np.unique(units.place)
    found = np.searchsorted(places, gone.source)
    mine = np.flatnonzero(places[np.minimum(found, len(places) - 1)] == gone.source)
    of_unit, of_move = _ranks(units, gone, mine)
    keys = found[mine] * (len(units) + len(mine) + 1) + of_move
    order = np.argsort(keys, kind="stable")
    wanted = np.searchsorted(places, units.place) * (len(units) + len(mine) + 1) + of_unit
    next_one = np.searchsorted(keys[order], wanted, side="right")
    index = np.append(mine[order], -1)[next_one]
    there = np.append(gone.source, -1)[index]
    return np.where(there == units.place, index, -1)


def _ranks(units: Stays, gone: Moves, mine: Numbers) -> tuple[Numbers, Numbers]:
    """The moments of units and of moves as numbers in one order."""
    at, number = np.concatenate([units.at, gone.at[mine]]), np.concatenate([units.number, gone.number[mine]])
    order = np.lexsort((number, at))
    later = (np.diff(at[order]) != 0) | (np.diff(number[order]) != 0)
    ranks = np.empty(len(at), np.int64)
    ranks[order] = np.concatenate([[0], np.cumsum(later)])
    return ranks[: len(units)], ranks[len(units) :]


def _onto_copies(session: Session, units: Stays) -> tuple[Stays, Numbers]:
    """Units of wafers that were parted, on the copy that has them now; and the places of all others."""
    on = units.place >> _SUBSTRATE_BITS
    moved, onto = np.zeros(len(units), np.bool_), []
    for copy_id, wafer_id, there in _copies(session, np.unique(on).tolist()):
        mine = on == wafer_id
        copied = units.place + (copy_id - wafer_id << _SUBSTRATE_BITS)
        mine &= np.isin(copied, there)
        onto.append(Stays(copied[mine], units.at[mine], units.number[mine]))
        moved |= mine
    return together(onto), units.place[~moved]


def _copies(session: Session, wafers: Collection[int]) -> list[tuple[int, int, Numbers]]:
    """The masked copies of wafers: each with its wafer, and the places that have or had units."""
    query = select(Substrate.id, Substrate.part_of_id, Substrate.dispositions, Layout.columns)
    query = query.join(Layout, Layout.id == Substrate.layout_id).where(Substrate.part_of_id.in_(wafers))
    return [
        (copy_id, wafer_id, places_on(copy_id, was_there(packed), columns))
        for copy_id, wafer_id, packed, columns in session.execute(query)
        if wafer_id is not None
    ]


def was_there(dispositions: bytes) -> Numbers:
    """The indices of positions that have or had a unit."""
    now = np.frombuffer(dispositions, np.uint8)
    return np.flatnonzero((now != Disposition.NO_UNIT) & (now != Disposition.NOT_FOR_USE))
