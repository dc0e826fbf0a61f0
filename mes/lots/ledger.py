"""The ledger of a lot: postings that follow from what changed on its maps, and the deltas that history keeps."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.history import Delta
from mes.lots.accounts import OF_DISPOSITION
from mes.lots.models import Ledger, Lot
from mes.units.positions import Positions


def moves(changed: Iterable[Positions]) -> Counter[str]:
    """By account, how many units more it has after the change of these maps."""
    total: Counter[str] = Counter()
    for positions in changed:
        for disposition, units in positions.moved().items():
            account = OF_DISPOSITION[disposition]
            if account is not None:
                total[account] += units
    return total


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
    values = {account: getattr(Ledger, account) + units for account, units in changes.items()}
    session.execute(
        update(Ledger)
        .where(Ledger.lot_id == lot.id, Ledger.form == form)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    lot.units += changes.get("in_process", 0) + changes.get("completed", 0)
    return [Delta(lot.name, form, account, units) for account, units in sorted(changes.items())]


def balanced(changes: Counter[str], came: str) -> Counter[str]:
    """The same postings with the units that came from outside in account ``came``, so that the form balances."""
    changes[came] += sum(changes.values())
    return changes
