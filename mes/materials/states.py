"""States of a container of material."""

from enum import StrEnum

from mes.transitions import Transitions


class ContainerState(StrEnum):
    """Where a container stands. Thawed and expired are no states but facts of the clock."""

    STORED = "stored"
    """As it came, closed; in the cold where its material is kept there."""
    THAWING = "thawing"
    """Out of the cold, closed; it may be opened when its time of thawing is over."""
    OPENED = "opened"
    """Opened, on no equipment."""
    BAKING = "baking"
    """In an oven that dries it; it may be mounted when that is over, and has its whole floor life again."""
    MOUNTED = "mounted"
    """On an equipment, which takes from it."""
    EMPTY = "empty"
    """Nothing is left in it."""
    SCRAPPED = "scrapped"
    """What was left in it was thrown away."""


class ContainerVerb(StrEnum):
    """What is done to a container."""

    THAW = "thaw"
    """Take it out of the cold."""
    OPEN = "open"
    """Open it."""
    BAKE = "bake"
    """Dry it in an oven."""
    MOUNT = "mount"
    """Put it on an equipment; that opens one that is closed."""
    RETURN = "return"
    """Take it off its equipment with what is left in it."""
    USE_UP = "use_up"
    """A job took the last of it."""
    SCRAP = "scrap"
    """Throw away what is left in it."""


_S, _V = ContainerState, ContainerVerb

TRANSITIONS = Transitions(
    {
        (_S.STORED, _V.THAW): _S.THAWING,
        (_S.STORED, _V.OPEN): _S.OPENED,
        (_S.THAWING, _V.OPEN): _S.OPENED,
        (_S.OPENED, _V.BAKE): _S.BAKING,
        (_S.STORED, _V.MOUNT): _S.MOUNTED,
        # it may thaw on the equipment; nothing starts there before it has
        (_S.THAWING, _V.MOUNT): _S.MOUNTED,
        (_S.OPENED, _V.MOUNT): _S.MOUNTED,
        (_S.BAKING, _V.MOUNT): _S.MOUNTED,
        (_S.MOUNTED, _V.RETURN): _S.OPENED,
        (_S.MOUNTED, _V.USE_UP): _S.EMPTY,
        (_S.STORED, _V.SCRAP): _S.SCRAPPED,
        (_S.THAWING, _V.SCRAP): _S.SCRAPPED,
        (_S.OPENED, _V.SCRAP): _S.SCRAPPED,
        (_S.BAKING, _V.SCRAP): _S.SCRAPPED,
        (_S.MOUNTED, _V.SCRAP): _S.SCRAPPED,
    }
)
