"""Moves of units as arrays, and the rows that keep them. Written apart from what reads them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bench.reference.rows import Rows
from mes.units.models import Occupancy, Transfer

PLACED, PUT_BACK, REJECTED, LOST = range(4)
NO_UNIT, IN_PROCESS, BAD, COMPLETED, CONSUMED, SCRAPPED, GONE, SHIPPED = 0, 2, 4, 5, 6, 8, 9, 10
"""Of the dispositions, those that come here; ``BAD`` failed and stays, ``GONE`` was lost."""
AFTER = {PLACED: CONSUMED, REJECTED: SCRAPPED, LOST: GONE}
FAILED_PICKS = 0.004

Ints = NDArray[np.int64]


@dataclass(eq=False)
class Wafer:
    """A substrate: what has become of each of its positions, row by row."""

    number: int
    name: str
    owner: int
    rows: int
    columns: int
    at: NDArray[np.uint8]
    versions: dict[str, int] = field(default_factory=dict)
    """How many versions each of its layers has."""
    holder: int | None = None

    def places(self, disposition: int) -> Ints:
        """The positions that are so."""
        return np.flatnonzero(self.at == disposition)


@dataclass(frozen=True)
class Moves:
    """Of one report, in the order in which they were done; ``source`` and ``target`` are ids, from and to positions."""

    source: Ints
    from_at: Ints
    target: Ints
    to_at: Ints
    site: Ints
    level: Ints
    head: Ints
    outcome: Ints

    def __len__(self) -> int:
        return len(self.source)

    def of(self, which: NDArray[np.bool_] | Ints) -> "Moves":
        """Some of them."""
        return Moves(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def joined(some: Iterable[Moves]) -> Moves:
    """All of them, in this order."""
    listed = list(some)
    return Moves(*(np.concatenate([getattr(one, name) for one in listed]) for name in Moves.__dataclass_fields__))


def picked(
    chance: np.random.Generator, units: Ints, target: int, to_at: Ints, site: Ints, level: Ints, heads: int
) -> tuple[Moves, int]:
    """Place units, pairs of (wafer, position), in their order; a few picks fail, and the next unit takes their place.

    Gives the moves, and how many units they took.
    """
    wanted = len(to_at)
    tries = np.repeat(np.arange(wanted), 1 + (chance.random(wanted) < FAILED_PICKS))
    fails = np.append(tries[1:] == tries[:-1], False)
    outcome = np.where(fails, chance.choice((PUT_BACK, REJECTED, LOST), len(tries)), PLACED)
    n = len(tries)
    head = np.arange(n) % heads
    moves = Moves(
        units[:n, 0], units[:n, 1], np.full(n, target), to_at[tries], site[tries], level[tries], head, outcome
    )
    return moves, n


def keep(
    rows: Rows, run: int, moves: Moves, at: datetime, wafers: Mapping[int, Wafer],
    agreements: Mapping[tuple[int, int], int] | None = None,
) -> None:  # fmt: skip
    """Packed rows for the moves of one report, a row for each pair of substrates; both ends are what they become."""
    for source, target in sorted(set(zip(moves.source.tolist(), moves.target.tolist(), strict=True))):
        mine = moves.of((moves.source == source) & (moves.target == target))
        give, take = wafers[source], wafers[target]
        rows.add(
            Transfer, run_id=run, source_customer_id=give.owner, source_id=source, target_customer_id=take.owner,
            target_id=target, n=len(mine), happened_at=at, from_xy=_xy(mine.from_at, give), to_xy=_xy(mine.to_at, take),
            slots=np.stack([mine.site, mine.level, mine.head, mine.outcome], axis=1).astype("u1").tobytes(),
            agreement_id=(agreements or {}).get((give.owner, take.owner)),
        )  # fmt: skip
        for outcome, disposition in AFTER.items():
            give.at[mine.from_at[mine.outcome == outcome]] = disposition
    _occupy(rows, moves.of(moves.outcome == PLACED), wafers)


def _xy(at: Ints, wafer: Wafer) -> bytes:
    return np.stack([at % wafer.columns, at // wafer.columns], axis=1).astype("<i2").tobytes()


def _occupy(rows: Rows, placed: Moves, wafers: Mapping[int, Wafer]) -> None:
    targets, sites, levels = (np.unique(one).tolist() for one in (placed.target, placed.site, placed.level))
    for target, site, level in itertools.product(targets, sites, levels):
        here = (placed.target == target) & (placed.site == site) & (placed.level == level)
        if here.any():
            take = wafers[target]
            rows.add(
                Occupancy, customer_id=take.owner, substrate_id=target, site=site, level=level,
                positions=bits(placed.to_at[here], len(take.at)),
            )  # fmt: skip


def bits(places: Ints, size: int) -> bytes:
    """One bit for each position of so many, set at these."""
    where = np.zeros(size, np.bool_)
    where[places] = True
    return np.packbits(where).tobytes()


def pooled(wafers: Sequence[Wafer], disposition: int = COMPLETED) -> Ints:
    """Pairs of (wafer, position) of all that is so, wafer by wafer."""
    of = [np.stack([np.full(len(p), w.number), p], axis=1) for w in wafers if len(p := w.places(disposition))]
    return np.concatenate(of) if of else np.zeros((0, 2), np.int64)
