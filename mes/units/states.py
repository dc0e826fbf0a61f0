"""What has become of each position of a substrate."""

from enum import IntEnum


class Disposition(IntEnum):
    """Exactly one for every position; stored as one byte each, row by row from the top left."""

    NO_UNIT = 0
    """There is nothing: outside the wafer, or an empty site of a load."""
    NOT_FOR_USE = 1
    """There is something that was never meant to be used: bad before it came, or not planned."""
    IN_PROCESS = 2
    """A unit on its way."""
    SUSPECT = 3
    """A unit that a fact made doubtful; it is not picked, packed or shipped until a person disposes of it."""
    REJECTED = 4
    """A unit that failed and stays where it is."""
    COMPLETED = 5
    """A unit that has passed its route and may be used or shipped."""
    CONSUMED = 6
    """A unit that went into an assembly or on to the next form."""
    SAMPLED = 7
    """A unit taken out for analysis."""
    SCRAPPED = 8
    """A unit thrown away: by decision, or into the reject bin of the equipment."""
    LOST = 9
    """A unit that was dropped and not found."""
    SHIPPED = 10
    """A unit that left to its customer."""
    RETURNED = 11
    """A unit that went back to its owner."""


USABLE = (Disposition.IN_PROCESS, Disposition.COMPLETED)
"""Units that an order may ask for."""

ABNORMAL = (Disposition.SUSPECT, Disposition.REJECTED, Disposition.SCRAPPED, Disposition.LOST)
"""Units that failed, or that are in doubt."""

THERE = (*USABLE, Disposition.SUSPECT)
"""Units that are still where they are and on their way, in doubt or not."""
