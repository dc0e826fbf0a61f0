"""Units moved over to loads: row by row into free places, with their defects; some drop on the way."""

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import Transfers
from equipment.interface.states import TransferOutcome
from equipment.sim.processes.task import Task
from equipment.sim.world import SubstrateTruth, Truths


def to_loads(
    task: Task, truths: Truths, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], Transfers | None, frozenset[str]]:
    """Move the wanted units of the worked substrate to the loads of the order, if it names any.

    Returns the positions worked on (those that found a place), the transfers, and the substrates that changed.
    """
    source = truths[task.part.substrate]
    if not task.order.loads:
        return wanted, None, frozenset({source.name})
    transfers = _move(task, source, wanted, [truths[name] for name in task.order.loads])
    moved = np.zeros_like(wanted)
    moved[transfers.from_y, transfers.from_x] = True
    return moved, transfers, frozenset({source.name, *task.order.loads})


def _move(task: Task, source: SubstrateTruth, wanted: NDArray[np.bool_], loads: list[SubstrateTruth]) -> Transfers:
    """Units row by row into the free places of the loads, in order; what finds no place stays where it is."""
    from_y, from_x = (axis.astype(np.int16) for axis in np.nonzero(wanted))
    load, to_y, to_x = _free_places(task, loads)
    lost = (task.uniform("loss") < task.figures["loss_rate"])[from_y, from_x]
    place: NDArray[np.int64] = np.cumsum(~lost) - ~lost  # a lost unit leaves its place to the next one
    moved = int(np.count_nonzero(place < len(load)))
    from_y, from_x, lost, place = from_y[:moved], from_x[:moved], lost[:moved], place[:moved]
    transfers = Transfers(
        sources=(source.name,),
        targets=task.order.loads,
        source=np.zeros(moved, np.uint16),
        from_x=from_x,
        from_y=from_y,
        target=load[place],
        to_x=to_x[place],
        to_y=to_y[place],
        site=np.zeros(moved, np.uint8),
        level=np.zeros(moved, np.uint8),
        head=(np.arange(moved) % task.heads).astype(np.uint8),
        outcome=np.where(lost, TransferOutcome.LOST, TransferOutcome.PLACED).astype(np.uint8),
    )
    _settle(source, loads, transfers)
    return transfers


def _free_places(
    task: Task, loads: list[SubstrateTruth]
) -> tuple[NDArray[np.uint16], NDArray[np.int16], NDArray[np.int16]]:
    """Index of the load, y and x of every place to fill, in the order in which they are filled."""
    places = [np.nonzero(task.maps[load.name].allowed & ~load.present & ~load.occupied(0, 0)) for load in loads]
    index = np.concatenate([np.full(len(ys), i, np.uint16) for i, (ys, _) in enumerate(places)])
    ys = np.concatenate([ys for ys, _ in places]).astype(np.int16)
    xs = np.concatenate([xs for _, xs in places]).astype(np.int16)
    return index, ys, xs


def _settle(source: SubstrateTruth, loads: list[SubstrateTruth], moves: Transfers) -> None:
    """Make the moves true: units leave with their defects, and arrive."""
    defects = source.defects[moves.from_y, moves.from_x]
    source.present[moves.from_y, moves.from_x] = False
    source.defects[moves.from_y, moves.from_x] = 0
    for index, load in enumerate(loads):
        arrives = (moves.outcome == TransferOutcome.PLACED) & (moves.target == index)
        y, x = moves.to_y[arrives], moves.to_x[arrives]
        layer = load.layer(0, 0)
        load.present[y, x] = True
        load.defects[y, x] = defects[arrives]
        layer.source[y, x] = layer.index_of(source.name)
        layer.from_y[y, x] = moves.from_y[arrives]
        layer.from_x[y, x] = moves.from_x[arrives]
