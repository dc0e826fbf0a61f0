"""Reads across features: what a unit is made of, and where units went.

`trace_unit` goes down from a package to every die in it; `trace_up`, and `trace_lot_up` for a whole lot, the other way.
`tree` is what they give.
"""

from mes.genealogy.trace import trace_lot_up, trace_unit, trace_up
from mes.genealogy.tree import Held, Move, Onward, Place, Reading, Trace, TraceUp, Unit, Went, Work

__all__ = [
    "Held", "Move", "Onward", "Place", "Reading", "Trace", "TraceUp", "Unit", "Went", "Work",
    "trace_lot_up", "trace_unit", "trace_up",
]  # fmt: skip
