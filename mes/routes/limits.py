"""Queue-time limits with their hours, as a table to join: those that the route says, and the floor life of packages.

A limit of floor life lasts as long as the moisture level of the route's product allows, or shorter where the route says
so: another level counts for what waits already.
"""

from sqlalchemy import Subquery, case, func, select
from sqlalchemy.orm import aliased

from mes.definitions.models import Product
from mes.definitions.moisture import FLOOR_LIFE_H, WARNING
from mes.routes.models import Operation, QueueLimit, RouteVersion

_FROM, _TO = aliased(Operation), aliased(Operation)
_LIFE_S = case(
    {level: hours * 3600 for level, hours in FLOOR_LIFE_H.items() if hours is not None}, value=Product.moisture_level
)
_MOST_S = case((QueueLimit.floor_life, func.least(QueueLimit.most_s, _LIFE_S)), else_=QueueLimit.most_s)

LIMITS: Subquery = (
    select(
        QueueLimit.id, QueueLimit.from_operation_id, QueueLimit.to_operation_id, _FROM.route_version_id,
        _FROM.name.label("from_operation"), _FROM.number.label("from_number"), _TO.number.label("to_number"),
        _MOST_S.label("most_s"), func.coalesce(QueueLimit.warning_s, WARNING * _MOST_S).label("warning_s"),
        case((QueueLimit.floor_life, Product.moisture_level)).label("moisture_level"),
    )
    .join(_FROM, _FROM.id == QueueLimit.from_operation_id)
    .join(_TO, _TO.id == QueueLimit.to_operation_id)
    .join(RouteVersion, RouteVersion.id == _FROM.route_version_id)
    .join(Product, Product.id == RouteVersion.product_id)
    .where(_MOST_S.is_not(None))
    .subquery("queue_time")
)  # fmt: skip
"""id, from_operation_id, to_operation_id, route_version_id, from_operation (its name), from_number, to_number, most_s,
warning_s, moisture_level.

The level is null where a limit is none of floor life. A product that has no level any more has no such limit.
"""
