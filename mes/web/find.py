"""Find anything by what stands on it: a name typed or scanned leads to its page."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mes.http.transaction import Tx
from mes.labels.find import MOST, find, holding
from mes.labels.scanned import LONGEST, readings
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web.forms import onwards
from mes.web.pages import page

router = APIRouter()


@router.get("/find")
def show(
    request: Request, session: Tx, viewer: Annotated[Person, require(Permission.SEE_LOTS)], q: str = ""
) -> Response:
    """To the page of what is called so; a list where several are, or what holds the name; or that nothing does."""
    found = find(session, q, centre=may(viewer, Permission.SEE_LINE)) or holding(session, q)
    if len(found) == 1:
        return onwards(found[0].page)
    said = "".join(readings(q)[:1])[:LONGEST]
    return page(request, "find.html", "", viewer, q=said, found=found, most=MOST)
