"""How maintenance of an equipment stands by a plan. No state is stored: time and use make it."""

from enum import StrEnum


class MaintenanceState(StrEnum):
    """What a plan says of an equipment now."""

    FINE = "fine"
    """Not due for a while."""
    SOON = "soon"
    """Due soon: the warning of the plan is over."""
    DUE = "due"
    """Due: nothing starts on the equipment before it is done."""
    FAILED = "failed"
    """What was found last is outside the limits: nothing starts before it is done again."""


BLOCKING = {MaintenanceState.DUE, MaintenanceState.FAILED}
"""States in which nothing starts on the equipment."""
