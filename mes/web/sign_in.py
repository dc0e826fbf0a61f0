"""Sign in, sign out, and the first page of each role."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from mes.db import STAFF, seeing_as
from mes.http.guard import COOKIE, set_token
from mes.http.problem import problem
from mes.http.transaction import Tx
from mes.people.access import OPEN, require
from mes.people.passwords import AT_ONCE
from mes.people.permissions import Permission
from mes.people.queue import Queue
from mes.people.sign_in import WrongNameOrPassword, sign_in, sign_out, signed_in
from mes.people.tries import TooManyTries
from mes.web.forms import local_address
from mes.web.navigation import first_page
from mes.web.pages import page

router = APIRouter()


QUEUE = Queue()


async def _place(request: Request) -> AsyncIterator[None]:
    with QUEUE.place(address_of(request)):
        yield


def _turn() -> Iterator[None]:
    yield


# Both are taken before the transaction, so that people who wait for a hash to be computed hold no connection.
PLACE = Depends(_place, scope="function")
TURN = Depends(_turn, scope="function", max_concurrency=AT_ONCE)


@router.get("/sign-in", dependencies=[OPEN])
def show(request: Request, back: str = "/") -> Response:
    """The form."""
    return page(request, "sign_in.html", "", None, back=local_address(back), name="", wrong="")


@router.post("/sign-in", dependencies=[OPEN, PLACE, TURN])
def enter(
    request: Request,
    session: Tx,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Sign in and go on; what is refused shows the form again, with the name as it was typed."""
    token = secrets.token_urlsafe(32)
    try:
        sign_in(session, name.strip(), password, token, address_of(request))
    except (WrongNameOrPassword, TooManyTries) as error:
        told = {"back": local_address(back), "name": name, "wrong": error.message}
        again = page(request, "sign_in.html", "", None, error.status, **told)
        again.headers.update(problem(error).headers())
        return again
    response = RedirectResponse(local_address(back), 303)
    set_token(request, response, token)
    return response


@router.post("/sign-out", dependencies=[require(Permission.SIGN_OUT)])
def leave(request: Request, session: Tx) -> Response:
    """Sign out here; other browsers stay signed in."""
    with seeing_as(session, STAFF):  # a customer's eyes may not write; the token is the caller's own
        sign_out(session, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/", dependencies=[OPEN])
def begin(request: Request, session: Tx) -> Response:
    """To the first page of whoever is signed in, or to the form."""
    person = signed_in(session, request.cookies.get(COOKIE, ""))
    return RedirectResponse(first_page(person.role) if person else "/sign-in", 303)


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy on this machine, what the proxy says."""
    return request.client.host if request.client else ""
