"""Who is certified for what, and since when; people who train grant and withdraw certificates here."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from mes.definitions.clock import act_now, plant_now
from mes.definitions.models import Certification
from mes.equipment.certification.certify import certify, withdraw
from mes.equipment.certification.looks import select_certificates, select_certifications
from mes.http.command import FormRoute
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.models import User
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.web.forms import Field, Note, Why, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/certificates", route_class=FormRoute)

Trainer = Annotated[Person, require(Permission.CERTIFY_PEOPLE)]
NOBODYS = (Role.CUSTOMER, Role.EQUIPMENT)
"""Roles that start no lots."""


@router.get("")
def show_all(request: Request, session: Tx, viewer: Annotated[Person, require(Permission.SEE_LINE)]) -> Response:
    """All certificates by person, and for those who train a form for one more."""
    query = select_certificates(plant_now(session)).add_columns(Certification.trainer)
    kinds = session.execute(select_certifications().order_by(Certification.ordinal)).mappings().all()
    trains = [kind for kind in kinds if viewer.role in (kind.trainer, Role.ADMINISTRATOR)]
    people = select(User.name, User.title).where(User.role.not_in(NOBODYS), User.name != viewer.name)
    told: dict[str, Any] = {
        "rows": session.execute(query.order_by(User.name, Certification.ordinal)).mappings().all(),
        "kinds": kinds, "trains": trains, "trained": {kind.certification for kind in trains},
        "people": session.execute(people.order_by(User.name)).all(),
        "plant": plant_time(session, view_of(request, viewer)), "me": viewer.name,
    }  # fmt: skip
    return page(request, "certificates.html", "/equipment", viewer, **told)


@router.post("")
def certify_person(session: Tx, by: Trainer, user: Field, certification: Field, why: Note = "") -> Response:
    """Certify a person, or renew the certificate, for as long as the plant's text says."""
    certify(session, certification, user, None, by.role, act_now(session, by.name, why))
    return onwards("/certificates")


@router.post("/withdraw")
def withdraw_certificate(session: Tx, by: Trainer, user: Field, certification: Field, why: Why) -> Response:
    """Take a certificate back."""
    withdraw(session, certification, user, by.role, act_now(session, by.name, why))
    return onwards("/certificates")
