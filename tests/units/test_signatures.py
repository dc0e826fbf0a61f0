"""Signatures: planted ones are found and named, random failures get no name; the bench plants some thousands."""

import math
from itertools import islice, product

import numpy as np
import pytest

from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.outline import Outline
from mes.units.arithmetic.signatures.named import DETECTORS, signatures
from mes.units.arithmetic.signatures.repeater import repeater
from mes.units.arithmetic.signatures.scan import evidence, log_tail
from mes.units.arithmetic.signatures.scratch import scratch
from mes.units.arithmetic.signatures.signature import Kind
from tests.units.planted import PLANTS, Wafer, circle, wafer

MOST_DIES = 4_000
"""Of wafers in these tests."""


def looked_at(one: Wafer) -> tuple[Counts, Outline]:
    """A wafer as the detectors are given it."""
    counts = Counts(one.failed.astype(np.int32), one.there.astype(np.int32))
    return counts, Outline.around(one.there, (1000, 1000 * one.aspect), round_=True)


def wafers(kind: str, count: int) -> list[Wafer]:
    """Wafers of a moderate size, that show what is planted."""
    chance = np.random.default_rng(list(kind.encode()))
    drawn = (wafer(kind, chance) for _ in range(20 * count))
    plain = (one for one in drawn if one.there.sum() < MOST_DIES and (one.plain or kind == "random"))
    return list(islice(plain, count))


@pytest.mark.parametrize("kind", Kind)
def test_what_is_planted_is_found_and_named(kind: Kind) -> None:
    tried = wafers(kind, 12)
    named = [{one.kind for one in signatures(*looked_at(planted))} for planted in tried]
    assert len(tried) == 12
    assert sum(kind in kinds for kinds in named) >= 11
    assert sum(len(kinds) for kinds in named) <= 15  # hardly anything else


def test_counts_are_those_of_the_positions_that_are_named() -> None:
    for kind, detect in DETECTORS.items():
        counts, outline = looked_at(wafers(kind, 1)[0])
        one = detect(counts, outline)
        assert one is not None
        assert counts.without(~one.where).totals == (one.failed, one.tested)
        assert counts.without(one.where).totals == (one.failed_elsewhere, one.tested_elsewhere)


def test_random_failures_get_no_name() -> None:
    assert sum(bool(signatures(*looked_at(one))) for one in wafers("random", 25)) <= 1


def test_a_signature_says_where_and_how_strong_it_is() -> None:
    there = circle(900, 1.0)
    failed = np.zeros_like(there)
    failed[3::5, 2::4] = True
    counts = Counts((failed & there).astype(np.int32), there.astype(np.int32))
    (one,) = signatures(counts, Outline.around(there, (1, 1), round_=True))
    assert (one.kind, one.measures) == (Kind.REPEATER, {"x": 2, "y": 3, "period_x": 4, "period_y": 5})
    assert (one.failed, one.failed_elsewhere, one.strength) == (int((failed & there).sum()), 0, 1.0)
    assert (one.where & there).tolist() == (failed & there).tolist()
    assert one.tested + one.tested_elsewhere == there.sum()
    assert one.chance < 1e-60


def test_a_known_shot_is_the_only_one_looked_for() -> None:
    there = np.ones((12, 12), np.bool_)
    failed = np.zeros((12, 12), np.int32)
    failed[1::3, ::2] = 1
    found = repeater(Counts(failed, there.astype(np.int32)), Outline.around(there, (1, 1), round_=False), (4, 3))
    assert found is not None
    assert (found.measures["period_x"], found.measures["period_y"]) == (4, 3)


def test_a_scratch_is_followed_at_any_angle() -> None:
    for down, right in [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, -2), (3, 2)]:
        there = np.ones((50, 60), np.bool_)
        failed = np.zeros(there.shape, np.int32)
        for t in np.linspace(-14, 14, 200) / max(abs(down), abs(right)):
            failed[round(25 + t * down), round(30 + t * right)] = 1
        found = scratch(Counts(failed, there.astype(np.int32)), Outline.around(there, (1, 1), round_=False))
        assert found is not None
        assert (found.where & (failed > 0)).sum() >= 14
        angle = math.degrees(math.atan2(right, down)) % 180
        assert min(abs(found.measures["angle"] % 180 - angle), 180 - abs(found.measures["angle"] % 180 - angle)) <= 6


def test_stacked_counts_show_what_one_substrate_does_not() -> None:
    chance, there = np.random.default_rng(5), circle(700, 1.0)
    outline = Outline.around(there, (1, 1), round_=True)
    share = np.where(outline.depth(1) == 1, 0.2, 0.1)
    layers = [(there & (chance.random(there.shape) < share), there) for _ in range(25)]
    named = [
        [one.kind for one in signatures(Counts.stacked(there.shape, some), outline)] for some in (layers[:1], layers)
    ]
    assert named == [[], [Kind.EDGE_RING]]


def test_nothing_tested_or_nothing_failed_has_no_signature() -> None:
    for there, failed in product((np.zeros((9, 9), np.bool_), np.ones((9, 9), np.bool_)), (0, 1)):
        counts = Counts(there * np.int32(failed), there.astype(np.int32))
        assert signatures(counts, Outline.around(there, (1, 1), round_=True)) == []
    for shape in ((1, 1), (1, 40), (2, 2), (40, 3)):
        counts = Counts(np.eye(*shape, dtype=np.int32), np.ones(shape, np.int32))
        assert len(signatures(counts, Outline.around(counts.tested > 0, (1, 1), round_=False))) <= 1


def test_the_tail_is_that_of_drawing_without_putting_back() -> None:
    def exact(failed: int) -> float:
        ways = sum(math.comb(7, x) * math.comb(13, 6 - x) for x in range(failed, 7))
        return ways / math.comb(20, 6)

    for failed in range(1, 7):
        assert math.exp(log_tail(failed, 7, 6, 20)) == pytest.approx(exact(failed))
    assert evidence(np.array([2, 1]), np.array([7, 7]), 6, 20).tolist() == [0.0, 0.0]  # no more than elsewhere
    told = 3 * math.log(3 / 4) + math.log(1 / 4) + 3 * math.log(3 / 16) + 13 * math.log(13 / 16)
    expected = told - (6 * math.log(6 / 20) + 14 * math.log(14 / 20))
    assert evidence(np.array([3]), np.array([4]), 6, 20)[0] == pytest.approx(expected)


def test_every_kind_has_its_detector() -> None:
    assert set(DETECTORS) == set(Kind) == set(PLANTS) - {"random"}
