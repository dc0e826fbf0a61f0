"""E10 states of equipment, as the MES records them."""

from enum import StrEnum


class EquipmentState(StrEnum):
    """SEMI E10 states, aligned with the codes of OPC 40100-1."""

    PRD = "PRD"
    """Productive: processes units."""
    SBY = "SBY"
    """Standby: able, but has nothing to do."""
    ENG = "ENG"
    """Engineering: runs experiments or qualification."""
    SDT = "SDT"
    """Scheduled down: planned maintenance or set-up."""
    UDT = "UDT"
    """Unscheduled down: failed."""
    NST = "NST"
    """Non-scheduled: outside the planned time."""


ABLE = {EquipmentState.PRD, EquipmentState.SBY, EquipmentState.ENG}
"""States in which equipment takes work."""
