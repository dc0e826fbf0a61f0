"""Constant work in process: a lot is released as one leaves, where the plant has such a rule for its route."""

from sqlalchemy import Select, SQLColumnExpression, func, select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.definitions.clock import act_now
from mes.dispatch.models import ReleaseRule
from mes.lots.create import release
from mes.lots.holds.models import HELD
from mes.lots.models import Lot
from mes.lots.states import ON_LINE, LotState
from mes.routes.models import RouteVersion

WHY = "one has left: constant work in process"


def release_by_rule(session: Session, actor: str) -> list[str]:
    """Release as many created lots as the rules leave room for, the most urgent and oldest first; gives their names.

    A held lot is passed over. What people release counts too, and is never stopped. However many ask at once, the rule
    is kept: they take turns at its row.
    """
    with_room = session.scalars(_WITH_ROOM).all()
    rules = lock(session, (ReleaseRule, with_room)).all(ReleaseRule) if with_room else ()
    chosen: list[int] = []
    for rule in rules:  # others may have had their turn before the lock was had
        room = rule.constant_wip - (session.scalar(_on_line(rule.name)) or 0)
        chosen += session.scalars(_waiting(rule.name).order_by(Lot.priority, Lot.id).limit(max(0, room)))
    if not chosen:
        return []
    act = act_now(session, actor, WHY)
    lots = lock(session, (Lot, chosen)).all(Lot)
    return [release(session, lot.id, act).name for lot in lots if lot.state == LotState.CREATED]


def _on_line(route: SQLColumnExpression[str] | str) -> Select[int]:
    """How many lots of a route are on the line."""
    query = select(func.count(Lot.id)).join(RouteVersion, RouteVersion.id == Lot.route_version_id)
    return query.where(RouteVersion.route == route, Lot.state.in_(ON_LINE))


def _waiting(route: SQLColumnExpression[str] | str) -> Select[int]:
    """The lots of a route that may be released."""
    query = select(Lot.id).join(RouteVersion, RouteVersion.id == Lot.route_version_id)
    return query.where(RouteVersion.route == route, Lot.state == LotState.CREATED, ~HELD)


_WITH_ROOM = select(ReleaseRule.id).where(
    _on_line(ReleaseRule.name).correlate(ReleaseRule).scalar_subquery() < ReleaseRule.constant_wip,
    _waiting(ReleaseRule.name).correlate(ReleaseRule).exists(),
)
"""The rules that have room for a lot that waits."""
