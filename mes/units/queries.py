"""Reads of substrates worth a name."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mes.errors import Malformed, NotFound
from mes.people.models import Customer
from mes.units.models import Substrate


def substrate_id(session: Session, name: str, customer: str | None = None) -> int:
    """A substrate by ``NAME``; where several customers share the name by ``CUSTOMER/NAME``, or with its customer.

    Raises `NotFound`, or `Malformed` with the names to choose from.
    """
    query = select(Substrate.id, Customer.name).join(Customer, Customer.id == Substrate.customer_id)
    same = or_(Substrate.name == name, Customer.name + "/" + Substrate.name == name)
    if customer is not None:
        query = query.where(Customer.name == customer)
    found = session.execute(query.where(same).order_by(Customer.name)).all()
    if not found:
        raise NotFound(f"There is no substrate {name}.")
    if len(found) > 1:
        ways = ", ".join(f"{row.name}/{name}" for row in found)
        raise Malformed(f"Several customers have a substrate {name}; write one of {ways}.")
    return int(found[0].id)
