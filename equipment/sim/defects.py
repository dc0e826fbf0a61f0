"""What can be wrong with a unit: one table for the hidden truth and for the fail codes of equipment."""

from enum import IntFlag

import numpy as np
from numpy.typing import NDArray


class Defect(IntFlag):
    """True defects of a unit, one bit each in the uint32 mask of the hidden truth."""

    NON_WET = 1 << 0
    """A joint has not formed: too cold, or too little force."""
    VOID = 1 << 1
    """A cavity in joint or underfill: too hot, too long, or too long a wait since cleaning."""
    CRACK = 1 << 2
    """Broken silicon: too much force, or the saw."""
    MISPLACE = 1 << 3
    """Placed beside its pads: worn collet or drifted head."""
    UNDERCURE = 1 << 4
    """Not cured through: too cold or too short."""
    CONTACT = 1 << 5
    """Only a code, never a true defect: the tester had no contact; a retest recovers the unit."""
    VISUAL = 1 << 6
    """Blemish, residue or illegible mark."""
    OPEN = 1 << 7
    """Electrically open."""
    LEAK = 1 << 8
    """Electrically leaking."""
    LOW = 1 << 9
    """Too little paste, flux or underfill: old material, or a shot that is short."""
    THICKNESS = 1 << 10
    """Ground too thick or too thin, or a film that is."""
    OVERLAY = 1 << 11
    """A pattern that does not lie on what it has to meet."""


TRUE_DEFECTS = tuple(defect for defect in Defect if defect is not Defect.CONTACT)
"""Everything that a unit can really have, lowest bit first."""

BIN_OF: dict[Defect, int] = {
    Defect.NON_WET: 2,
    Defect.VOID: 3,
    Defect.CRACK: 4,
    Defect.MISPLACE: 5,
    Defect.UNDERCURE: 6,
    Defect.CONTACT: 7,
    Defect.VISUAL: 8,
    Defect.OPEN: 9,
    Defect.LEAK: 10,
    Defect.LOW: 11,
    Defect.THICKNESS: 12,
    Defect.OVERLAY: 13,
}
"""The fail code of each defect in every bin map that simulated equipment reports (1 is good, 0 untouched)."""


def has(defects: NDArray[np.uint32], defect: Defect) -> NDArray[np.bool_]:
    """Where ``defect`` is set; same shape as ``defects``."""
    found: NDArray[np.bool_] = (defects & np.uint32(defect)) != 0
    return found


def name_of(defect: Defect) -> str:
    """The defect as it stands in names of figures, e.g. ``non_wet``."""
    return str(defect.name).lower()
