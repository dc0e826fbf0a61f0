"""States of a durable."""

from enum import StrEnum

from mes.transitions import Transitions


class DurableState(StrEnum):
    """Where a durable stands. Worn, to be cleaned and to be inspected are no states but facts of its counter."""

    STORED = "stored"
    """On no equipment, fit for use."""
    MOUNTED = "mounted"
    """On an equipment, where each job that needs one counts on it."""
    LOADED = "loaded"
    """It carries a load, or is kept for one that a run fills."""
    UNFIT = "unfit"
    """An inspection found it unfit; it goes on no equipment until another finds it fit."""
    SCRAPPED = "scrapped"
    """Thrown away."""


class DurableVerb(StrEnum):
    """What is done to a durable."""

    MOUNT = "mount"
    """Put it on an equipment."""
    DISMOUNT = "dismount"
    """Take it off."""
    FILL = "fill"
    """Take it for a load."""
    EMPTY = "empty"
    """Its load is closed."""
    CLEAN = "clean"
    """Clean it, where it is."""
    INSPECT = "inspect"
    """Inspect it and find it fit."""
    REJECT = "reject"
    """Inspect it and find it unfit, which takes it off its equipment."""
    SCRAP = "scrap"
    """Throw it away."""


_S, _V = DurableState, DurableVerb

TRANSITIONS = Transitions(
    {
        (_S.STORED, _V.MOUNT): _S.MOUNTED,
        (_S.MOUNTED, _V.DISMOUNT): _S.STORED,
        (_S.STORED, _V.FILL): _S.LOADED,
        (_S.LOADED, _V.EMPTY): _S.STORED,
        (_S.STORED, _V.CLEAN): _S.STORED,
        (_S.MOUNTED, _V.CLEAN): _S.MOUNTED,
        (_S.UNFIT, _V.CLEAN): _S.UNFIT,
        (_S.STORED, _V.INSPECT): _S.STORED,
        (_S.MOUNTED, _V.INSPECT): _S.MOUNTED,
        (_S.UNFIT, _V.INSPECT): _S.STORED,
        (_S.STORED, _V.REJECT): _S.UNFIT,
        (_S.MOUNTED, _V.REJECT): _S.UNFIT,
        (_S.UNFIT, _V.REJECT): _S.UNFIT,
        (_S.STORED, _V.SCRAP): _S.SCRAPPED,
        (_S.MOUNTED, _V.SCRAP): _S.SCRAPPED,
        (_S.UNFIT, _V.SCRAP): _S.SCRAPPED,
    }
)
