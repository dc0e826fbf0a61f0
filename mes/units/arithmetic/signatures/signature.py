"""What a signature is: a kind of pattern, where it lies, and how little chance explains it."""

from dataclasses import dataclass
from enum import StrEnum

from mes.units.positions import Mask


class Kind(StrEnum):
    """Patterns of failures that have causes of their own."""

    EDGE_RING = "edge_ring"
    """All around along the edge: etch, coating, edge exclusion, handling."""
    HALF_MOON = "half_moon"
    """One side, cut off by a straight line or a crescent: a chamber or a plate that is not level, a bath."""
    CLUSTER = "cluster"
    """A spot: particles, a hot spot, a void under the wafer."""
    SCRATCH = "scratch"
    """A line: handling, polishing."""
    REPEATER = "repeater"
    """The same position of each shot: a defect of the reticle, or of a probe card's site."""


@dataclass(frozen=True)
class Signature:
    """``where`` are its positions; counts are tests in it and elsewhere, of one substrate or of several stacked.

    ``chance``: at most so likely is it that failures that fall anywhere look like it at some place. ``evidence`` is in
    nats. ``measures``: x and y of a position in it; ``width``, ``radius``, ``length``, ``period_x`` and ``period_y`` in
    positions; ``angle`` in degrees.
    """

    kind: Kind
    where: Mask
    failed: int
    tested: int
    failed_elsewhere: int
    tested_elsewhere: int
    chance: float
    evidence: float
    measures: dict[str, float]

    @property
    def strength(self) -> float:
        """Share that failed in it, less the share elsewhere."""
        return self.failed / self.tested - self.failed_elsewhere / max(self.tested_elsewhere, 1)
