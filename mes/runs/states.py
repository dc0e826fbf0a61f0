"""States of a run."""

from enum import StrEnum

from mes.transitions import Transitions


class RunState(StrEnum):
    """Where one stay on one equipment stands."""

    ORDERED = "ordered"
    """Committed to; the equipment has not begun."""
    RUNNING = "running"
    """The equipment works on it."""
    ENDED = "ended"
    """The equipment finished, completely or stopped."""
    ABORTED = "aborted"
    """Refused by the equipment, broken off, or closed by a person."""
    IN_DOUBT = "in_doubt"
    """The equipment came back without memory of it; a person must say what is so."""


class RunVerb(StrEnum):
    """What moves a run."""

    START = "start"
    """The equipment began."""
    END = "end"
    """The equipment finished."""
    ABORT = "abort"
    """It was refused or broken off."""
    DOUBT = "doubt"
    """The equipment lost its memory."""


OPEN = (RunState.ORDERED, RunState.RUNNING, RunState.IN_DOUBT)
"""A substrate is in at most one run of these states."""

TRANSITIONS = Transitions(
    {
        (RunState.ORDERED, RunVerb.START): RunState.RUNNING,
        # its end was reported, its begin was not
        (RunState.ORDERED, RunVerb.END): RunState.ENDED,
        (RunState.ORDERED, RunVerb.ABORT): RunState.ABORTED,
        (RunState.ORDERED, RunVerb.DOUBT): RunState.IN_DOUBT,
        (RunState.RUNNING, RunVerb.END): RunState.ENDED,
        (RunState.RUNNING, RunVerb.ABORT): RunState.ABORTED,
        (RunState.RUNNING, RunVerb.DOUBT): RunState.IN_DOUBT,
        (RunState.IN_DOUBT, RunVerb.END): RunState.ENDED,
        (RunState.IN_DOUBT, RunVerb.ABORT): RunState.ABORTED,
    }
)
