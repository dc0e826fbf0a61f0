"""How bins of one pass went over into bins of another, and how well the two agree."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from mes.units.arithmetic.merging import Pass


@dataclass(frozen=True)
class Agreement:
    """Of units that both passes tested: how many passed or failed before and after."""

    good_good: int
    good_bad: int
    bad_good: int
    bad_bad: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[Pass, Pass]]) -> Self:
        """Of one substrate, or of several together: each before and after."""
        counts = np.zeros(4, np.int64)
        for before, after in pairs:
            both = before.tested & after.tested
            counts += np.bincount(2 * ~before.good[both] + ~after.good[both], minlength=4)
        return cls(*counts.tolist())

    @property
    def units(self) -> int:
        """That both tested."""
        return self.good_good + self.good_bad + self.bad_good + self.bad_bad

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (J. Cohen, Educational and Psychological Measurement 20, 1960, 37-46): 1 at most.

        None where chance alone would agree on all.
        """
        if not self.units:
            return None
        good_before, good_after = self.good_good + self.good_bad, self.good_good + self.bad_good
        by_chance = good_before * good_after + (self.units - good_before) * (self.units - good_after)
        by_chance_share = by_chance / self.units**2
        if by_chance_share == 1:
            return None
        return ((self.good_good + self.bad_bad) / self.units - by_chance_share) / (1 - by_chance_share)

    @property
    def phi(self) -> float | None:
        """Correlation of passing before with passing after (K. Pearson's for two by two), -1 to 1.

        None where all passed or all failed, before or after.
        """
        before = (self.good_good + self.good_bad) * (self.bad_good + self.bad_bad)
        after = (self.good_good + self.bad_good) * (self.good_bad + self.bad_bad)
        if not before * after:
            return None
        return (self.good_good * self.bad_bad - self.good_bad * self.bad_good) / math.sqrt(before * after)


def bin_migration(pairs: Iterable[tuple[Pass, Pass]]) -> dict[tuple[int, int], int]:
    """How many units had this bin before and that bin after, of those that both passes tested."""
    counts: dict[tuple[int, int], int] = {}
    for before, after in pairs:
        both = before.tested & after.tested
        coded = before.codes[both].astype(np.int64) << 16 | after.codes[both]
        for code, count in zip(*(part.tolist() for part in np.unique(coded, return_counts=True)), strict=True):
            went = code >> 16, code & 0xFFFF
            counts[went] = counts.get(went, 0) + count
    return dict(sorted(counts.items()))
