"""Failures and tests by position: of one substrate, or of several laid upon each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mes.units.positions import Mask, Shape


@dataclass(frozen=True)
class Counts:
    """``failed`` of ``tested`` units at each position: int32, rows by columns."""

    failed: NDArray[np.int32]
    tested: NDArray[np.int32]

    @classmethod
    def stacked(cls, shape: Shape, judged: Iterable[tuple[Mask, Mask]]) -> Self:
        """Substrates of that shape laid upon each other; of each, where units failed and where they were tested."""
        failed, tested = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for bad, told in judged:
            failed += bad & told
            tested += told
        return cls(failed, tested)

    @property
    def totals(self) -> tuple[int, int]:
        """Failures and tests of all positions."""
        return int(self.failed.sum()), int(self.tested.sum())

    def without(self, where: Mask) -> Self:
        """The same, as if nothing had been tested at these positions."""
        return type(self)(np.where(where, 0, self.failed), np.where(where, 0, self.tested))
