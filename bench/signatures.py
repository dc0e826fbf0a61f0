"""Signatures of maps: how many planted ones are found by name, how often random failures get one, and how fast.

The wafers are drawn by the tests' generator, which shares no code with the detectors.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from bench.measure import Figure, Report, Size, beside, in_turn
from mes.units.arithmetic.signatures.named import DETECTORS, signatures
from tests.units.planted import PLAIN_NATS, PLANTS, Wafer, circle, wafer
from tests.units.test_signatures import looked_at

WAFERS = {Size.QUICK: 20, Size.USUAL: 100, Size.LONG: 1000}
"""Of each kind, and of random ones."""
MOST_MISSED, MOST_FALSE = 5.0, 5.0
"""Per cent."""
LARGE, ROUNDS = 60_000, 5
NOTES = (
    "Circles of 200 to 60,000 dies (even in their logarithm), 0.7 to 1.4 as high as wide; 70 to 99 % good elsewhere.",
    "Rings 1-3 wide and half-moons (a line at 0-0.5 radii, or a crescent): 20-60 % of what else is good fails.",
    "Clusters: ellipses of radius 3-8, up to half as long again: 40-100 % fail.",
    "Scratches 1-2 wide, from 20 dies or 0.3 of the wafer to 0.9 of it, bent by up to 5 % of that: 60-100 % fail.",
    "Repeaters: one die of shots of 2 × 2 to 30 × 30: 50-100 % fail.",
    f"Counted are plants whose dies are expected to tell {PLAIN_NATS:.0f} nats or more; fainter ones stand beside.",
)


@dataclass
class Named:
    """What became of the wafers of one kind."""

    tried: int = 0
    plain: int = 0
    found: int = 0
    plain_found: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def take(self, kind: str, one: Wafer) -> None:
        """Look for signatures on one."""
        kinds = {str(found.kind) for found in signatures(*looked_at(one))}
        self.tried += 1
        self.plain += one.plain
        self.found += kind in kinds
        self.plain_found += one.plain and kind in kinds
        self.others.update(kinds - {kind})


def run(size: Size) -> Report:
    """Each kind in turn, then the detectors one by one on the largest wafer."""
    figures = [_figure(kind, _named(kind, WAFERS[size])) for kind in PLANTS]
    figures += _times()
    return Report(tuple(figures), "numpy sorts as many random numbers as there are dies, in ms of CPU", NOTES)


def _named(kind: str, plain: int) -> Named:
    """So many plain wafers of a kind, and what fainter ones were drawn on the way."""
    named, chance = Named(), np.random.default_rng(list(kind.encode()))
    while (named.tried if kind == "random" else named.plain) < plain:
        named.take(kind, wafer(kind, chance))
    return named


def _figure(kind: str, named: Named) -> Figure:
    also: dict[str, float | int | str] = {f"also {other}": n for other, n in named.others.most_common()}
    if kind == "random":
        false = 100 * sum(named.others.values()) / named.tried
        return Figure("random: given any name", false, "%", budget=MOST_FALSE, more={"n": named.tried, **also})
    missed = 100 - 100 * named.plain_found / named.plain
    faint = f"{named.found - named.plain_found} of {named.tried - named.plain}"
    more = {"n": named.plain, "fainter found": faint, **also}
    return Figure(f"{kind}: not found", missed, "%", budget=MOST_MISSED, more=more)


def _times() -> list[Figure]:
    there = circle(LARGE, 1.0)
    chance = np.random.default_rng(7)
    one = Wafer(there, there & (chance.random(there.shape) < 0.1), np.zeros_like(there), 1.0, 0.1, 0.0)
    given, numbers = looked_at(one), chance.random(LARGE)
    figures = []
    for kind, detect in DETECTORS.items():
        spent = in_turn(ROUNDS, lambda detect=detect: detect(*given), lambda: np.sort(numbers))  # type: ignore[misc]
        ms = ([1000 * seconds for seconds in times] for times in spent)
        figures.append(beside(f"{kind}: {int(there.sum()):,} dies", "ms", *ms))
    return figures
