"""By what lots that wait are ranked: the criteria that the text of a plant lists in order."""

from enum import StrEnum


class Criterion(StrEnum):
    """One question that ranks two lots before the same equipment; equals are ranked by the next one."""

    PRIORITY = "priority"
    """The lot with the lower number goes first."""
    CRITICAL_RATIO = "critical_ratio"
    """Time until it is due over the time of work on it that is left, the lowest first; below 1 it will be late."""
    QUEUE_TIME_LEFT = "queue_time_left"
    """Hours until the first queue-time limit runs out that it is under, the fewest first."""
    SETUP_CHANGE = "setup_change"
    """A lot of the recipe that the equipment ran last goes before others: 0 before 1."""
    FIRST_IN_FIRST_OUT = "first_in_first_out"
    """Hours for which its longest waiting substrate has waited, the most first."""


UNITS = {Criterion.QUEUE_TIME_LEFT: "h", Criterion.FIRST_IN_FIRST_OUT: "h"}
"""In what the value of a criterion is told; the others are numbers without a unit."""

USUAL = (Criterion.PRIORITY, Criterion.FIRST_IN_FIRST_OUT)
"""Of a plant whose text does not say."""
