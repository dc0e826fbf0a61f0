"""The page that tells a person of an error."""

from dataclasses import replace
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mes.db import Database
from mes.errors import MesError, NotAllowed
from mes.http.guard import COOKIE
from mes.http.problem import Problem
from mes.http.transaction import SAFE
from mes.people.sign_in import Person, signed_in
from mes.web.pages import page

NOT_ALLOWED = NotAllowed("").code
TITLES = {
    403: "Not allowed",
    404: "Not found",
    409: "This cannot be done now",
    412: "It has changed meanwhile",
    422: "Please check what was given",
    429: "Not at the moment",
    503: "Not at the moment",
}
"""What a page says first, by status; of all others that something went wrong."""
NOT_FOR_ROLE = "Not for your role"
WITH_MENU = {403, 404}
"""Errors of a person who looked for a page. All others may come while the database is away, or in the server's loop."""


def error_page(request: Request, problem: Problem) -> Response:
    """What is so and what to do, with every reason and who can clear it; to the sign-in where nobody is signed in.

    A script that asks is told so instead: it lets the person sign in on the page that is open.
    """
    if problem.status == 401 and request.headers.get("sec-fetch-mode", "navigate") == "navigate":
        back = quote(f"{request.url.path}?{request.url.query}".rstrip("?"), safe="") if request.method in SAFE else "/"
        return RedirectResponse(f"/sign-in?back={back}", 303)
    person = getattr(request.state, "person", None)
    if person is None and problem.status in WITH_MENU and request.method in SAFE:
        person = _signed_in(request)
    title = TITLES.get(problem.status, "Something went wrong")
    if person is not None and problem.code == NOT_ALLOWED and request.method in SAFE:
        told = f"Your role, {person.role.replace('_', ' ')}, has no access to this page."
        title, problem = NOT_FOR_ROLE, replace(problem, detail=f"{told} Ask the administrator if you need it.")
    given = {"title": title, "problem": problem, "request_id": request.state.request_id}
    answer = page(request, "error.html", "", person, problem.status, **given)
    answer.headers.update(problem.headers())
    return answer


def _signed_in(request: Request) -> Person | None:
    """Who asks, in a transaction of its own; nobody where that cannot be known now."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    database: Database = request.app.state.database
    try:
        with database.reading() as session:
            return signed_in(session, token)
    except (MesError, PoolTimeout):
        return None
