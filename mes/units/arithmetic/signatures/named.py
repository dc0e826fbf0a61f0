"""The signatures of a map, one after the other: the most telling first, and what is left is looked at again."""

from collections.abc import Callable, Iterator
from functools import partial

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline, grown
from mes.units.arithmetic.signatures.cluster import cluster
from mes.units.arithmetic.signatures.edge import edge_ring, half_moon
from mes.units.arithmetic.signatures.repeater import repeater
from mes.units.arithmetic.signatures.scratch import scratch
from mes.units.arithmetic.signatures.signature import Kind, Signature

Detector = Callable[[Counts, Outline], Signature | None]
DETECTORS: dict[Kind, Detector] = {
    Kind.EDGE_RING: edge_ring,
    Kind.HALF_MOON: half_moon,
    Kind.CLUSTER: cluster,
    Kind.SCRATCH: scratch,
    Kind.REPEATER: repeater,
}
FALSE_SHARE = 0.05
"""Of maps on which failures fall anywhere, at most so many are given any name."""
MOST = 8
SPREAD = 40
"""One part in so many of the substrate's width around a signature belongs to it, when what is left is looked at."""


def signatures(counts: Counts, outline: Outline, shot: tuple[int, int] | None = None) -> list[Signature]:
    """What stands out of a map, at most `MOST`; repeaters of any shot, or of one of so many columns and rows."""
    detectors = DETECTORS if shot is None else DETECTORS | {Kind.REPEATER: partial(repeater, shot=shot)}
    return list(_named(counts, outline, list(detectors.values())))


def _named(counts: Counts, outline: Outline, detectors: list[Detector]) -> Iterator[Signature]:
    for _ in range(MOST):
        tried = [detect(counts, outline) for detect in detectors]
        found = [one for one in tried if one is not None and one.chance <= FALSE_SHARE / len(DETECTORS)]
        if not found:
            return
        best = max(found, key=lambda one: one.evidence)
        yield best
        spread = 0 if best.kind is Kind.REPEATER else 1 + max(outline.across) // SPREAD
        counts = counts.without(grown(best.where, spread))
