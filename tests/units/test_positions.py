"""Masks and dispositions survive being packed, and what changed is counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from mes.units.models import Substrate
from mes.units.positions import Positions, pack, unpack
from mes.units.states import Disposition

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=40)
MASKS = arrays(np.bool_, SHAPES)
CODES = st.integers(0, len(Disposition) - 1)
DISPOSITIONS = arrays(np.uint8, SHAPES, elements=CODES)


@given(MASKS)
def test_packed_mask_comes_back(mask: NDArray[np.bool_]) -> None:
    rows, columns = mask.shape
    packed = pack(mask)
    assert len(packed) == -(-rows * columns // 8)
    assert np.array_equal(unpack(packed, (rows, columns)), mask)


@given(MASKS)
def test_first_position_has_the_highest_bit(mask: NDArray[np.bool_]) -> None:
    """As `checks` and whoever reads the database with SQL count them."""
    bits = "".join(f"{byte:08b}" for byte in pack(mask))
    assert bits.rstrip("0") == "".join("01"[int(bit)] for row in mask.tolist() for bit in row).rstrip("0")


def opened(dispositions: NDArray[np.uint8]) -> Positions:
    rows, columns = dispositions.shape
    return Positions(Substrate(dispositions=dispositions.tobytes()), (rows, columns))


@given(DISPOSITIONS, st.data())
def test_what_moved_is_what_differs_unit_by_unit(before: NDArray[np.uint8], data: st.DataObject) -> None:
    positions = opened(before)
    where = data.draw(arrays(np.bool_, before.shape))
    becomes = Disposition(data.draw(CODES))
    positions.mark(where, becomes)
    after = [int(becomes) if marked else old for marked, old in zip(where.flat, before.flat, strict=True)]
    counts = Counter(after)
    counts.subtract(before.ravel().tolist())
    assert positions.moved() == {Disposition(int(d)): n for d, n in counts.items() if n}
    assert sum(positions.moved().values()) == 0
    assert positions.save() is (after != before.ravel().tolist())
    assert list(positions.substrate.dispositions) == after
    assert positions.count(becomes) == after.count(becomes)


@given(DISPOSITIONS)
def test_every_position_has_exactly_one_disposition(dispositions: NDArray[np.uint8]) -> None:
    positions = opened(dispositions)
    assert sum(positions.are(d).astype(int) for d in Disposition).tolist() == np.ones(dispositions.shape, int).tolist()  # type: ignore[union-attr]  # a sum of arrays
    assert positions.are(*Disposition).all() and not positions.are().any() and not positions.nowhere().any()
    assert positions.save() is False
