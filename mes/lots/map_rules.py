"""What the warnings of maps cause: stop the import, hold the lot, or nothing more than that they are recorded.

The plant's text says it, by customer and by the operation at which the material arrives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mes.definitions.models import MapRule
from mes.errors import Reason, Refused
from mes.lots.queries import operations
from mes.units.arrival import Arrival
from mes.units.warned import Consequence, Warned


class MapStopped(Refused):
    """A rule of the plant stops the import for warnings of its maps; ``reasons`` are all of them."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        many = "a warning" if len(reasons) == 1 else f"{len(reasons)} warnings"
        super().__init__(f"The maps are not taken in for {many}; let corrected files come.", *reasons)


def judged(
    session: Session, customer_id: int, route_version_id: int, came: Sequence[Arrival]
) -> tuple[Arrival, ...]:  # fmt: skip
    """The arrivals with what each of their warnings causes. Asks nothing where there is none.

    Raises `MapStopped` with every warning that stops the import.
    """
    if not any(arrival.warnings for arrival in came):
        return tuple(came)
    rule = _rule(session, customer_id, operations(session, route_version_id)[0].name)
    if rule is None:
        return tuple(came)
    found = [replace(arrival, warnings=tuple(_judged(rule, one) for one in arrival.warnings)) for arrival in came]
    stops = [one for one in every(found) if one.caused is Consequence.STOPPED]
    if stops:
        raise MapStopped([_reason(one, rule.name) for one in stops])
    return tuple(found)


def every(came: Iterable[Arrival]) -> list[Warned]:
    """The warnings of all arrivals; what is of a whole file is told once."""
    return list(dict.fromkeys(one for arrival in came for one in arrival.warnings))


def _rule(session: Session, customer_id: int, operation: str) -> MapRule | None:
    """The rule for both, or else for the customer, for the operation, or for all."""
    fits = (
        or_(MapRule.for_customer_id.is_(None), MapRule.for_customer_id == customer_id),
        or_(MapRule.operation.is_(None), MapRule.operation == operation),
    )
    closest = (MapRule.for_customer_id.is_(None), MapRule.operation.is_(None))
    return session.scalars(select(MapRule).where(*fits).order_by(*closest).limit(1)).one_or_none()


def _judged(rule: MapRule, one: Warned) -> Warned:
    if one.code in rule.stops:
        return replace(one, caused=Consequence.STOPPED)
    if one.code in rule.holds:
        return replace(one, caused=Consequence.HELD, hold_code=rule.hold_code)
    return one


def _reason(one: Warned, rule: str) -> Reason:
    message = f"{one} The map rule {rule} lets no file with this warning ({one.code}) in."
    return Reason(one.code, message, "process_engineer")
