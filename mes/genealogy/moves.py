"""Moves as arrays, read for whole substrates at once, under the reader's scope.

Staff read every transfer. A customer reads those between its own substrates whole, and of those across a border of
ownership its own half, through the views: without the other side, and without the run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import column, literal, null, select, table
from sqlalchemy.orm import Session

from equipment.interface.states import TransferOutcome
from mes.genealogy.tree import Place
from mes.units.models import Transfer

Moment = tuple[datetime, int]
"""Plant time, and the transfer's number where times are equal."""


@dataclass(frozen=True)
class Recorded:
    """One move as it is recorded; a side of another owner is None, and so is the run across a border."""

    transfer_id: int
    source: Place | None
    target: Place | None
    site: int
    level: int
    head: int
    outcome: TransferOutcome
    run_id: int | None
    at: datetime
    number: int
    """Among the moves of its transfer, from 0."""

    @property
    def number_of(self) -> tuple[int, int]:
        """By which it is known: its transfer, and its number there."""
        return self.transfer_id, self.number

    @property
    def moment(self) -> Moment:
        """When, comparable between moves."""
        return self.at, self.transfer_id


def into(session: Session, places: Iterable[Place]) -> Iterator[Recorded]:
    """Moves that placed a unit at any of these positions, in the order in which they were recorded."""
    wanted = _keys(places)
    for row in _rows(session, "target", "transfer_taken", "to_xy", list(wanted)):
        moves = _Packed(row)
        mine = np.isin(moves.to_key, wanted[row.target_id]) & (moves.outcome == TransferOutcome.PLACED)
        yield from moves.each(mine)


def out_of(session: Session, places: Iterable[Place]) -> Iterator[Recorded]:
    """Moves of the units at these positions, whatever came of them, in the order in which they were recorded."""
    wanted = _keys(places)
    for row in _rows(session, "source", "transfer_given", "from_xy", list(wanted)):
        moves = _Packed(row)
        yield from moves.each(np.isin(moves.from_key, wanted[row.source_id]))


def left(session: Session, substrate_ids: Iterable[int]) -> list[Place]:
    """Every position of these substrates that a move names as its source: substrate by substrate, row by row."""
    rows = _rows(session, "source", "transfer_given", "from_xy", list(substrate_ids))
    named = {
        (row.source_id, y, x) for row in rows for x, y in np.frombuffer(row.from_xy, "<i2").reshape(-1, 2).tolist()
    }
    return [Place(substrate_id, x, y) for substrate_id, y, x in sorted(named)]


def _keys(places: Iterable[Place]) -> dict[int, NDArray[np.int64]]:
    of: dict[int, list[tuple[int, int]]] = {}
    for place in places:
        of.setdefault(place.substrate_id, []).append((place.x, place.y))
    return {substrate_id: _key(np.array(xy, np.int64)) for substrate_id, xy in of.items()}


def _key(xy: NDArray[Any]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = xy[:, 1].astype(np.int64) * 65536 + xy[:, 0]
    return keys


def _rows(session: Session, side: str, half: str, xy: str, substrate_ids: list[int]) -> list[Any]:
    """Transfers of these substrates on one side: whole ones, and halves of those whose other side is not shown."""
    of_side = getattr(Transfer, f"{side}_id")
    columns = (
        Transfer.id, Transfer.run_id, Transfer.source_id, Transfer.target_id, Transfer.n, Transfer.happened_at,
        Transfer.from_xy, Transfer.to_xy, Transfer.slots,
    )  # fmt: skip
    whole = select(*columns).where(of_side.in_(substrate_ids)).order_by(Transfer.id)
    rows: list[Any] = list(session.execute(whole))
    view = table(half, *(column(name) for name in ("id", "substrate_id", "n", "happened_at", xy, "slots")))
    substrate_id = view.c.substrate_id.label(f"{side}_id")
    other = literal(None).label("target_id" if side == "source" else "source_id")
    unseen = null().label("to_xy" if side == "source" else "from_xy")
    halves = (
        select(view.c.id, null().label("run_id"), substrate_id, other, view.c.n, view.c.happened_at, view.c[xy],
               unseen, view.c.slots)
        .where(view.c.substrate_id.in_(substrate_ids), view.c.id.not_in([row.id for row in rows]))
        .order_by(view.c.id)
    )  # fmt: skip
    return sorted([*rows, *session.execute(halves)], key=lambda row: row.id)


class _Packed:
    """The arrays of one row."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.from_xy = _pairs(row.from_xy)
        self.to_xy = _pairs(row.to_xy)
        self.slots = np.frombuffer(row.slots, np.uint8).reshape(row.n, 4)
        self.outcome = self.slots[:, 3]

    @property
    def from_key(self) -> NDArray[np.int64]:
        assert self.from_xy is not None
        return _key(self.from_xy)

    @property
    def to_key(self) -> NDArray[np.int64]:
        assert self.to_xy is not None
        return _key(self.to_xy)

    def each(self, which: NDArray[np.bool_]) -> Iterator[Recorded]:
        """The moves for which ``which`` holds."""
        for i in np.flatnonzero(which).tolist():
            site, level, head, outcome = self.slots[i].tolist()
            yield Recorded(
                self.row.id, _place(self.row.source_id, self.from_xy, i), _place(self.row.target_id, self.to_xy, i),
                site, level, head, TransferOutcome(outcome), self.row.run_id, self.row.happened_at, i,
            )  # fmt: skip


def _pairs(packed: bytes | None) -> NDArray[np.int16] | None:
    return None if packed is None else np.frombuffer(packed, "<i2").reshape(-1, 2)


def _place(substrate_id: int | None, xy: NDArray[np.int16] | None, i: int) -> Place | None:
    if substrate_id is None or xy is None:
        return None
    return Place(substrate_id, int(xy[i, 0]), int(xy[i, 1]))
