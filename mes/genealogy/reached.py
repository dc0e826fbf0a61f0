"""What a trace upwards reached, in a few lines: for each lot how many of its units and substrates are concerned."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mes.genealogy.tree import Onward, Place, TraceUp

ELSEWHERE = "another owner's"


@dataclass(frozen=True)
class Reached:
    """``lots``: a row for each lot reached; ``outcomes``: moves that placed nothing, e.g. units that were lost."""

    lots: list[dict[str, Any]]
    outcomes: dict[str, int]


def reached(trace: TraceUp) -> Reached:
    """Every position that a unit of the trace came to, counted once, by lot; the last forms last.

    ``units`` are positions, each with one unit; ``end_there`` are those from which no unit went on.
    """
    outcomes: Counter[str] = Counter()
    found: dict[tuple[str, str, str], _Lot] = {}
    seen: set[int] = set()
    layer = list(trace.positions)
    while layer:
        onward: list[Onward] = []
        for step in layer:
            for went in step.went:
                if went.to is None:
                    outcomes[str(went.move.outcome)] += 1
                elif id(went.to) not in seen:
                    seen.add(id(went.to))
                    _lot_of(found, went.to).add(went.to)
                    onward.append(went.to)
        layer = onward
    return Reached([lot.row(*names) for names, lot in found.items()], dict(outcomes))


class _Lot:
    def __init__(self) -> None:
        self.places: set[Place | None] = set()
        self.ends: set[Place | None] = set()
        self.substrates: set[str] = set()

    def add(self, step: Onward) -> None:
        self.places.add(step.place)
        self.substrates.add(step.substrate)
        if not any(went.to for went in step.went):
            self.ends.add(step.place)

    def row(self, owner: str, lot: str, product: str) -> dict[str, Any]:
        return {
            "lot": lot or ELSEWHERE, "customer": owner, "product": product, "substrates": len(self.substrates),
            "units": len(self.places), "end_there": len(self.ends),
        }  # fmt: skip


def _lot_of(found: dict[tuple[str, str, str], _Lot], step: Onward) -> _Lot:
    return found.setdefault((step.owner, step.lot, step.product), _Lot())
