"""The ledger of a lot: postings that follow from what changed on its maps, and the deltas that history keeps."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import cast

from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.history import Delta
from mes.lots.accounts import OF_DISPOSITION
from mes.lots.models import Ledger, Lot
from mes.units.positions import Positions

_LEDGER = cast(Table, Ledger.__table__)


def moves(changed: Iterable[Positions]) -> Counter[str]:
    """By account, how many units more it has after the change of these maps."""
    total: Counter[str] = Counter()
    for positions in changed:
        for disposition, units in positions.moved().items():
            account = OF_DISPOSITION[disposition]
            if account is not None:
                total[account] += units
    return total


def begin(session: Session, lot: Lot, came: Mapping[str, int]) -> list[Delta]:
    """Begin the ledger of a new lot with what came, and count its units; gives the deltas for history."""
    session.execute(insert(Ledger).values(customer_id=lot.customer_id, lot_id=lot.id, form=lot.form, **came))
    return _counted(lot, lot.form, came)


def open_form(session: Session, lot: Lot, form: int) -> None:
    """Begin the ledger of a form, empty; one that has begun stays as it is."""
    row = insert(Ledger).values(customer_id=lot.customer_id, lot_id=lot.id, form=form)
    session.execute(row.on_conflict_do_nothing())


def post(session: Session, lot: Lot, form: int, changes: Mapping[str, int]) -> list[Delta]:
    """Add to the accounts of one form, keep the lot's count of units, and give back the deltas for history.

    The lot must be locked. The database refuses a posting after which the form does not balance.
    """
    changes = {account: units for account, units in changes.items() if units}
    if not changes:
        return []
    of_form = update(_LEDGER).where(_LEDGER.c.lot_id == lot.id, _LEDGER.c.form == form)
    added = {account: _LEDGER.c[account] + units for account, units in changes.items()}
    session.connection().execute(of_form.values(added))  # not the session: it would write all that has changed first
    return _counted(lot, form, changes)


def _counted(lot: Lot, form: int, changes: Mapping[str, int]) -> list[Delta]:
    lot.units += changes.get("in_process", 0) + changes.get("completed", 0)
    return [Delta(lot.name, form, account, units) for account, units in sorted(changes.items()) if units]


def held(positions: Positions) -> Counter[str]:
    """By account, the units that a substrate holds or ever held."""
    total: Counter[str] = Counter()
    for disposition, account in OF_DISPOSITION.items():
        if account is not None:
            total[account] += positions.count(disposition)
    return total


def balanced(changes: Counter[str], came: str) -> Counter[str]:
    """The same postings with the units that came from outside in account ``came``, so that the form balances."""
    changes[came] += sum(changes.values())
    return changes
