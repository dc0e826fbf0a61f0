"""The answers of the product in the words of the plain table, so that they can be compared."""

from collections.abc import Iterator

from bench.reference.plain import Told
from equipment.interface.states import TransferOutcome
from mes.genealogy import Move, Onward, Place, Trace, TraceUp, Unit


def moves_down(trace: Trace) -> list[Told]:
    """All moves that brought what a unit is made of, each once."""
    return sorted(set(_down(trace.unit)))


def moves_up(trace: TraceUp) -> list[Told]:
    """All moves of the units of a wafer, and of what they went into, each once."""
    return sorted({told for position in trace.positions for told in _up(position)})


def _down(unit: Unit) -> Iterator[Told]:
    for held in unit.contains:
        if held.unit.place is not None and unit.place is not None:
            yield _told(unit.place, held.unit.place, held.move)
        yield from _down(held.unit)


def _up(step: Onward) -> Iterator[Told]:
    for went in step.went:
        if went.to is not None:
            if went.to.place is not None and step.place is not None:
                yield _told(went.to.place, step.place, went.move)
            yield from _up(went.to)


def _told(to: Place, came: Place, move: Move) -> Told:
    work = move.work
    outcome = int(TransferOutcome[move.outcome.upper()])
    told = ("", "", "") if work is None else (work.run, work.equipment, work.recipe)
    sides = (to.substrate_id, to.x, to.y, came.substrate_id, came.x, came.y)
    return (*sides, move.site, move.level, move.head, outcome, *told)
