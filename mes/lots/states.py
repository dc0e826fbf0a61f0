"""States of lots and of the substrates in them, and the verbs that change them."""

from enum import StrEnum

from mes.transitions import Transitions


class LotState(StrEnum):
    """Where a lot stands. Held is not a state but a fact beside it."""

    CREATED = "created"
    """Known, not yet released to the line."""
    QUEUED = "queued"
    """Waits at an operation."""
    ORDERED = "ordered"
    """A job is ordered; the equipment has not begun."""
    RUNNING = "running"
    """Equipment works on at least one of its substrates."""
    STOCKED = "stocked"
    """Lies in the die bank or as leftover, outside WIP and cycle time."""
    COMPLETED = "completed"
    """Has passed its route."""
    CONSUMED = "consumed"
    """All its units went into assemblies."""
    SCRAPPED = "scrapped"
    """None of its units is left."""
    IN_TRANSIT = "in_transit"
    """Has left in a shipment; that it arrived is not known yet."""
    SHIPPED = "shipped"
    """Is where it was sent to."""
    RETURNED = "returned"
    """Is back with its owner."""
    TERMINATED = "terminated"
    """Nothing waits in it any more: what did goes on in another lot, or was given up."""


class LotVerb(StrEnum):
    """What is done to a lot that changes its state."""

    RELEASE = "release"
    """Let it into the line, at its first operation."""
    TRACK_IN = "track_in"
    """Order a run of some of its substrates on an equipment."""
    START = "start"
    """The equipment began."""
    WAIT = "wait"
    """None of its substrates is on equipment any more, some are not done; or a load of it came back."""
    STORE = "store"
    """Put it into the die bank."""
    COMPLETE = "complete"
    """It has passed its last operation."""
    CONSUME = "consume"
    """Its last usable unit was picked."""
    SCRAP = "scrap"
    """Its last unit was thrown away or failed."""
    SPLIT = "split"
    """Some of its substrates go on in a lot of their own."""
    REWORK = "rework"
    """Some of its substrates go back on their route."""
    MIGRATE = "migrate"
    """It goes over to another version of its route."""
    MERGE = "merge"
    """All of its substrates go on in another lot."""
    CHANGE_OWNER = "change_owner"
    """All that is left of it goes on in a lot of another owner."""
    SHIP = "ship"
    """It leaves, to its owner or to another site."""
    ARRIVE = "arrive"
    """Its receiver says that it came."""
    TERMINATE = "terminate"
    """It is given up, with all that is left in it."""
    RETURN = "return"
    """It goes back to its owner."""
    WITHDRAW = "withdraw"
    """It comes from the die bank back to the line, where it waited."""
    RESTORE = "restore"
    """It is again what it was before its release."""
    RESTOCK = "restock"
    """It lies in the die bank again, from which it ended."""
    REOPEN = "reopen"
    """It had left the line, and queues again."""


_S, _V = LotState, LotVerb

