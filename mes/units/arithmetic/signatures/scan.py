"""What the detectors share: of all places where a signature of a kind might lie, the one that chance explains least.

A place is scored by the logarithm of the likelihood ratio of two shares of failures, inside and outside, against one
share for all (M. Kulldorff, A spatial scan statistic, Communications in Statistics 26, 1997, 1481-1496, Bernoulli
model). How likely chance alone makes as many failures there is the upper tail of the hypergeometric distribution: so
many failures laid anywhere among the tests. That, times the number of places tried, bounds the chance of finding one
anywhere (Bonferroni). So no random numbers are drawn, and the bound holds for every yield and size.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.signatures.signature import Kind, Signature
from mes.units.positions import Mask

Array = NDArray[np.integer]
Drawing = tuple[Mask, dict[str, float]]
"""The positions of a place, and its measures."""
Drawn = Callable[[int], Drawing]
"""By the number of a place."""

LEAST_Z = 3.0
"""Places whose failures are fewer standard deviations above those expected are not looked at: no budget allows them."""


class Scan:
    """Places of one kind over one map: offered in arrays, the one with the greatest evidence is kept."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.failed, self.tested = counts.totals
        self.places = 0
        self._evidence = 0.0
        self._best: tuple[int, int, Drawn, int] | None = None

    def offer(self, failed: Array, tested: Array, drawn: Drawn) -> None:
        """Places with so many failures in so many tests each; ``drawn`` is asked of the best alone."""
        failed, tested = failed.ravel(), tested.ravel()
        self.places += failed.size
        share = self.failed / max(self.tested, 1)
        above = failed - np.float32(share) * tested
        spread = np.float32(share * (1 - share)) * tested * (1 - tested * np.float32(1 / max(self.tested, 1)))
        near = np.flatnonzero(above * above > np.float32(LEAST_Z**2) * spread)
        near = near[above[near] > 0]
        if not near.size:
            return
        scores = evidence(failed[near], tested[near], self.failed, self.tested)
        best = int(scores.argmax())
        if scores[best] > self._evidence:
            place = int(near[best])
            self._evidence = float(scores[best])
            self._best = int(failed[place]), int(tested[place]), drawn, place

    def best(self, kind: Kind) -> Signature | None:
        """The place with the greatest evidence; None where nothing stands out at all."""
        if self._best is None:
            return None
        failed, tested, drawn, place = self._best
        where, measures = drawn(place)
        chance = math.log(self.places) + log_tail(failed, tested, self.failed, self.tested)
        return Signature(
            kind, where, failed, tested, self.failed - failed, self.tested - tested, math.exp(min(chance, 0.0)),
            self._evidence, measures,
        )  # fmt: skip


def evidence(failed: Array, tested: Array, all_failed: int, all_tested: int) -> NDArray[np.float64]:
    """Kulldorff's log likelihood ratio of each place, in nats; 0 where no greater share failed than elsewhere."""
    inside, outside = failed.astype(np.float64), np.float64(all_failed) - failed
    tests, others = tested.astype(np.float64), np.float64(all_tested) - tested
    told = _two_shares(inside, tests) + _two_shares(outside, others)
    one = _two_shares(np.array([all_failed], np.float64), np.array([all_tested], np.float64))
    return np.where(inside * others > outside * tests, told - one, 0.0)


def _two_shares(failed: NDArray[np.float64], tested: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log likelihood of so many failures of so many tests, at the share that fits best."""
    return _x_log_x(failed) + _x_log_x(tested - failed) - _x_log_x(tested)


def _x_log_x(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * np.log(np.maximum(x, 1.0))


def log_tail(failed: int, tested: int, all_failed: int, all_tested: int) -> float:
    """The logarithm of the chance of so many failures or more in a place, ``all_failed`` lying anywhere."""
    most = min(tested, all_failed)
    first = _log_choose(tested, failed) + _log_choose(all_tested - tested, all_failed - failed)
    x = np.arange(failed, most, dtype=np.float64)
    ratios = (tested - x) * (all_failed - x) / ((x + 1) * (all_tested - tested - all_failed + x + 1))
    return first - _log_choose(all_tested, all_failed) + math.log1p(float(np.cumprod(ratios).sum()))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
