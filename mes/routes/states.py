"""Kinds of operations, and where a route ends."""

from enum import StrEnum


class OperationKind(StrEnum):
    """What an operation does to the form."""

    PROCESS = "process"
    """Works on units where they are."""
    ASSEMBLE = "assemble"
    """Places units of other lots onto the sites of this lot's positions."""
    TRANSFER = "transfer"
    """Moves this lot's units to new substrates: a new form."""
    TEST = "test"
    """Judges each unit and gives it a bin."""


class RouteEnd(StrEnum):
    """What becomes of a lot after its last operation."""

    STOCKED = "stocked"
    """It waits in the die bank to be used by other lots."""
    COMPLETED = "completed"
    """It is a finished product."""
