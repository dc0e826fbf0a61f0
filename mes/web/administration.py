"""Administration: people, keys of programs, and what the system runs on."""

import platform
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.orm import Session

from mes.db import Scope, seeing_as
from mes.errors import NotFound
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.shapes import PRINTED, Name
from mes.http.transaction import Tx
from mes.jobs.models import Connector
from mes.lots.models import Lot
from mes.people.access import require
from mes.people.keys import LONGEST as LONGEST_KEY
from mes.people.keys import create_key, revoke_key, select_keys
from mes.people.models import Customer, User
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.people.users import SHORTEST, NewUser, create_user, end_access, give_password, give_role, select_users
from mes.web.forms import Field, onwards
from mes.web.me import Secret, same
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/administration", route_class=FormRoute)

Administrator = Annotated[Person, require(Permission.ADMINISTER)]
UserName = Annotated[Name, Path()]
Title = Annotated[str, Form(max_length=200, pattern=PRINTED)]
Company = Annotated[str, Form(max_length=64, pattern=PRINTED)]
HERE = "/administration"
AT_WORK_S = 60
"""A connector that has not been heard of for so long is not at work."""


@router.get("")
def show_people(request: Request, session: Tx, by: Administrator) -> Response:
    """Everybody who may sign in, and a form for one more."""
    people = session.execute(select_users()).mappings().all()
    return _page(request, "people.html", by, shown="people", people=people, **_choices(session))


@router.post("/people")
def create_person(
    session: Tx, by: Administrator, name: Field, title: Title, role: Annotated[Role, Form()],
    password: Secret, again: Secret, customer: Company = "",
) -> Response:  # fmt: skip
    """Let a person sign in."""
    new = NewUser(name.strip(), title.strip(), role, customer or None, same(password, again))
    create_user(session, new, by.name)
    return onwards(path("administration", "people", new.name))


@router.get("/people/{name}")
def show_person(request: Request, session: Tx, by: Administrator, name: UserName) -> Response:
    """One person, and what can be changed."""
    person = session.execute(select_users().where(User.name == name)).mappings().one_or_none()
    if person is None:
        raise NotFound(f"There is no user {name}.")
    here = path("administration", "people", name)
    return _page(request, "person.html", by, shown="people", one=person, here=here, **_choices(session))


@router.post("/people/{name}/password")
def change_password(session: Tx, by: Administrator, name: UserName, password: Secret, again: Secret) -> Response:
    """Give a person another password; all sign-ins of that person end."""
    give_password(session, name, same(password, again), by.name)
    return onwards(path("administration", "people", name))


@router.post("/people/{name}/role")
def change_role(
    session: Tx, by: Administrator, name: UserName, role: Annotated[Role, Form()], customer: Company = ""
) -> Response:
    """Let a person be something else on the line."""
    give_role(session, name, role, customer or None, by.name)
    return onwards(path("administration", "people", name))


@router.post("/people/{name}/end")
def end(session: Tx, by: Administrator, name: UserName) -> Response:
    """Let a person sign in no more."""
    end_access(session, name, by.name)
    return onwards(path("administration", "people", name))


@router.get("/keys")
def show_keys(request: Request, session: Tx, by: Administrator) -> Response:
    """The keys of programs, and a form for one more."""
    return _keys(request, session, by)


@router.post("/keys")
def create_one(
    request: Request, session: Tx, by: Administrator, name: Field, user: Field,
    scope: Annotated[list[Permission], Form(default_factory=list)],
    days: Annotated[int, Form(ge=1, le=LONGEST_KEY.days)] = 90,
) -> Response:  # fmt: skip
    """Make a key and show it, this once: so it is no command whose answer is stored.

    Sent again by a reload it is refused, since there is a key of that name.
    """
    token = create_key(session, name.strip(), user, scope, timedelta(days=days), by.name)
    return _keys(request, session, by, made=name.strip(), token=token)


@router.post("/keys/{name}/revoke")
def revoke(session: Tx, by: Administrator, name: UserName) -> Response:
    """End a key at once."""
    revoke_key(session, name, by.name)
    return onwards(f"{HERE}/keys")


def _keys(request: Request, session: Session, by: Person, made: str = "", token: str = "") -> Response:
    told: dict[str, Any] = {
        "keys": session.execute(select_keys()).mappings().all(), "made": made, "token": token,
        "users": session.execute(select(User.name, User.role).order_by(User.name)).all(),
        "scopes": list(Permission), "longest": LONGEST_KEY.days, "plant": plant_time(session, view_of(request, by)),
    }  # fmt: skip
    return _page(request, "keys.html", by, shown="keys", **told)


@router.get("/system")
def show_system(request: Request, session: Tx, by: Administrator) -> Response:
    """Customers, connectors at work, versions, and how backups are made."""
    told = {
        "customers": _customers(session), "connectors": _connectors(session), "versions": _versions(session),
        "plant": plant_time(session, view_of(request, by)),
    }  # fmt: skip
    return _page(request, "system.html", by, shown="system", **told)


def _page(request: Request, template: str, by: Person, **told: Any) -> Response:
    return page(request, template, HERE, by, **told)


def _choices(session: Session) -> dict[str, Any]:
    customers = session.execute(select(Customer.name, Customer.title).order_by(Customer.name)).all()
    return {"roles": list(Role), "customers": customers, "shortest": SHORTEST}


def _customers(session: Session) -> list[RowMapping]:
    people = select(func.count()).where(User.belongs_to_id == Customer.id).scalar_subquery()
    lots = select(func.count()).where(Lot.customer_id == Customer.id, Lot.ended_at.is_(None)).scalar_subquery()
    query = select(Customer.name, Customer.title, people.label("people"), lots.label("lots"))
    return list(session.execute(query.order_by(Customer.name)).mappings())


def _connectors(session: Session) -> list[RowMapping]:
    silent_s = func.extract("epoch", func.clock_timestamp() - Connector.seen_at)
    query = select(Connector.name, Connector.seen_at, Connector.settled_at, (silent_s < AT_WORK_S).label("at_work"))
    return list(session.execute(query.order_by(Connector.seen_at.desc())).mappings())


def _versions(session: Session) -> dict[str, str]:
    """What runs here. The schema's version is the login role's to read, none of the roles of people."""
    with seeing_as(session, Scope("none")):
        schema = session.scalar(text("select version_num from alembic_version"))
    return {
        "Interposer": _release(), "Schema": str(schema), "Python": platform.python_version(),
        "PostgreSQL": str(session.scalar(text("show server_version"))),
    }  # fmt: skip


def _release() -> str:
    try:
        return version("interposer")
    except PackageNotFoundError:
        return "–"
