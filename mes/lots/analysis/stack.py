"""Substrates of one layout laid upon each other: one, those of a lot, or those of a product in a period."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, undefer

from mes.definitions.models import Layout, Product
from mes.errors import Malformed, NotFound
from mes.lots.maps.map_file import DISPOSITIONS, bins_of, bins_of_many
from mes.lots.models import LotSubstrate
from mes.units.arithmetic.counts import Counts
from mes.units.arithmetic.merging import Pass
from mes.units.arithmetic.outline import Outline
from mes.units.formats.mapfile import BinCodes
from mes.units.models import Layer, Substrate
from mes.units.states import ABNORMAL

MOST_SUBSTRATES = 500
"""Laid upon each other at once."""


@dataclass(frozen=True)
class Stack:
    """A layer in its newest version, by the substrates that have it: what each says of its units."""

    layer: str
    layout: Layout
    passes: dict[int, Pass]

    @cached_property
    def counts(self) -> Counts:
        """At how many of them the unit at each position failed, of how many of which the layer tells."""
        shape = (self.layout.rows, self.layout.columns)
        return Counts.stacked(shape, ((~one.good, one.tested) for one in self.passes.values()))

    @cached_property
    def outline(self) -> Outline:
        """Where the positions lie that any of them tells of."""
        pitch_um = (self.layout.pitch_x_um, self.layout.pitch_y_um)
        return Outline.around(self.counts.tested > 0, pitch_um, round_=self.layout.substrate_kind == "wafer")


def of_substrate(session: Session, found: int, layer: str) -> Stack:
    """A stack of one, also of bins that its units brought along. Raises `NotFound` where it has no such layer."""
    query = select(Substrate, Layout).join(Layout).where(Substrate.id == found)
    substrate, layout = session.execute(query.options(undefer(Substrate.dispositions))).one()
    return of_codes(found, layout, bins_of(session, substrate, layout, layer))


def of_codes(found: int, layout: Layout, bins: BinCodes) -> Stack:
    """A stack of one whose bins have been read."""
    return Stack(bins.name, layout, {found: _judged(bins)})


def of_its_lot(session: Session, found: int, layer: str) -> Stack:
    """The substrates of the lot that has this one now, of its form and layout, as far as they have the layer."""
    layout = session.scalars(select(Layout).join(Substrate).where(Substrate.id == found)).one()
    return _of(session, layout, _together(found, layer), layer)


def of_lot(session: Session, lot_id: int, layer: str) -> Stack:
    """The substrates of a lot in the last of its forms that has the layer. Raises `NotFound` where none has."""
    query = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == lot_id).order_by(LotSubstrate.form.desc())
    if layer != DISPOSITIONS:
        query = query.join(Layer, Layer.substrate_id == LotSubstrate.substrate_id).where(Layer.name == layer)
    last = session.scalars(query.order_by(LotSubstrate.substrate_id).limit(1)).first()
    if last is None:
        raise NotFound(f"No substrate of that lot has a layer {layer}.")
    return of_its_lot(session, last, layer)


def of_product(
    session: Session, product: str, layer: str, period: tuple[datetime | None, datetime | None], lots: list[int] | None
) -> Stack:
    """Substrates of a product in these lots (None: all) of which the layer was written in the period, latest layout.

    Raises `NotFound` where there is none, `Malformed` where there are more than `MOST_SUBSTRATES`.
    """
    written = select(Layer.substrate_id).where(Layer.name == layer)
    begin, end = period
    if begin is not None:
        written = written.where(Layer.happened_at >= begin)
    if end is not None:
        written = written.where(Layer.happened_at < end)
    wanted = select(Substrate.id).join(Product).where(Product.name == product, Substrate.id.in_(written))
    if lots is not None:
        wanted = wanted.where(Substrate.id.in_(select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id.in_(lots))))
    latest = wanted.order_by(Substrate.id.desc()).limit(1).scalar_subquery()
    layout = session.scalars(select(Layout).join(Substrate).where(Substrate.id == latest)).one_or_none()
    if layout is None:
        raise NotFound("No substrate of that product has such a layer of that period.")
    wanted = wanted.where(Substrate.layout_id == layout.id)
    if (found := session.scalar(select(func.count()).select_from(wanted.subquery())) or 0) > MOST_SUBSTRATES:
        raise Malformed(f"That are {found} substrates; ask for a shorter period, at most {MOST_SUBSTRATES} at once.")
    return _of(session, layout, wanted, layer)


def many(session: Session, found: int, layer: str) -> int:
    """How many substrates of the lot can be laid upon this one, itself included."""
    return session.scalar(select(func.count()).select_from(_together(found, layer).subquery())) or 0


def _of(session: Session, layout: Layout, wanted: Select[int], layer: str) -> Stack:
    query = select(Substrate).where(Substrate.id.in_(wanted)).options(undefer(Substrate.dispositions))
    members = session.scalars(query.order_by(Substrate.id)).all()
    bins = bins_of_many(session, members, (layout.rows, layout.columns), layer)
    return Stack(layer, layout, {i: _judged(codes) for i, codes in bins.items()})


def _judged(bins: BinCodes) -> Pass:
    """A unit has failed where its bin is not one of those that pass; of dispositions where it is abnormal."""
    known = [d.code for d in bins.definitions]
    bad = ABNORMAL if bins.name == DISPOSITIONS else [d.code for d in bins.definitions if not d.good]
    tested = np.isin(bins.codes, known)
    return Pass(bins.codes, tested, tested & ~np.isin(bins.codes, bad))


def _together(found: int, layer: str) -> Select[int]:
    """The substrates of the lot that has this one now, of its form and layout, that have the layer."""
    of_lot = select(LotSubstrate.lot_id, LotSubstrate.form).where(LotSubstrate.substrate_id == found)
    mine = of_lot.order_by(LotSubstrate.progress == "closed", LotSubstrate.lot_id.desc()).limit(1).subquery()
    layout = select(Substrate.layout_id).where(Substrate.id == found).scalar_subquery()
    query = (
        select(Substrate.id)
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .join(mine, (mine.c.lot_id == LotSubstrate.lot_id) & (mine.c.form == LotSubstrate.form))
        .where(Substrate.layout_id == layout)
    )
    if layer == DISPOSITIONS:
        return query
    return query.where(select(Layer.id).where(Layer.substrate_id == Substrate.id, Layer.name == layer).exists())
