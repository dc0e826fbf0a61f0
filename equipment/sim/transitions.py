"""What a job order may do next: the state machine of OPC 10031-4 (ISA-95 Job Control v2)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from equipment.interface.states import JobState

S = JobState


class Verb(StrEnum):
    """What moves a job order: the methods of the standard, and the equipment itself."""

    UPDATE = "update"
    """Replace the order's content."""
    START = "start"
    """Allow it to begin."""
    REVOKE_START = "revoke_start"
    """Take that back, as long as it has not begun."""
    BEGIN = "begin"
    """The equipment begins, as it has a place."""
    PAUSE = "pause"
    """Interrupt the work."""
    RESUME = "resume"
    """Go on with it."""
    STOP = "stop"
    """End after the substrate it works on; an interrupted one ends where it is."""
    COMPLETE = "complete"
    """The equipment has done everything that was ordered."""
    ABORT = "abort"
    """Break off now."""


TRANSITIONS: Mapping[tuple[JobState, Verb], tuple[JobState, int]] = MappingProxyType(
    {
        (S.NOT_ALLOWED_TO_START, Verb.UPDATE): (S.NOT_ALLOWED_TO_START, 1),
        (S.NOT_ALLOWED_TO_START, Verb.START): (S.ALLOWED_TO_START, 2),
        (S.ALLOWED_TO_START, Verb.REVOKE_START): (S.NOT_ALLOWED_TO_START, 3),
        (S.ALLOWED_TO_START, Verb.UPDATE): (S.ALLOWED_TO_START, 4),
        (S.ALLOWED_TO_START, Verb.BEGIN): (S.RUNNING, 5),
        (S.RUNNING, Verb.PAUSE): (S.INTERRUPTED, 6),
        (S.RUNNING, Verb.STOP): (S.ENDED, 7),
        (S.RUNNING, Verb.COMPLETE): (S.ENDED, 7),
        (S.RUNNING, Verb.ABORT): (S.ABORTED, 8),
        (S.INTERRUPTED, Verb.ABORT): (S.ABORTED, 9),
        (S.INTERRUPTED, Verb.RESUME): (S.RUNNING, 10),
        (S.INTERRUPTED, Verb.STOP): (S.ENDED, 11),
        (S.NOT_ALLOWED_TO_START, Verb.ABORT): (S.ABORTED, 12),
        (S.ALLOWED_TO_START, Verb.ABORT): (S.ABORTED, 13),
    }
)
"""(state, verb) -> (next state, TransitionNumber of the standard). What is not here is refused."""

OPPOSITES: Mapping[Verb, Verb] = MappingProxyType(
    {
        Verb.START: Verb.REVOKE_START,
        Verb.REVOKE_START: Verb.START,
        Verb.PAUSE: Verb.RESUME,
        Verb.RESUME: Verb.PAUSE,
    }
)
"""A verb that took effect undoes what its opposite did before."""

NOT_BEGUN = frozenset({S.NOT_ALLOWED_TO_START, S.ALLOWED_TO_START})
"""States in which Cancel removes a job order."""

OVER = frozenset({S.ENDED, S.ABORTED})
"""States in which Clear removes a job order."""
