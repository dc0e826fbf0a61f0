"""Filters that people keep under a name of their own."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from mes.errors import Malformed
from mes.http.command import FormRoute
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.saved import forget_filter, save_filter
from mes.people.sign_in import Person
from mes.web.forms import Field, local_address, onwards

router = APIRouter(prefix="/saved", route_class=FormRoute)

Owner = Annotated[Person, require(Permission.OWN_ACCOUNT)]
Address = Annotated[str, Form(min_length=1, max_length=2000)]


@router.post("")
def save(session: Tx, owner: Owner, name: Field, address: Address) -> Response:
    """Keep the filters of the page that is shown."""
    if local_address(address) != address:
        raise Malformed("A filter is an address of ours, such as /lots?state=queued.")
    save_filter(session, owner, name, address)
    return onwards(address)


@router.post("/remove")
def remove(session: Tx, owner: Owner, name: Field, address: Address) -> Response:
    """Forget one of them."""
    forget_filter(session, owner, name)
    return onwards(local_address(address))
