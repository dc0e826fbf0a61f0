"""Sign in over the API: a browser's programs get the same cookie as its pages."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from mes.db import STAFF, seeing_as
from mes.http.guard import COOKIE, set_token
from mes.http.problem import problem
from mes.http.shapes import Asked, example
from mes.http.transaction import Tx
from mes.people.access import OPEN, may, require
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person, WrongNameOrPassword, sign_in, sign_out
from mes.people.tries import TooManyTries
from mes.web.sign_in import PLACE, TURN, address_of

router = APIRouter(prefix="/session", tags=["session"])
Holder = Annotated[Person, require(Permission.SIGN_OUT)]


class SignInBody(Asked):
    """Who signs in."""

    model_config = example(name="kim", password="correct horse battery")  # noqa: S106

    name: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1000)


class SessionLook(BaseModel):
    """Who is signed in, or whose key it is, and what may be done."""

    model_config = example(name="kim", title="Kim", role="operator", permissions=["see_line", "work_lots"])

    name: str
    title: str
    role: Role
    permissions: list[Permission] = Field(description="Of a key: those of the role that it gives.")


@router.post(
    "", response_model=SessionLook, status_code=201, dependencies=[OPEN, PLACE, TURN], operation_id="session_create",
    responses={429: {"description": "Too many tries have failed; wait."}},
)  # fmt: skip
def enter(request: Request, session: Tx, body: SignInBody) -> Any:
    """Sign in: the answer sets a cookie that lasts twelve hours. Wrong passwords make the next try wait."""
    token = secrets.token_urlsafe(32)
    try:
        person = sign_in(session, body.name.strip(), body.password, token, address_of(request))
    except (WrongNameOrPassword, TooManyTries) as error:
        return problem(error).response()  # returned, not raised: the failure counts with the transaction
    answer = JSONResponse(_look(person), 201)
    set_token(request, answer, token)
    return answer


@router.get("", response_model=SessionLook, operation_id="session_show")
def show(holder: Holder) -> Any:
    """Who asks, and what may be done."""
    return _look(holder)


@router.delete("", status_code=204, dependencies=[require(Permission.SIGN_OUT)], operation_id="session_delete")
def leave(request: Request, session: Tx) -> Response:
    """Sign out here; other browsers stay signed in, and a key stays a key."""
    with seeing_as(session, STAFF):  # a customer's eyes may not write; the token is the caller's own
        sign_out(session, request.cookies.get(COOKIE, ""))
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE)
    return answer


def _look(person: Person) -> dict[str, Any]:
    allowed = [permission for permission in Permission if may(person, permission)]
    return {"name": person.name, "title": person.title, "role": person.role, "permissions": allowed}
