"""The substrates of a lot laid one upon the other: at how many of them the unit at each position failed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, undefer

from mes.definitions.models import Layout
from mes.lots.maps.map_file import DISPOSITIONS, bins_of
from mes.lots.models import LotSubstrate
from mes.units.models import Layer, Substrate
from mes.web.substrate_legend import ABNORMAL, Entry, shades

NOTHING = 0xFFFF
"""Where none of the substrates has a unit that the layer tells of."""


@dataclass(frozen=True)
class Stack:
    """``failed`` is uint16, rows by columns: substrates at which the unit there failed, or `NOTHING`."""

    substrates: int
    failed: NDArray[np.uint16]

    def legend(self) -> list[Entry]:
        """An entry for each number of failures up to the highest."""
        told = self.failed[self.failed != NOTHING]
        most = int(told.max(initial=0))
        counts = np.bincount(told, minlength=most + 1).tolist()
        bad = [failures > 0 for failures in range(most + 1)]
        return [
            Entry(failures, "", "", bad[failures], shade, str(failures) if failures else "", counts[failures])
            for failures, shade in enumerate(shades(bad))
        ]


def stacked(session: Session, found: int, layer: str) -> Stack:
    """The lot's substrates of the same form and layout, as far as they have the layer, in its newest version.

    A unit has failed where its bin is not one of those that pass; of dispositions where it is abnormal.
    """
    layout = session.scalars(select(Layout).join(Substrate).where(Substrate.id == found)).one()
    query = select(Substrate).where(Substrate.id.in_(_together(found, layer))).options(undefer(Substrate.dispositions))
    failed = np.zeros((layout.rows, layout.columns), np.uint16)
    told = np.zeros(failed.shape, np.bool_)
    members = session.scalars(query).all()
    for substrate in members:
        bins = bins_of(session, substrate, layout, layer)
        bad = ABNORMAL if layer == DISPOSITIONS else [d.code for d in bins.definitions if not d.good]
        failed += np.isin(bins.codes, bad)
        told |= np.isin(bins.codes, [d.code for d in bins.definitions])
    failed[~told] = NOTHING
    return Stack(len(members), failed)


def many(session: Session, found: int, layer: str) -> int:
    """How many substrates of the lot can be laid upon this one, itself included."""
    return session.scalar(select(func.count()).select_from(_together(found, layer).subquery())) or 0


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
