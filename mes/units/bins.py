"""Bins of a substrate as they count now: of each operation what was written last, the effective ones after the read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from equipment.interface.messages import NO_BIN, PASS_BIN
from mes.errors import NotFound
from mes.history import Act
from mes.units.arrival import INCOMING_BINS
from mes.units.brought import brought_layers, read_brought
from mes.units.layers import DTYPES, write_layer
from mes.units.models import Layer, Substrate
from mes.units.positions import Mask, Shape

READ, EFFECTIVE = "bin:", "effective:"
"""What the names of layers of bins begin with: as they were read, and as the rule of the operation counts them."""


@dataclass
class BinLayer:
    """The bins that count of one operation, or of the file a substrate came with."""

    name: str
    values: NDArray[Any]
    palette: dict[str, Any]
    times: list[datetime]
    """When each version of it was written."""
    by: NDArray[np.int64]
    """At each position the number, from 0, of the version that wrote it last."""
    written: list[str] = field(default_factory=list)
    """The layers of the substrate that say so; none where its units brought the bins along."""

    @property
    def codes(self) -> dict[int, bool]:
        """Every code that is defined, and whether it means good."""
        known = {int(code): meaning.get("quality") == "Pass" for code, meaning in self.palette.items()}
        return known if self.name == INCOMING_BINS else {PASS_BIN: True, **known}

    @property
    def unread(self) -> Mask:
        """Where no bin was read."""
        return np.zeros(self.values.shape, np.bool_) if self.name == INCOMING_BINS else self.values == NO_BIN

    @property
    def failed(self) -> Mask:
        """Where the bin means a failure."""
        good = [code for code, passes in self.codes.items() if passes]
        return ~self.unread & ~np.isin(self.values, good)

    def judged_at(self, where: Mask) -> datetime:
        """Since when the bins at these positions count, the oldest of them."""
        versions: list[int] = np.unique(self.by[where]).tolist()
        return min(self.times[n] for n in versions)

    def write(self, session: Session, substrate: Substrate, where: Mask, code: int, act: Act) -> int:
        """Let that bin count at these positions from now on; gives the version of the layer that says so.

        What units brought along is written whole: from here on it is this substrate's own.
        """
        fits = code <= np.iinfo(self.values.dtype).max
        values = np.where(where, code, self.values).astype(self.values.dtype if fits else np.uint16)
        whole = not (self.written and fits)
        rows = [
            write_layer(
                session, substrate, name, values, at=act.at, source=act.actor, palette=self.palette,
                where=None if whole else where,
            )
            for name in self.written or [self.name]
        ]  # fmt: skip
        return rows[0].version


@dataclass(frozen=True)
class BinLayers:
    """Those of one substrate, by operation."""

    of: dict[str, BinLayer]

    def named(self, name: str) -> BinLayer:
        """The one that a layer belongs to. Raises `NotFound`."""
        found = self.of.get(name.partition(":")[2])
        if found is None or not name.startswith((READ, EFFECTIVE)):
            known = ", ".join(layer.name for layer in self.of.values()) or "none"
            raise NotFound(f"The substrate has no map of bins {name}; there is {known}.")
        return found

    def others(self, layer: BinLayer) -> Sequence[BinLayer]:
        """All but one."""
        return [one for one in self.of.values() if one is not layer]


def bin_layers(session: Session, substrate_id: int, shape: Shape) -> BinLayers:
    """The bins that count on a locked substrate: its own, and those that its units brought along."""
    query = select(Layer).where(Layer.substrate_id == substrate_id, Layer.encoding.in_(("u1", "u2")))
    found: dict[str, BinLayer] = {}
    for row in session.scalars(query.order_by(Layer.id).options(undefer("*"))):
        _lay(found, row, shape)
    of_runs = select(Layer.happened_at).order_by(Layer.happened_at.desc()).limit(1)
    for name, having in brought_layers(session, substrate_id, shape).items():
        brought = read_brought(session, substrate_id, name, shape)
        if brought is not None and name.startswith(READ):
            judged_at = session.scalars(of_runs.where(Layer.name == name, Layer.substrate_id.in_(having))).one()
            found[name.removeprefix(READ)] = BinLayer(name, *brought, [judged_at], np.zeros(shape, np.int64))
    return BinLayers(found)


def _lay(found: dict[str, BinLayer], row: Layer, shape: Shape) -> None:
    """Lay a version over what was written before it of the same operation."""
    of = row.name.partition(":")[2]
    body = np.frombuffer(row.body, DTYPES[row.encoding])
    layer = found.get(of)
    if layer is None:
        blank = np.full(shape, NO_BIN, body.dtype)
        layer = found[of] = BinLayer(f"{READ}{of}", blank, {}, [], np.zeros(shape, np.int64))
    if body.dtype.itemsize > layer.values.dtype.itemsize:
        layer.values = layer.values.astype(body.dtype)
    where = slice(None) if row.positions is None else np.frombuffer(row.positions, "<u4")
    layer.values.reshape(-1)[where], layer.by.reshape(-1)[where] = body, len(layer.times)
    layer.palette = row.palette
    layer.times.append(row.happened_at)
    if row.name not in layer.written:
        layer.written.append(row.name)