TRANSITIONS = Transitions(
    {
        (_S.CREATED, _V.RELEASE): _S.QUEUED,
        (_S.CREATED, _V.SCRAP): _S.SCRAPPED,
        # several runs may share a lot: it is ordered again while it waits, is ordered or runs
        (_S.QUEUED, _V.TRACK_IN): _S.ORDERED,
        (_S.ORDERED, _V.TRACK_IN): _S.ORDERED,
        (_S.RUNNING, _V.TRACK_IN): _S.RUNNING,
        (_S.ORDERED, _V.START): _S.RUNNING,
        (_S.RUNNING, _V.START): _S.RUNNING,
        # the equipment refused, was stopped, or is done with this operation
        (_S.ORDERED, _V.WAIT): _S.QUEUED,
        (_S.RUNNING, _V.WAIT): _S.QUEUED,
        (_S.QUEUED, _V.WAIT): _S.QUEUED,
        # equipment reports late that it filled loads of a lot that had ended meanwhile
        (_S.COMPLETED, _V.WAIT): _S.QUEUED,
        (_S.SCRAPPED, _V.WAIT): _S.QUEUED,
        (_S.CREATED, _V.STORE): _S.STOCKED,
        (_S.QUEUED, _V.STORE): _S.STOCKED,
        # what was reported done is done, also where its begin was never reported
        (_S.ORDERED, _V.STORE): _S.STOCKED,
        (_S.ORDERED, _V.COMPLETE): _S.COMPLETED,
        (_S.ORDERED, _V.SCRAP): _S.SCRAPPED,
        (_S.RUNNING, _V.STORE): _S.STOCKED,
        (_S.QUEUED, _V.COMPLETE): _S.COMPLETED,
        (_S.RUNNING, _V.COMPLETE): _S.COMPLETED,
        (_S.STOCKED, _V.CONSUME): _S.CONSUMED,
        (_S.QUEUED, _V.SCRAP): _S.SCRAPPED,
        (_S.RUNNING, _V.SCRAP): _S.SCRAPPED,
        (_S.STOCKED, _V.SCRAP): _S.SCRAPPED,
        (_S.COMPLETED, _V.SCRAP): _S.SCRAPPED,
        # what waits may go on in another lot
        (_S.CREATED, _V.SPLIT): _S.CREATED,
        (_S.QUEUED, _V.SPLIT): _S.QUEUED,
        (_S.STOCKED, _V.SPLIT): _S.STOCKED,
        (_S.CREATED, _V.MIGRATE): _S.CREATED,
        (_S.QUEUED, _V.MIGRATE): _S.QUEUED,
        (_S.CREATED, _V.MERGE): _S.TERMINATED,
        (_S.QUEUED, _V.MERGE): _S.TERMINATED,
        (_S.STOCKED, _V.MERGE): _S.TERMINATED,
        (_S.CREATED, _V.CHANGE_OWNER): _S.TERMINATED,
        (_S.QUEUED, _V.CHANGE_OWNER): _S.TERMINATED,
        (_S.STOCKED, _V.CHANGE_OWNER): _S.TERMINATED,
        (_S.COMPLETED, _V.CHANGE_OWNER): _S.TERMINATED,
        # what waits of it may go back, also while others are in a run
        (_S.QUEUED, _V.REWORK): _S.QUEUED,
        (_S.ORDERED, _V.REWORK): _S.ORDERED,
        (_S.RUNNING, _V.REWORK): _S.RUNNING,
        (_S.TERMINATED, _V.WAIT): _S.QUEUED,
        # what is done with, or lies in the die bank, may leave
        (_S.COMPLETED, _V.SHIP): _S.IN_TRANSIT,
        (_S.STOCKED, _V.SHIP): _S.IN_TRANSIT,
        (_S.IN_TRANSIT, _V.ARRIVE): _S.SHIPPED,
        (_S.IN_TRANSIT, _V.WAIT): _S.QUEUED,
        (_S.SHIPPED, _V.WAIT): _S.QUEUED,
        # what is on no equipment may be given up, or go back to its owner
        (_S.CREATED, _V.TERMINATE): _S.TERMINATED,
        (_S.QUEUED, _V.TERMINATE): _S.TERMINATED,
        (_S.STOCKED, _V.TERMINATE): _S.TERMINATED,
        (_S.COMPLETED, _V.TERMINATE): _S.TERMINATED,
        (_S.CREATED, _V.RETURN): _S.RETURNED,
        (_S.QUEUED, _V.RETURN): _S.RETURNED,
        (_S.STOCKED, _V.RETURN): _S.RETURNED,
        (_S.COMPLETED, _V.RETURN): _S.RETURNED,
        # back to the line
        (_S.STOCKED, _V.WITHDRAW): _S.QUEUED,
        (_S.STOCKED, _V.RESTORE): _S.CREATED,
        (_S.STOCKED, _V.REOPEN): _S.QUEUED,
        (_S.COMPLETED, _V.REOPEN): _S.QUEUED,
        (_S.TERMINATED, _V.REOPEN): _S.QUEUED,
        # its last unit was thrown away by mistake
        (_S.SCRAPPED, _V.RESTORE): _S.CREATED,
        (_S.SCRAPPED, _V.RESTOCK): _S.STOCKED,
        (_S.SCRAPPED, _V.COMPLETE): _S.COMPLETED,
        (_S.CONSUMED, _V.RESTOCK): _S.STOCKED,
    }
)

ON_LINE = (LotState.QUEUED, LotState.ORDERED, LotState.RUNNING)
"""States that count as work in process."""

GONE = (LotState.IN_TRANSIT, LotState.SHIPPED, LotState.RETURNED)
"""States in which all that was good in a lot is elsewhere."""

ENDED = (LotState.STOCKED, LotState.COMPLETED, LotState.CONSUMED, LotState.SCRAPPED, LotState.TERMINATED, *GONE)
"""States in which a lot has left the line."""


class Progress(StrEnum):
    """Where one substrate of a lot stands at its operation."""

    QUEUED = "queued"
    """Waits for an equipment."""
    ORDERED = "ordered"
    """Named by an open run; not finished by it."""
    LOADING = "loading"
    """A new load that an open run fills."""
    IN_DOUBT = "in_doubt"
    """The equipment lost its memory of it; a person must say what is so."""
    FINISHED = "finished"
    """Has passed the last operation of the route."""
    CLOSED = "closed"
    """Its units went on to another substrate, or none is left."""


class Work(StrEnum):
    """Where one substrate of a run stands."""

    WAITING = "waiting"
    """Ordered, nothing reported yet."""
    DONE = "done"
    """Every position asked for was worked on."""
    PARTIAL = "partial"
    """Not every position was worked on; the others queue again unless the equipment says that they are done."""
    NOT_DONE = "not_done"
    """The run was closed before the equipment reported it."""
    IN_DOUBT = "in_doubt"
    """The equipment came back without memory of the run."""


OPEN_WORK = (Work.WAITING, Work.IN_DOUBT)
"""A substrate has at most one row of these."""
