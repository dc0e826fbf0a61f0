"""Masks: the units that a hold is about. They are worked on with the others, but not taken from their substrate.

A hold without a mask stops its lot. One with a mask lets it go on: at an operation that moves units to other
substrates, at a pick and in a shipment what is masked stays, until every hold that masks it is released.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, and_, false, select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, NotFound
from mes.lots import progress
from mes.lots.holds.models import HoldMask
from mes.lots.models import Hold, Lot
from mes.lots.states import Progress
from mes.units.blocks import blocks_of, in_block
from mes.units.layers import bins_of, ids_of
from mes.units.models import Substrate
from mes.units.positions import Mask, Place, Positions, Shape, opened, pack, unpack, where_named
from mes.units.states import THERE

MOST_TOLD = 1000
"""Positions that history names; of a larger mask it tells how many units of each substrate."""


@dataclass(frozen=True)
class Units:
    """Some units of a lot: of one substrate or of all, at positions, with ids, with a bin of a map or in a block.

    Without any of these every one is meant.
    """

    substrate: str | None = None
    at: Sequence[Place] | None = None
    ids: Sequence[str] | None = None
    bin: tuple[str, int] | None = None
    block: Place | None = None


Found = Mapping[int, tuple[Positions, Mask]]
"""By substrate: its map, and what of it is meant."""


def find_units(session: Session, lot: Lot, wanted: Sequence[Units]) -> Found:
    """What is meant of a locked lot: units that are there. Their substrates are locked.

    Raises `NotFound` (no such substrate in the lot, no map of bins of that name), and `Malformed` where a position lies
    outside, has no unit or is of no substrate that is named, where no unit has an id, and where nothing is found.
    As many statements for twenty-five substrates as for one, and for a thousand lines that name one bin.
    """
    members = progress.members_of(session, [lot])[lot.id]
    locked = lock(session, (Substrate, [m.substrate_id for m in members if m.progress != Progress.CLOSED]))
    maps = {at.substrate.name: at for at in opened(session, locked.all(Substrate)).values()}
    layers = _Layers(session, {at.substrate.id: at.shape for at in maps.values()})
    found: dict[int, tuple[Positions, Mask]] = {}
    for units in wanted:
        for at, where in _meant(layers, units, _named(maps, units)):
            already = found.get(at.substrate.id)
            found[at.substrate.id] = (at, where if already is None else where | already[1])
    return {i: found[i] for i in sorted(found)}


@dataclass(frozen=True)
class _Layers:
    """What maps of the lot's substrates say, read once however often it is asked for."""

    session: Session
    shapes: Mapping[int, Shape]
    _bins: dict[str, dict[int, NDArray[Any]]] = field(default_factory=dict)

    @cached_property
    def blocks(self) -> dict[int, Shape]:
        """Rows and columns of a block of each substrate that is made of such."""
        return blocks_of(self.session, self.shapes)

    @cached_property
    def places(self) -> dict[str, list[tuple[int, int]]]:
        """By the id of a unit that came with a map, substrates and positions row by row."""
        found: dict[str, list[tuple[int, int]]] = {}
        for i, layers in ids_of(self.session, self.shapes).items():
            for n, text in (one for texts in layers for one in enumerate(texts)):
                if text is not None:
                    found.setdefault(text, []).append((i, n))
        return found

    def bins(self, name: str) -> dict[int, NDArray[Any]]:
        """By substrate, the bins of a map of that name."""
        if name not in self._bins:
            self._bins[name] = bins_of(self.session, self.shapes, name)
        return self._bins[name]


def _named(maps: Mapping[str, Positions], units: Units) -> list[Positions]:
    if units.substrate is None:
        return [maps[name] for name in sorted(maps)]
    if units.substrate not in maps:
        raise NotFound(f"The lot has no substrate {units.substrate}.")
    return [maps[units.substrate]]


def _meant(layers: _Layers, units: Units, maps: Sequence[Positions]) -> Iterator[tuple[Positions, Mask]]:
    if sum(part is not None for part in (units.at, units.ids, units.bin, units.block)) > 1:
        raise Malformed("Name units in one way: by positions, by ids, by a bin or by a block.")
    if units.at is not None:
        found = [(at, _at(at, units)) for at in maps]
    elif units.ids is not None:
        found = _by_id(layers, maps, units.ids)
    elif units.bin is not None:
        found = _of_bin(layers, maps, *units.bin)
    elif units.block is not None:
        found = _of_block(layers, maps, units.block)
    else:
        found = [(at, at.are(*THERE)) for at in maps]
    some = [(at, where) for at, where in found if where.any()]
    if not some:
        raise Malformed("No unit that is there is meant; look at the map.")
    yield from some


