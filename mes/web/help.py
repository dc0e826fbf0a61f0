"""Help: what stands where, what the shapes and words mean."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web.pages import page

router = APIRouter(prefix="/help")


@router.get("")
def show(request: Request, viewer: Annotated[Person, require(Permission.OWN_ACCOUNT)]) -> Response:
    """One page for everybody, with what a role can do."""
    return page(request, "help.html", "/help", viewer)
