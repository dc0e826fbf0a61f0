"""Good dies in bad neighbourhoods: units that passed where many around them failed.

That such units fail later more often than others is told by R. B. Miller and W. C. Riordan, Unit level predicted
yield: a method of identifying high defect density die at wafer sort, International Test Conference 2001, 1118-1127.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mes.units.positions import Mask


@dataclass(frozen=True)
class Neighbourhood:
    """When a neighbourhood is bad: ``least`` of those up to ``radius`` rows and columns away failed.

    With ``by_distance`` each counts as one over its distance, so that the eight around a unit count 4 + 4 / √2 = 6.8.
    """

    radius: int = 1
    least: float = 5.0
    by_distance: bool = False


def bad_around(failed: Mask, rule: Neighbourhood) -> NDArray[np.float32]:
    """How many around each position failed, weighted as the rule says; nothing is beyond the grid."""
    rows, columns = failed.shape
    wide = np.pad(failed, rule.radius).astype(np.float32)
    around = np.zeros(failed.shape, np.float32)
    steps = range(-rule.radius, rule.radius + 1)
    for down in steps:
        for right in steps:
            if down or right:
                weight = 1 / math.hypot(down, right) if rule.by_distance else 1.0
                y, x = rule.radius + down, rule.radius + right
                around += np.float32(weight) * wide[y : y + rows, x : x + columns]
    return around


def in_bad_neighbourhood(failed: Mask, tested: Mask, rule: Neighbourhood) -> Mask:
    """Units that passed in a bad neighbourhood: to be proposed to a person, who may downgrade them."""
    return tested & ~failed & (bad_around(failed & tested, rule) >= rule.least - 1e-4)