def _at(at: Positions, units: Units) -> Mask:
    if units.substrate is None:
        raise Malformed("Positions are those of a substrate; name it, too.")
    where, there = where_named(at, units.at or ()), at.are(*THERE)
    for x, y in units.at or ():
        if not there[y, x]:
            raise Malformed(f"There is no unit at ({x}, {y}) of {units.substrate}.")
    return where


def _by_id(layers: _Layers, maps: Sequence[Positions], ids: Sequence[str]) -> list[tuple[Positions, Mask]]:
    """Where the units with these ids are: the ids that came with a map of the substrate."""
    found = {at.substrate.id: (at, at.nowhere()) for at in maps}
    unknown = set[str]()
    for text in {*ids}:
        places = [(i, n) for i, n in layers.places.get(text, ()) if i in found]
        for i, n in places:
            found[i][1].flat[n] = True
        unknown |= set() if places else {text}
    if unknown:
        raise Malformed(f"No unit there has the id {', '.join(sorted(unknown))}.")
    return [(at, where & at.are(*THERE)) for at, where in found.values()]


def _of_bin(layers: _Layers, maps: Sequence[Positions], name: str, code: int) -> list[tuple[Positions, Mask]]:
    """Where units were read with a bin last; substrates that the map is not of have none."""
    codes = layers.bins(name)
    found = [(at, (codes[i] == code) & at.are(*THERE)) for at in maps if (i := at.substrate.id) in codes]
    if not found:
        raise NotFound(f"None of these substrates has a map {name}.")
    return found


def _of_block(layers: _Layers, maps: Sequence[Positions], block: Place) -> list[tuple[Positions, Mask]]:
    """The units in a block; substrates that are not made of blocks have none."""
    there = [(at, layers.blocks[i]) for at in maps if (i := at.substrate.id) in layers.blocks]
    if not there:
        raise NotFound("None of these substrates is made of blocks.")
    return [(at, in_block(at.shape, shape, block) & at.are(*THERE)) for at, shape in there]


def keep(session: Session, placed: Hold, found: Found) -> dict[str, Any]:
    """Let a hold that is new mask what was found; gives what history is told of it."""
    session.add_all(
        HoldMask(customer_id=placed.customer_id, hold_id=placed.id, substrate_id=i, positions=pack(where))
        for i, (_, where) in found.items()
    )
    units = {at.substrate.name: int(where.sum()) for at, where in found.values()}
    if sum(units.values()) > MOST_TOLD:
        return {"masked": units}
    places = {at.substrate.name: [[int(x), int(y)] for y, x in np.argwhere(where)] for at, where in found.values()}
    return {"masked": units, "positions": places}


def masks(session: Session, substrate_ids: Sequence[int], at: datetime | None = None) -> Sequence[Row[int, int, bytes]]:
    """Every mask of a hold that stands, or that stood at plant time ``at``: hold, substrate, positions."""
    stood = false() if at is None else and_(Hold.held_at <= at, Hold.released_at > at)
    query = select(HoldMask.hold_id, HoldMask.substrate_id, HoldMask.positions).join(Hold, Hold.id == HoldMask.hold_id)
    return session.execute(
        query.where(HoldMask.substrate_id.in_(substrate_ids), Hold.released_at.is_(None) | stood).order_by(Hold.id)
    ).all()


def masking(session: Session, maps: Mapping[int, Positions]) -> Counter[int]:
    """By hold that stands and masks any position of these maps, how many units it masks that are there."""
    units = Counter[int]()
    for hold_id, substrate_id, packed in masks(session, list(maps)):
        at = maps[substrate_id]
        units[hold_id] += int((unpack(packed, at.shape) & at.are(*THERE)).sum())
    return units


def masked(session: Session, shapes: Mapping[int, Shape], at: datetime | None = None) -> dict[int, Mask]:
    """The positions that holds mask, or masked at plant time ``at``, of those of these substrates that have any."""
    found: dict[int, Mask] = {}
    for _, substrate_id, packed in masks(session, list(shapes), at) if shapes else ():
        where = unpack(packed, shapes[substrate_id])
        found[substrate_id] = where | found[substrate_id] if substrate_id in found else where
    return found
