"""The page of recalls: what may have been bad, where the units are that it touched, and the hold of them all."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import NaiveDatetime, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.genealogy.recalls.causes import Cause
from mes.genealogy.recalls.looks import NEWEST_FIRST, rows, select_recalls
from mes.genealogy.recalls.recall import concern, recall
from mes.genealogy.recalls.shapes import CauseBody
from mes.http import paging
from mes.http.command import FormRoute
from mes.http.transaction import Tx
from mes.lots.holds.hold_codes import OWNERS, hold_codes
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.web.forms import Field, Unchosen, Why, onwards
from mes.web.pages import page, plant_moment, plant_time, view_of

router = APIRouter(prefix="/recalls", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Recaller = Annotated[Person, require(Permission.RECALL_UNITS)]
NAMES = ("container", "material", "durable", "recipe", "equipment", "head", "from", "to", "substrate", "x", "y", "lot")
"""What the form asks for."""
TIMES = ("from", "to")

_BODY, _TIME = TypeAdapter(CauseBody), TypeAdapter(NaiveDatetime)


def _given(request: Request) -> dict[str, str]:
    """What the address gives of a cause; a field of the form that was left empty gives nothing."""
    return {name: value for name, value in request.query_params.items() if value and name != "after"}


Given = Annotated[dict[str, str], Depends(_given)]


def _cause(request: Request, session: Session, viewer: Person, given: dict[str, str]) -> Cause:
    """The cause, with times as a person writes them in the zone of the page."""
    view = view_of(request, viewer)
    try:
        times = {one: plant_moment(session, view, _TIME.validate_python(given[one])) for one in TIMES if one in given}
        return _BODY.validate_python(given | times).cause
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


@router.get("")
def show(request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, given: Given) -> Response:
    """Where the units are that a cause touched; and the recalls so far, the newest first."""
    found = paging.paged(session, select_recalls(), NEWEST_FIRST, asked, newest_first=True)
    told: dict[str, Any] = {"recalls": found["items"], "given": given, "names": NAMES, "query": urlencode(given)}
    told["older"] = found["next"] and urlencode({**given, "after": found["next"]})
    told["concern"] = rows(concern(session, _cause(request, session, viewer, given))) if given else None
    told |= {"codes": hold_codes(session), "roles": OWNERS, "plant": plant_time(session, view_of(request, viewer))}
    return page(request, "recalls.html", "/lots", viewer, **told)


@router.post("/hold")
def hold(
    request: Request, session: Tx, by: Recaller, given: Given, code: Field, why: Why,
    expected: Annotated[int, Form(ge=1, lt=2**31)], owner: Annotated[Role | Unchosen, Form()] = "",
    review: Annotated[NaiveDatetime | None, Form()] = None,
) -> Response:  # fmt: skip
    """Hold every unit that the cause touched, as it was shown."""
    cause = _cause(request, session, by, given)
    review_by = plant_moment(session, view_of(request, by), review)
    recall(session, cause, expected, code, why, owner or None, act_now(session, by.name, why), review_by)
    return onwards("/recalls", **given)
