"""The substrates of a lot laid one upon the other: at how many of them the unit at each position failed."""

import numpy as np
from numpy.typing import NDArray

from mes.units.arithmetic.counts import Counts
from mes.web.substrate_legend import Entry, shades

NOTHING = 0xFFFF
"""Where none of the substrates has a unit that the layer tells of."""


def failures(counts: Counts) -> NDArray[np.uint16]:
    """Substrates at which the unit at each position failed, rows by columns, or `NOTHING`."""
    return np.where(counts.tested > 0, counts.failed, NOTHING).astype(np.uint16)


def of_failures(counts: Counts) -> list[Entry]:
    """An entry for each number of failures up to the highest."""
    told = counts.failed[counts.tested > 0]
    most = int(told.max(initial=0))
    positions = np.bincount(told, minlength=most + 1).tolist()
    bad = [failed > 0 for failed in range(most + 1)]
    return [
        Entry(failed, "", "", bad[failed], shade, str(failed) if failed else "", positions[failed])
        for failed, shade in enumerate(shades(bad))
    ]
