"""Who may be: the roles of the shop floor."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is on the line."""

    OPERATOR = "operator"
    """Starts and finishes lots at a terminal."""
    LINE_ENGINEER = "line_engineer"
    """Finds, holds, splits and reworks lots; watches equipment."""
    PROCESS_ENGINEER = "process_engineer"
    """Writes and approves recipes; disposes of queue-time violations."""
    YIELD_ENGINEER = "yield_engineer"
    """Follows units and compares."""
    MANAGER = "manager"
    """Pulls reports."""
    CUSTOMER = "customer"
    """Sees its own lots, maps and reports."""
    ADMINISTRATOR = "administrator"
    """Runs the system."""
    EQUIPMENT = "equipment"
    """A program that acts for an equipment: asks what comes next, reports its state."""
