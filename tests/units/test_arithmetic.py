"""Arithmetic of maps against figures counted by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mes.errors import Malformed
from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.merging import Pass, Rule, by_table, merged
from mes.units.arithmetic.migration import Agreement, bin_migration
from mes.units.arithmetic.neighbours import Neighbourhood, bad_around, in_bad_neighbourhood
from mes.units.arithmetic.outline import Outline
from mes.units.arithmetic.zones import by_zone, quadrants, ring_zones, shot_zones

ROUND = ["..###..", ".#####.", "#######", "#######", "#######", ".#####.", "..###.."]


def drawn(lines: list[str]) -> NDArray[np.bool_]:
    return np.array([[cell not in ".0" for cell in line] for line in lines])


def passed(*lines: str) -> Pass:
    """0 is not tested; 1 and 2 are good."""
    codes = np.array([[int(cell) for cell in line] for line in lines], np.uint16)
    return Pass(codes, codes > 0, (codes == 1) | (codes == 2))


ONE, TWO, THREE = passed("1190"), passed("2930"), passed("0190")


@pytest.mark.parametrize(
    ("rule", "codes"),
    [(Rule.FIRST, [1, 1, 9, 0]), (Rule.LAST, [2, 1, 9, 0]), (Rule.BEST, [2, 1, 9, 0]), (Rule.WORST, [2, 9, 9, 0])],
)
def test_passes_are_merged_by_rule(rule: Rule, codes: list[int]) -> None:
    one = merged([ONE, TWO, THREE], rule)
    assert one.codes.tolist() == [codes]
    assert one.tested.tolist() == [[True, True, True, False]]
    assert one.good.tolist() == [[code in (1, 2) for code in codes]]


def test_a_table_of_ranks_says_which_codes_are_worse() -> None:
    rank = {2: 0, 1: 1, 3: 2}
    assert merged([ONE, TWO], Rule.BEST, rank).codes.tolist() == [[2, 1, 3, 0]]
    assert merged([ONE, TWO], Rule.WORST, rank).codes.tolist() == [[1, 9, 9, 0]]  # 9 has no rank, so it is the worst


def test_two_passes_are_merged_code_by_code() -> None:
    table = {(1, 2): 1, (1, 9): 7, (9, 3): 9}
    assert by_table(ONE, TWO, table).tolist() == [[1, 7, 9, 0]]
    assert by_table(ONE, THREE, {(1, 1): 5, (9, 9): 6}).tolist() == [[1, 5, 6, 0]]
    with pytest.raises(Malformed, match="no bin for 1 and 9, 9 and 3;"):
        by_table(ONE, TWO, {(1, 2): 1})


def test_substrates_are_counted_upon_each_other() -> None:
    stacked = Counts.stacked((1, 4), ((~one.good, one.tested) for one in (ONE, TWO, THREE)))
    assert stacked.failed.tolist() == [[0, 1, 3, 0]]
    assert stacked.tested.tolist() == [[2, 3, 3, 0]]
    assert stacked.totals == (4, 8)
    assert stacked.without(np.array([[False, False, True, True]])).totals == (1, 5)


def test_zones_share_the_substrate_between_them() -> None:
    there = drawn(ROUND)
    outline = Outline.around(there, (1000, 1000), round_=True)
    failed = np.zeros(there.shape, np.int32)
    failed[0, 2] = failed[3, 3] = failed[3, 4] = 1
    counts = Counts(failed, there.astype(np.int32))
    rings = by_zone(counts, ring_zones(outline))
    assert [(one.zone, one.good, one.tested) for one in rings] == [
        ("edge", 15, 16),
        ("middle", 16, 16),
        ("centre", 3, 5),
    ]
    quarters = by_zone(counts, quadrants(outline))
    assert [(one.zone, one.good, one.tested) for one in quarters] == [
        ("upper_left", 5, 6), ("upper_right", 9, 9), ("lower_left", 9, 9), ("lower_right", 11, 13),
    ]  # fmt: skip
    shots = by_zone(counts, shot_zones(outline, 3, 2))
    assert [(one.zone, one.good, one.tested) for one in shots][:3] == [("0,0", 8, 8), ("1,0", 6, 6), ("2,0", 5, 6)]
    assert [sum(one.tested for one in zones) for zones in (rings, quarters, shots)] == [37] * 3
    assert by_zone(Counts(failed * 0, failed * 0), ring_zones(outline))[0].share is None


def test_the_edge_is_as_wide_as_is_said() -> None:
    wafer = Outline.around(drawn(ROUND), (1000, 1000), round_=True)
    widths = [int(next(ring_zones(wafer, um)).where.sum()) for um in (600, 1100, 4000)]
    assert widths == [12, 16, 37]  # within 0.6 mm of the circle those of the outer lines and two diagonal pairs are
    strip = Outline.around(np.ones((4, 6), np.bool_), (2000, 1000), round_=False)
    assert [int(next(ring_zones(strip, um)).where.sum()) for um in (400, 600, 1100)] == [0, 12, 16]


def test_a_hole_or_a_project_has_no_edge_of_its_own() -> None:
    there = drawn(ROUND)
    some = there.copy()
    some[::2, 1:-1] = False
    some[3, 3] = False
    assert Outline.around(some, (1000, 1000), round_=True).there[3, 3]
    every_other = there & (np.indices(there.shape).sum(axis=0) % 2 == 0)
    assert Outline.around(every_other, (1000, 1000), round_=True).there[2:5, 1:6].all()


def test_good_units_in_bad_neighbourhoods_are_proposed() -> None:
    failed = drawn(["###..", "#.#..", "##...", "....#"])
    tested = np.ones(failed.shape, np.bool_)
    assert bad_around(failed, Neighbourhood())[1, 1] == 7
    assert np.argwhere(in_bad_neighbourhood(failed, tested, Neighbourhood(least=4))).tolist() == [[1, 1]]
    assert np.argwhere(in_bad_neighbourhood(failed, tested, Neighbourhood(least=2))).tolist() == [
        [0, 3], [1, 1], [1, 3], [2, 2], [2, 3], [3, 0], [3, 1],
    ]  # fmt: skip
    far = bad_around(failed, Neighbourhood(radius=2, by_distance=True))
    assert far[1, 1] == pytest.approx(4 + 3 / np.sqrt(2))
    assert far[3, 3] == pytest.approx(1 + 2 / np.sqrt(5))
    tested[0, 0] = False
    assert not in_bad_neighbourhood(failed, tested, Neighbourhood(least=7)).any()
    assert not in_bad_neighbourhood(failed, tested, Neighbourhood(least=0.5))[0, 0]


def test_bins_before_and_after_are_compared() -> None:
    pairs = [(ONE, TWO), (TWO, THREE)]
    agreed = Agreement.of(pairs)
    assert (agreed.good_good, agreed.good_bad, agreed.bad_good, agreed.bad_bad) == (1, 1, 1, 2)
    assert agreed.kappa == pytest.approx((3 / 5 - 13 / 25) / (12 / 25))
    assert agreed.phi == pytest.approx(1 / 6)
    assert bin_migration(pairs) == {(1, 2): 1, (1, 9): 1, (3, 9): 1, (9, 1): 1, (9, 3): 1}
    alike = Agreement.of([(passed("11"), passed("11"))])
    assert (alike.units, alike.kappa, alike.phi) == (2, None, None)
    assert Agreement.of([]).kappa is None
    assert Agreement(3, 0, 0, 5).kappa == Agreement(3, 0, 0, 5).phi == 1
