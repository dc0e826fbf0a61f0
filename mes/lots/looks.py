"""Lots as people and programs look at them: rows of a list, and one lot with all that is asked next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, select
from sqlalchemy.orm import Session

from mes.definitions.models import Product
from mes.equipment.models import Equipment
from mes.lots.accounts import ARE, CAME
from mes.lots.models import Hold, Ledger, Lot, LotSubstrate, RunSubstrate
from mes.lots.queries import standing_holds
from mes.lots.states import LotState
from mes.people.models import Customer
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Layer, Substrate

Row = dict[str, Any]

_ENDED = Lot.ended_at.is_not(None)
LINE_FIRST: tuple[SQLColumnExpression[Any], ...] = (
    _ENDED,
    case((_ENDED, 0), else_=Lot.priority),
    case((_ENDED, -Lot.id), else_=Lot.id),
)
"""The order of lists: lots on the line first, by priority and age; then those that have ended, the newest first."""


@dataclass(frozen=True)
class LotFilter:
    """Which lots of a list; None is any. ``q`` is a part of the name in upper or lower case; ``held``: by a hold."""

    state: LotState | None = None
    operation: str | None = None
    customer: str | None = None
    q: str | None = None
    held: bool | None = None


_HELD = select(Hold.id).where(Hold.lot_id == Lot.id, Hold.released_at.is_(None)).exists()


def select_lots(wanted: LotFilter | None = None) -> Select[*tuple[Any, ...]]:
    """One row for each lot, to be ordered by `LINE_FIRST`."""
    query = select(
        Lot.name.label("lot"), Customer.name.label("customer"), Product.name.label("product"), Lot.kind,
        RouteVersion.name.label("route"), Lot.state, _HELD.label("held"), Operation.name.label("operation"),
        Lot.priority, Lot.due_at, Lot.substrates, Lot.units, Lot.created_at, Lot.released_at, Lot.ended_at,
    )  # fmt: skip
    query = (
        query.join(Customer, Customer.id == Lot.customer_id)
        .join(Product, Product.id == Lot.product_id)
        .join(RouteVersion, RouteVersion.id == Lot.route_version_id)
        .outerjoin(Operation, Operation.id == Lot.operation_id)
    )
    return query if wanted is None else query.where(*_conditions(wanted))


def _conditions(wanted: LotFilter) -> list[ColumnElement[bool]]:
    asked = {Lot.state: wanted.state, Operation.name: wanted.operation, Customer.name: wanted.customer}
    found: list[ColumnElement[bool]] = [column == value for column, value in asked.items() if value is not None]
    if wanted.held is not None:
        found.append(_HELD if wanted.held else ~_HELD)
    return found + ([Lot.name.icontains(wanted.q, autoescape=True)] if wanted.q else [])


def look(session: Session, lot: int, *, centre: bool = True) -> Row:
    """A lot with its substrates, open runs, standing holds and ledger.

    What is the centre's, which equipment runs it and who held it, is left empty for others.
    """
    return {
        **session.execute(select_lots().where(Lot.id == lot)).mappings().one(),
        "holds": [_hold(hold, centre=centre) for hold in standing_holds(session, [lot])],
        "members": _rows(session, _members(lot)),
        "runs": [run if centre else run | {"equipment": ""} for run in _rows(session, _open_runs(lot))],
        "ledger": _ledger(session, lot),
    }


def _hold(hold: Hold, *, centre: bool) -> Row:
    return {
        "hold": hold.id, "code": hold.code, "comment": hold.comment, "owner": hold.owner_role,
        "by": hold.held_by if centre else "", "at": hold.held_at,
    }  # fmt: skip


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> list[Row]:
    return [dict(row) for row in session.execute(query).mappings()]


def _members(lot: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Substrate.name.label("substrate"), LotSubstrate.form, LotSubstrate.progress,
            Operation.name.label("operation"), LotSubstrate.visit, LotSubstrate.since,
        )
        .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
        .outerjoin(Operation, Operation.id == LotSubstrate.operation_id)
        .where(LotSubstrate.lot_id == lot)
        .order_by(LotSubstrate.form, Substrate.name)
    )  # fmt: skip


def _open_runs(lot: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Run.name.label("run"), Run.state, Equipment.name.label("equipment"), Operation.name.label("operation"),
            Run.ordered_at, Run.started_at,
        )
        .join(Equipment, Equipment.id == Run.equipment_id)
        .join(Operation, Operation.id == Run.operation_id)
        .where(Run.id.in_(select(RunSubstrate.run_id).where(RunSubstrate.lot_id == lot)), Run.state.in_(OPEN))
        .order_by(Run.id)
    )  # fmt: skip


def _ledger(session: Session, lot: int) -> list[Row]:
    """Its forms, with the accounts that hold units in any of them."""
    ledgers: Sequence[Ledger] = session.scalars(select(Ledger).where(Ledger.lot_id == lot).order_by(Ledger.form)).all()
    used = [account for account in CAME + ARE if any(getattr(ledger, account) for ledger in ledgers)]
    return [{"form": ledger.form, **{account: getattr(ledger, account) for account in used}} for ledger in ledgers]


MAP_KINDS = {"u1": "bins", "u2": "bins", "f8": "values", "text": "texts"}
"""What the codes of a layer are."""


def maps(session: Session, lot: int) -> list[Row]:
    """The maps of a lot's substrates, each in its newest version, with how many versions there are."""
    query = (
        select(
            Substrate.name.label("substrate"), Layer.name.label("map"), Layer.encoding,
            func.max(Layer.version).label("version"), func.max(Layer.happened_at).label("at"),
        )
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .join(Layer, Layer.substrate_id == Substrate.id)
        .where(LotSubstrate.lot_id == lot)
        .group_by(Substrate.id, Layer.name, Layer.encoding)
        .order_by(Substrate.name, Layer.name)
    )  # fmt: skip
    return [
        {"substrate": r["substrate"], "map": r["map"], "version": r["version"], "kind": MAP_KINDS[r["encoding"]],
         "at": r["at"]}
        for r in _rows(session, query)
    ]  # fmt: skip
