"""States of shipments, and what changes them."""

from enum import StrEnum

from mes.transitions import Transitions


class Direction(StrEnum):
    """Which way a shipment went."""

    SENT = "sent"
    """From here."""
    RECEIVED = "received"
    """To here."""


class ShipmentState(StrEnum):
    """Where a shipment is."""

    IN_TRANSIT = "in_transit"
    """It has left; nobody has said yet that it arrived."""
    ARRIVED = "arrived"
    """It is where it was sent to."""


class ShipmentVerb(StrEnum):
    """What is done to a shipment."""

    CONFIRM = "confirm"
    """The receiver says what arrived."""


TRANSITIONS = Transitions({(ShipmentState.IN_TRANSIT, ShipmentVerb.CONFIRM): ShipmentState.ARRIVED})
