"""States of orders sent to equipment and of records received from it."""

from enum import StrEnum


class OrderState(StrEnum):
    """Where the order of a run stands."""

    TO_SEND = "to_send"
    """Committed; the equipment has not accepted it yet."""
    SENT = "sent"
    """The equipment accepted it."""
    REFUSED = "refused"
    """The equipment refused it; its run is aborted and its lots queue again."""
    CLOSED = "closed"
    """Its run is over and the equipment may forget it."""


class Effect(StrEnum):
    """What the holds of its lots make of a job that runs; of several the last in this order."""

    FINISH = "finish"
    """It goes on to its end."""
    PAUSE = "pause"
    """It is interrupted on the equipment, as long as such a hold stands."""
    ABORT = "abort"
    """It is broken off."""


class RecordState(StrEnum):
    """What became of a record."""

    RECEIVED = "received"
    """Stored and acknowledged; it has not taken effect yet."""
    APPLIED = "applied"
    """It took effect, once."""
    REJECTED = "rejected"
    """Its job or its substrates cannot be identified; a person must look."""
