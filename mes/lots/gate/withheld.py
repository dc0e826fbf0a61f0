"""What stays on its substrate where an operation moves units to others: what holds mask, and what is suspect."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, undefer

from mes.definitions.models import Layout
from mes.errors import Reason
from mes.lots.holds.masks import masks
from mes.lots.holds.models import HoldMask
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.progress import asked_positions
from mes.units.models import Substrate
from mes.units.positions import Mask, Positions, unpack
from mes.units.states import THERE, Disposition


@dataclass(frozen=True)
class Withheld:
    """Why nothing is left to move on a substrate: units by the hold that masks them, and suspect ones."""

    masked: Mapping[int, int]
    suspect: int


@dataclass(frozen=True)
class Staying:
    """What stays, by substrate: of those with a mask what is masked, and those of which nothing may be moved."""

    masked: Mapping[int, Mask] = field(default_factory=dict)
    withheld: Mapping[int, Withheld] = field(default_factory=dict)


def staying(session: Session, members: Sequence[LotSubstrate]) -> Staying:
    """What stays of substrates that wait where units are moved. It looks no further where nothing does."""
    found = _suspicious(session, members) if members else {}
    if not found:
        return Staying()
    of: dict[int, dict[int, Mask]] = {i: {} for i in found}
    for hold_id, substrate_id, packed in masks(session, list(found)):
        of[substrate_id][hold_id] = unpack(packed, found[substrate_id].shape)
    masked = {i: _any(found[i], some.values()) for i, some in of.items() if some}
    there = {m.substrate_id: m for m in members if m.substrate_id in found}
    whole = [i for i, m in there.items() if not asked_positions(m, found[i], masked.get(i)).any()]
    return Staying(masked, {i: _withheld(found[i], of[i]) for i in whole})


def _suspicious(session: Session, members: Sequence[LotSubstrate]) -> dict[int, Positions]:
    """The maps of those with a mask or a suspect unit."""
    standing = select(HoldMask.hold_id).join(Hold, Hold.id == HoldMask.hold_id)
    standing = standing.where(HoldMask.substrate_id == Substrate.id, Hold.released_at.is_(None))
    doubtful = func.pg_catalog.position(Substrate.dispositions, bytes([Disposition.SUSPECT])) > 0
    query = select(Substrate, Layout.rows, Layout.columns).join(Layout, Layout.id == Substrate.layout_id)
    query = query.where(Substrate.id.in_([m.substrate_id for m in members]), or_(doubtful, standing.exists()))
    found = session.execute(query.options(undefer(Substrate.dispositions)))
    return {one.id: Positions(one, (rows, columns)) for one, rows, columns in found}


def _any(at: Positions, some: Iterable[Mask]) -> Mask:
    where = at.nowhere()
    for mask in some:
        where |= mask
    return where


def _withheld(at: Positions, of: Mapping[int, Mask]) -> Withheld:
    there = at.are(*THERE)
    units = {hold_id: int((mask & there).sum()) for hold_id, mask in of.items()}
    return Withheld({hold_id: n for hold_id, n in units.items() if n}, at.count(Disposition.SUSPECT))


def against_moving(lot: Lot, holds: Iterable[Hold], some: Sequence[Withheld]) -> Iterator[Reason]:
    """Why none of these substrates of a lot is started where units are moved; none where there are none."""
    for hold in holds:
        units = sum(one.masked.get(hold.id, 0) for one in some)
        if units:
            what = (
                f"Hold {hold.id} ({hold.code}: {hold.comment}) masks {units} of the units that are left to move of lot"
            )
            yield Reason("masked", f"{what} {lot.name}; release it, or scrap them.", hold.owner_role)
    if suspect := sum(one.suspect for one in some):
        what = f"{suspect} of the units that are left to move of lot {lot.name} are suspect"
        yield Reason("suspect", f"{what}; a process engineer disposes of them.", "process_engineer")
