"""Moves as arrays, read for whole substrates at once, under the reader's scope.

Staff read every transfer. A customer reads those between its own substrates whole, and of those across a border of
ownership its own half, through the views: without the other side, and without the run.

A position is known here by one number, of its substrate, row and column: `spot`. All positions of some substrates are
then one array, and positions in their order stand substrate by substrate, row by row.
"""

import struct
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, bindparam, column, literal, null, select, table
from sqlalchemy.orm import Session

from equipment.interface.states import TransferOutcome
from mes.genealogy.ask import IDS, ask
from mes.genealogy.tree import Place
from mes.units.models import Transfer

Moment = tuple[datetime, int]
"""Plant time, and the transfer's number where times are equal."""

Spot = int
"""(substrate id · 2¹⁶ + y) · 2¹⁶ + x, with 2¹⁵ added to both: what is recorded outside a substrate may be below 0."""
ZERO = 2**15

Spots = NDArray[np.int64]

_OUTCOMES = tuple(TransferOutcome)
_XY, _SLOTS = struct.Struct("<hh"), struct.Struct("4B")


class Recorded(NamedTuple):
    """One move as it is recorded; a side of another owner is None, and so is the run across a border."""

    moment: Moment
    number: int
    """Among the moves of its transfer, from 0."""
    source: Spot | None
    target: Spot | None
    site: int
    level: int
    head: int
    outcome: TransferOutcome
    run_id: int | None

    @property
    def number_of(self) -> tuple[int, int]:
        """By which it is known: its transfer, and its number there."""
        return self.moment[1], self.number


def spot(place: Place) -> Spot:
    """The number of a position."""
    return _spot(place.substrate_id, place.x, place.y)


def place(of: Spot) -> Place:
    """The position of that number."""
    return Place(of >> 32, (of & 0xFFFF) - ZERO, (of >> 16 & 0xFFFF) - ZERO)


def _spot(substrate_id: int, x: int, y: int) -> Spot:
    return (substrate_id << 32) + (y + ZERO << 16) + x + ZERO


class Side(NamedTuple):
    """Moves as they are seen from their targets, or from their sources: how to read whole ones, and halves."""

    whole: Select[Any]
    half: Select[Any]
    is_target: bool


def into(session: Session, spots: Collection[Spot], *, whole: bool) -> Iterator[Recorded]:
    """Moves that placed a unit at any of these positions, in the order in which they were recorded.

    ``whole``: the reader may read every transfer, so that there are no halves to look for.
    """
    yield from _moves(session, TARGET, spots, whole=whole)


def out_of(session: Session, spots: Collection[Spot], *, whole: bool) -> Iterator[Recorded]:
    """Moves of the units at these positions, whatever came of them, in the order in which they were recorded."""
    yield from _moves(session, SOURCE, spots, whole=whole)


def left(session: Session, substrate_ids: Iterable[int], *, whole: bool) -> list[Spot]:
    """Every position of these substrates that a move names as its source, in order."""
    rows = _rows(session, SOURCE, substrate_ids, whole=whole)
    return np.unique(_spots(rows)).tolist() if rows else []


def _side(own: str, other: str, view_name: str) -> Side:
    """Statements that give, of the transfers of some substrates, both sides as ``own`` and ``other``."""
    xy = {"source": "from_xy", "target": "to_xy"}
    own_id, other_id = (getattr(Transfer, f"{side}_id") for side in (own, other))
    whole = select(
        Transfer.id, Transfer.run_id, Transfer.n, Transfer.happened_at, Transfer.slots,
        own_id.label("own_id"), getattr(Transfer, xy[own]).label("own_xy"),
        other_id.label("other_id"), getattr(Transfer, xy[other]).label("other_xy"),
    ).where(own_id.in_(IDS))  # fmt: skip
    view = table(view_name, *(column(name) for name in ("id", "substrate_id", "n", "happened_at", xy[own], "slots")))
    half = select(
        view.c.id, null().label("run_id"), view.c.n, view.c.happened_at, view.c.slots,
        view.c.substrate_id.label("own_id"), view.c[xy[own]].label("own_xy"),
        literal(None).label("other_id"), null().label("other_xy"),
    ).where(view.c.substrate_id.in_(IDS), view.c.id.not_in(bindparam("known", expanding=True)))  # fmt: skip
    return Side(whole.order_by(Transfer.id), half.order_by(view.c.id), own == "target")


TARGET, SOURCE = _side("target", "source", "transfer_taken"), _side("source", "target", "transfer_given")


def _rows(session: Session, side: Side, substrate_ids: Iterable[int], *, whole: bool) -> list[Any]:
    """Transfers of these substrates on one side: whole ones, and halves of those whose other side is not shown."""
    ids = set(substrate_ids)
    rows: list[Any] = [*ask(session, side.whole, ids)]
    if not whole:
        halves = ask(session, side.half, ids, known=[row.id for row in rows])
        rows = sorted([*rows, *halves], key=lambda row: row.id)
    return rows


def _spots(rows: list[Any]) -> Spots:
    """The own positions of all moves of these rows, one after the other."""
    xy = np.frombuffer(b"".join(row.own_xy for row in rows), "<i2").reshape(-1, 2).astype(np.int64) + ZERO
    of = np.repeat([row.own_id for row in rows], [row.n for row in rows]).astype(np.int64)
    return of << 32 | xy[:, 1] << 16 | xy[:, 0]


def _moves(session: Session, side: Side, spots: Collection[Spot], *, whole: bool) -> Iterator[Recorded]:
    rows = _rows(session, side, (one >> 32 for one in spots), whole=whole)
    if not rows:
        return
    own, wanted = _spots(rows), np.sort(np.fromiter(spots, np.int64, len(spots)))
    found = np.flatnonzero(wanted[np.minimum(np.searchsorted(wanted, own), len(wanted) - 1)] == own)
    ends = np.cumsum([row.n for row in rows])
    row_of = np.searchsorted(ends, found, side="right")
    numbers = found - (ends - [row.n for row in rows])[row_of]
    for here, which, number in zip(own[found].tolist(), row_of.tolist(), numbers.tolist(), strict=True):
        row = rows[which]
        site, level, head, outcome = _SLOTS.unpack_from(row.slots, 4 * number)
        if side.is_target and outcome != TransferOutcome.PLACED:
            continue
        there = None if row.other_xy is None else _spot(row.other_id, *_XY.unpack_from(row.other_xy, 4 * number))
        source, target = (there, here) if side.is_target else (here, there)
        yield Recorded(
            (row.happened_at, row.id), number, source, target, site, level, head, _OUTCOMES[outcome], row.run_id
        )
