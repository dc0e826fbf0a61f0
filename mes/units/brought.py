"""Bins that units brought along: of a substrate that others filled, what was read of its units where they were before.

Packages are tested on their strip and packed to trays afterwards; the tray's map of bins is the strip's, moved.
Bins on arrival stay where they are: a file says them of the substrate that it came with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select, tuple_
from sqlalchemy.orm import Session

from equipment.interface.messages import NO_BIN
from equipment.interface.states import TransferOutcome
from mes.definitions.models import Layout
from mes.units.arrival import INCOMING_BINS
from mes.units.layers import read_layer
from mes.units.models import Layer, Substrate, Transfer
from mes.units.positions import Shape

Indices = NDArray[np.int64]
"""Of positions, row by row from the top left."""


@dataclass(frozen=True)
class Stay:
    """Where some of a substrate's units were before: a substrate, and their positions here and there."""

    substrate_id: int
    shape: Shape
    here: Indices
    there: Indices


def stays_before(session: Session, substrate_id: int, shape: Shape) -> list[Stay]:
    """Every substrate of the same owner on which units of this one were, with the same unit's positions; latest first.

    A unit that was placed on another is a part of it, and not meant: only those that moved themselves.
    """
    everywhere = np.arange(shape[0] * shape[1], dtype=np.int64)
    return list(_before(session, Stay(substrate_id, shape, everywhere, everywhere), None))


def _before(session: Session, stay: Stay, until: Row[Any] | None) -> Iterator[Stay]:
    """The stays before one, of units that had come there before the transfer ``until`` took them away."""
    here, there = stay.here, stay.there
    for transfer in _into(session, stay.substrate_id, until):
        from_xy, to_xy = (np.frombuffer(xy, "<i2").reshape(-1, 2) for xy in (transfer.from_xy, transfer.to_xy))
        slots = np.frombuffer(transfer.slots, np.uint8).reshape(-1, 4)
        itself = (slots[:, 3] == TransferOutcome.PLACED) & (slots[:, 1] == 0)
        came = dict(zip(_index(to_xy[itself], stay.shape[1]), _index(from_xy[itself], transfer.columns), strict=True))
        mine = np.isin(there, list(came))
        if not mine.any():
            continue
        source = np.array([came[index] for index in there[mine].tolist()], np.int64)
        found = Stay(transfer.source_id, (transfer.rows, transfer.columns), here[mine], source)
        yield found
        yield from _before(session, found, transfer)
        here, there = here[~mine], there[~mine]


def _into(session: Session, substrate_id: int, until: Row[Any] | None) -> list[Row[Any]]:
    """Transfers from the same owner's substrates, the latest first."""
    moment = tuple_(Transfer.happened_at, Transfer.id)
    query = (
        select(
            Transfer.id, Transfer.happened_at, Transfer.source_id, Transfer.from_xy, Transfer.to_xy, Transfer.slots,
            Layout.rows, Layout.columns,
        )
        .join(Substrate, Substrate.id == Transfer.source_id)
        .join(Layout, Layout.id == Substrate.layout_id)
        .where(Transfer.target_id == substrate_id, Transfer.customer_id.is_not(None))
        .order_by(Transfer.happened_at.desc(), Transfer.id.desc())
    )  # fmt: skip
    if until is not None:
        query = query.where(moment < (until.happened_at, until.id))
    return list(session.execute(query))


def _index(xy: NDArray[np.int16], columns: int) -> list[int]:
    indices: list[int] = (xy[:, 1].astype(np.int64) * columns + xy[:, 0]).tolist()
    return indices


def brought_layers(session: Session, substrate_id: int, shape: Shape) -> dict[str, list[int]]:
    """Layers of bins that this substrate's units brought along, with the substrates that have them."""
    before = [stay.substrate_id for stay in stays_before(session, substrate_id, shape)]
    query = select(Layer.name, Layer.substrate_id).where(Layer.encoding.in_(("u1", "u2")), Layer.name != INCOMING_BINS)
    own = set(session.scalars(select(Layer.name).where(Layer.substrate_id == substrate_id)))
    found: dict[str, dict[int, None]] = {}
    for name, of in session.execute(query.where(Layer.substrate_id.in_(before)).order_by(Layer.id)):
        if name not in own:
            found.setdefault(name, {})[of] = None
    return {name: list(of) for name, of in found.items()}


def read_brought(
    session: Session, substrate_id: int, name: str, shape: Shape
) -> tuple[NDArray[np.uint16], dict[str, Any]] | None:
    """Bins of one such layer at this substrate's positions, each as last read, and what the codes mean; None without.

    A position of which nobody read a bin has `NO_BIN`.
    """
    having = brought_layers(session, substrate_id, shape).get(name)
    if having is None:
        return None
    values = np.full(shape[0] * shape[1], NO_BIN, np.uint16)
    palette: dict[str, Any] = {}
    for stay in reversed(stays_before(session, substrate_id, shape)):
        if stay.substrate_id in having:
            bins, row = read_layer(session, stay.substrate_id, name, stay.shape)
            read = bins.ravel()[stay.there].astype(np.uint16)
            values[stay.here[read != NO_BIN]] = read[read != NO_BIN]
            palette |= row.palette
    return values.reshape(shape), palette
