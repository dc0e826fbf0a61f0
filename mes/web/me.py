"""One's own account: language and time zone of pages, password, PIN; and the table of who may do what."""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy import select

from mes.db import STAFF, seeing_as
from mes.errors import Malformed
from mes.http.command import FormRoute
from mes.http.guard import COOKIE
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.models import Customer, User
from mes.people.permissions import ALLOWED, Permission, meanings
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.people.signing import SIGNED_WITH_PASSWORD
from mes.people.users import LONGEST, SHORTEST, choose, give_password, give_pin
from mes.web.forms import onwards
from mes.web.language import LANGUAGES
from mes.web.pages import page, plant_time, view_of

router = APIRouter(route_class=FormRoute)

Asking = Annotated[Person, require(Permission.OWN_ACCOUNT)]


def _self(session: Tx, person: Asking) -> Iterator[Person]:
    """Who asks, with the staff's eyes: a customer's role reads no table of people.

    Safe, because every statement of these routes is limited to that person's own name and customer.
    """
    with seeing_as(session, STAFF):
        yield person


Self = Annotated[Person, Depends(_self, scope="function")]
Secret = Annotated[str, Form(max_length=LONGEST)]
Said = Literal["", "view", "password", "pin", "no_pin"]
"""What was just changed."""


@cache
def zones() -> list[str]:
    """Names of time zones that people choose from."""
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]


def same(secret: str, again: str) -> str:
    """What was typed twice. Raises `Malformed` where it was not the same."""
    if secret != again:
        raise Malformed("The two are not the same; type it twice.")
    return secret


@router.get("/me")
def show(request: Request, session: Tx, person: Self, said: Said = "") -> Response:
    """Who is signed in, and what that person chooses."""
    has_pin = session.scalars(select(User.pin_hash.is_not(None)).where(User.name == person.name)).one()
    customer = session.scalar(select(Customer.title).where(Customer.id == person.customer_id))
    told: dict[str, Any] = {
        "has_pin": has_pin,
        "customer": customer,
        "zones": zones(),
        "said": said,
        "shortest": SHORTEST,
    }
    plant = plant_time(session, view_of(request, None))
    return page(request, "me.html", "/me", person, plant_zone=plant["zone"], own=LANGUAGES, **told)


@router.post("/me/view")
def change_view(
    session: Tx, person: Self, language: Annotated[str, Form(max_length=8)] = "",
    time_zone: Annotated[str, Form(max_length=64)] = "",
) -> Response:  # fmt: skip
    """In which language and time zone pages are read; nothing for the browser's, and for the plant's."""
    choose(session, person.name, language or None, time_zone.strip() or None, list(LANGUAGES))
    return onwards("/me", said="view")


@router.post("/me/password", dependencies=[SIGNED_WITH_PASSWORD])
def change_password(request: Request, session: Tx, person: Self, password: Secret, again: Secret) -> Response:
    """Another password; other sign-ins of this person end."""
    give_password(session, person.name, same(password, again), person.name, request.cookies.get(COOKIE, ""))
    return onwards("/me", said="password")


@router.post("/me/pin", dependencies=[SIGNED_WITH_PASSWORD])
def change_pin(session: Tx, person: Self, pin: Secret = "", again: Secret = "") -> Response:
    """Another PIN, or none."""
    give_pin(session, person.name, same(pin, again))
    return onwards("/me", said="pin" if pin else "no_pin")


@router.get("/permissions")
def show_permissions(request: Request, person: Asking) -> Response:
    """Who may do what: the table by which every request is judged."""
    told: dict[str, Any] = {"permissions": meanings(), "allowed": ALLOWED, "roles": list(Role)}
    return page(request, "permissions.html", "", person, **told)
