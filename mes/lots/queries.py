"""Reads of lots worth a name."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from mes.definitions.models import Layout, Product
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.lots.models import Lot, RunSubstrate
from mes.people.models import Customer
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.runs.states import OPEN


def lot_id(session: Session, name: str, customer: str | None = None) -> int:
    """The id of a lot by its name. Raises `NotFound`, or `Malformed` where customers share the name."""
    query = select(Lot.id, Customer.name).join(Customer, Customer.id == Lot.customer_id).where(Lot.name == name)
    found = session.execute(query if customer is None else query.where(Customer.name == customer)).all()
    if not found:
        raise NotFound(f"There is no lot {name}.")
    if len(found) > 1:
        raise Malformed(f"Lot {name} exists for {', '.join(sorted(r.name for r in found))}; name the customer too.")
    return int(found[0].id)


def operations(session: Session, route_version_id: int) -> Sequence[Operation]:
    """The operations of a route version in order."""
    query = select(Operation).where(Operation.route_version_id == route_version_id).order_by(Operation.number)
    return session.scalars(query).all()


_THIS = aliased(Operation)
_WITH_NEXT = (
    select(Operation)
    .join(_THIS, (_THIS.route_version_id == Operation.route_version_id) & (_THIS.number <= Operation.number))
    .where(_THIS.id == bindparam("operation_id"))
    .order_by(Operation.number)
    .limit(2)
)


def with_next(session: Session, operation_id: int) -> tuple[Operation, Operation | None]:
    """An operation, and the one after it on its route; None after the last."""
    operation, *following = session.scalars(_WITH_NEXT, {"operation_id": operation_id})
    return operation, next(iter(following), None)


def current_route(session: Session, route: str) -> tuple[RouteVersion, Product, Layout]:
    """The version of a route that new lots take, with the product it makes and its layout. Raises `NotFound`."""
    query = (
        select(RouteVersion, Product, Layout)
        .join(Product, Product.id == RouteVersion.product_id)
        .join(Layout, Layout.id == Product.layout_id)
        .where(RouteVersion.route == route, RouteVersion.current)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no released route {route}.")
    version, product, layout = found
    return version, product, layout


def route_making(session: Session, product: str | None, route: str | None) -> str:
    """The route of a new lot: the one that is named, or the only one that makes the product.

    Raises `Malformed` where neither is named, or the two or several routes leave a choice; `NotFound`.
    """
    query = select(RouteVersion.route).join(Product, Product.id == RouteVersion.product_id)
    query = query.where(RouteVersion.current).order_by(RouteVersion.route)
    if product is not None:
        query = query.where(Product.name == product)
    if route is not None:
        query = query.where(RouteVersion.route == route)
    found = session.scalars(query).all()
    if len(found) == 1:
        return found[0]
    asked = " ".join(f"{what} {name}" for what, name in (("product", product), ("route", route)) if name is not None)
    if not asked or found:
        raise Malformed(f"A lot takes one route; name one of {', '.join(found)}.")
    raise NotFound(f"There is no released route for {asked}.")


def open_run(session: Session, lot: int, run: str | None) -> Run:
    """The open run of a lot. Raises `Refused` where it has none, `Malformed` where there are several to choose from."""
    of_lot = select(RunSubstrate.run_id).where(RunSubstrate.lot_id == lot)
    found = session.scalars(select(Run).where(Run.id.in_(of_lot), Run.state.in_(OPEN)).order_by(Run.id)).all()
    chosen = [r for r in found if run in (None, r.name)]
    if not chosen:
        what = f"The lot has no open run{f' {run}' if run else ''}; another may have ended it."
        raise Refused(what, Reason("nothing_runs", what, "operator"))
    if len(chosen) > 1:
        raise Malformed(f"The lot has several open runs: {', '.join(r.name for r in chosen)}; say which.")
    return chosen[0]
