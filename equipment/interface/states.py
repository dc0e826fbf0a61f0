"""States and codes that the equipment and the MES both speak, with the numbers of the published models."""

from enum import IntEnum, StrEnum


class JobState(IntEnum):
    """Job order states of OPC 10031-4 (ISA-95 Job Control v2), by their StateNumber."""

    NOT_ALLOWED_TO_START = 1
    """Stored; waits for Start."""
    ALLOWED_TO_START = 2
    """Started by the MES; the equipment begins when it is free."""
    RUNNING = 3
    """The equipment works on it."""
    INTERRUPTED = 4
    """Paused; can be resumed."""
    ENDED = 5
    """Finished, completely or stopped; its results are in the journal."""
    ABORTED = 6
    """Broken off; what it had done until then is in the journal."""


class E10State(IntEnum):
    """SEMI E10 equipment states with the codes of OPC 40100-1."""

    PRD = 1
    """Productive: processes units."""
    SBY = 2
    """Standby: able, but has nothing to do."""
    ENG = 3
    """Engineering: runs experiments or qualification."""
    SDT = 4
    """Scheduled down: planned maintenance or set-up."""
    UDT = 5
    """Unscheduled down: failed."""
    NST = 6
    """Non-scheduled: outside the planned time."""


class ReturnStatus(IntEnum):
    """Bits of the ReturnStatus that every job order method gives back (OPC 10031-4)."""

    NO_ERROR = 1 << 0
    """The call took effect."""
    UNKNOWN_JOB = 1 << 1
    """The equipment has no job order of that id."""
    INVALID_STATUS = 1 << 3
    """The job order's state does not allow the call."""
    CANNOT_ACCEPT = 1 << 4
    """The equipment cannot take the job order now; the journal or the answer says why."""
    INVALID_REQUEST = 1 << 32
    """The job order contradicts itself or what the equipment holds."""


class RecordKind(StrEnum):
    """What a journal record tells."""

    JOB = "job"
    """A job order changed its state."""
    RESULT = "result"
    """One substrate of a job order is finished, wholly or partly."""
    EQUIPMENT = "equipment"
    """The equipment changed its E10 state."""
    ALARM = "alarm"
    """An alarm was set or cleared."""


class Outcome(StrEnum):
    """How the work on one substrate ended."""

    DONE = "done"
    """Every position asked for was worked on."""
    PARTIAL = "partial"
    """Some positions were left undone; they may be worked on again."""


class MapRole(StrEnum):
    """What a substrate is in a job order."""

    WORK = "work"
    """It is worked on; for placement the units are placed onto it."""
    SOURCE = "source"
    """Units are picked from it."""
    LOAD = "load"
    """It is filled with units that leave the worked substrate."""


class TransferOutcome(IntEnum):
    """How the move of one unit ended."""

    PLACED = 0
    """It is at the target position."""
    PUT_BACK = 1
    """It was picked and returned to where it was."""
    REJECTED = 2
    """It went to the reject bin of the equipment."""
    LOST = 3
    """It dropped and was not found."""
