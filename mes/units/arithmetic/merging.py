"""Several passes over the same positions made one: by a rule, or code by code by a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mes.errors import Malformed
from mes.units.positions import Mask

Codes = NDArray[np.uint16]


class Rule(StrEnum):
    """Which of a position's bins counts."""

    FIRST = "first"
    """That of the first pass that tested it."""
    LAST = "last"
    """That of the last pass that tested it."""
    BEST = "best"
    """The best one; of several, the last."""
    WORST = "worst"
    """The worst one, so that any failure is one; of several, the last."""


@dataclass(frozen=True)
class Pass:
    """Bins of one pass: uint16 codes, where it tested, and where the unit passed; all rows by columns."""

    codes: Codes
    tested: Mask
    good: Mask


def merged(passes: Sequence[Pass], rule: Rule, rank: Mapping[int, int] | None = None) -> Pass:
    """One pass of those given in their order. Where none tested, nothing is tested and the code is 0.

    ``rank`` tells which codes are worse: the higher, and every one it does not name is worse than all that it names.
    Without it a unit that failed is worse than one that passed.
    """
    first = passes[0]
    codes, good = np.zeros_like(first.codes), np.zeros_like(first.good)
    tested, worst = np.zeros_like(first.tested), np.zeros(first.codes.shape, np.int64)
    for one in passes:
        badness = _badness(one, rank)
        taken = one.tested & (~tested | _replaces(rule, badness, worst))
        codes, good = np.where(taken, one.codes, codes), np.where(taken, one.good, good)
        worst, tested = np.where(taken, badness, worst), tested | one.tested
    return Pass(codes, tested, good)


def _badness(one: Pass, rank: Mapping[int, int] | None) -> NDArray[np.int64]:
    if rank is None:
        return (~one.good).astype(np.int64)
    most = max(rank.values(), default=0) + 1
    ranks = np.full(1 << 16, most, np.int64)
    ranks[list(rank)] = list(rank.values())
    return ranks[one.codes]


def _replaces(rule: Rule, now: NDArray[np.int64], before: NDArray[np.int64]) -> Mask:
    replaces: dict[Rule, Mask] = {
        Rule.FIRST: np.zeros(now.shape, np.bool_),
        Rule.LAST: np.ones(now.shape, np.bool_),
        Rule.BEST: now <= before,
        Rule.WORST: now >= before,
    }
    return replaces[rule]


def by_table(first: Pass, second: Pass, table: Mapping[tuple[int, int], int]) -> Codes:
    """The code that ``table`` has for the two of each position that both tested; elsewhere that of the one, or 0.

    Raises `Malformed`, naming the pairs that are on the maps and not in the table.
    """
    codes = np.where(first.tested, first.codes, np.where(second.tested, second.codes, 0)).astype(np.uint16)
    both = first.tested & second.tested
    pairs, places = np.unique(np.stack([first.codes[both], second.codes[both]]), axis=1, return_inverse=True)
    found = [table.get((one, other)) for one, other in pairs.T.tolist()]
    missing = [f"{one} and {other}" for (one, other), code in zip(pairs.T.tolist(), found, strict=True) if code is None]
    if missing:
        raise Malformed(f"The table has no bin for {', '.join(missing)}; give one for each pair.")
    codes[both] = np.array(found, np.uint16)[places.ravel()]
    return codes
