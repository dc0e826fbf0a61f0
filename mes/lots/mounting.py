"""Sources on equipment: taken off when they are empty, or when a person says so."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from mes.lots.models import LotSubstrate, Mount
from mes.lots.states import Progress
from mes.units.positions import Positions
from mes.units.states import THERE


def dismount_empty(
    session: Session, touched: Iterable[Positions], members: Mapping[int, LotSubstrate], worked_id: int, at: datetime
) -> None:
    """Close and dismount the sources among ``touched`` substrates that have nothing left to pick."""
    for positions in touched:
        substrate = positions.substrate
        member = members[substrate.id]
        if substrate.id == worked_id or member.progress != Progress.FINISHED:
            continue
        if not positions.are(*THERE).any():
            substrate.closed, member.progress = True, Progress.CLOSED
            dismount(session, [substrate.id], at)


def dismount(session: Session, substrate_ids: Collection[int], at: datetime) -> None:
    """Take substrates off the equipment they are on, if any."""
    session.execute(
        update(Mount)
        .where(Mount.substrate_id.in_(substrate_ids), Mount.dismounted_at.is_(None))
        .values(dismounted_at=at)
        .execution_options(synchronize_session=False)
    )
