"""What people do on the list of lots to all that it shows."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import NaiveDatetime

from mes.definitions.clock import act_now
from mes.http.command import FormRoute
from mes.http.transaction import Tx
from mes.lots.many import bulk
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.web.forms import Field, Unchosen, Why, onwards
from mes.web.lots import Asked
from mes.web.pages import plant_moment, view_of

router = APIRouter(prefix="/lots", route_class=FormRoute)


@router.post("/hold")
def hold_lots(
    request: Request, session: Tx, by: Annotated[Person, require(Permission.BULK_LOTS)], asked: Asked,
    code: Field, why: Why, expected: Annotated[int, Form(ge=1, lt=2**31)],
    owner: Annotated[Role | Unchosen, Form()] = "",
    review: Annotated[NaiveDatetime | None, Form()] = None,
) -> Response:  # fmt: skip
    """Hold all lots of the list as it was shown."""
    act = act_now(session, by.name, why)
    review_by = plant_moment(session, view_of(request, by), review)
    bulk.hold_all(session, asked.wanted, expected, code, why, owner or None, act, review_by)
    return onwards(f"/lots?{asked.query}".rstrip("?"))
