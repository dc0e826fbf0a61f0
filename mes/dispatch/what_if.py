"""What is supposed of the line where somebody asks what dispatch would do; nothing of it takes effect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mes.dispatch.criteria import Criterion
from mes.errors import Reason

OF_EQUIPMENT = {"alarm", "equipment_down", "not_connected", "places_full"}
"""Codes of reasons that stand against an equipment, whatever lot it would start."""


@dataclass(frozen=True)
class WhatIf:
    """What is otherwise than it is."""

    ranking: Sequence[Criterion] = ()
    """By which lots are ranked; empty: by that of the plant's text."""
    free: bool = False
    """The equipment is connected, able and has a place."""

    def left(self, reasons: Iterable[Reason]) -> list[Reason]:
        """The reasons that would still stand."""
        return [reason for reason in reasons if not (self.free and reason.code in OF_EQUIPMENT)]


AS_IT_IS = WhatIf()
