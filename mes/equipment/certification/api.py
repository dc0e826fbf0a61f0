"""Certification over HTTP: what people are certified for, who is, and granting and withdrawing it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now, plant_now
from mes.definitions.models import Certification
from mes.equipment.certification.certify import certify, withdraw
from mes.equipment.certification.looks import select_certificates, select_certifications
from mes.http import paging
from mes.http.command import CommandRoute
from mes.http.shapes import Asked, Name, Text, Why, example
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.models import User
from mes.people.permissions import Permission
from mes.people.sign_in import Person

kinds = APIRouter(prefix="/certifications", tags=["people"], dependencies=[require(Permission.SEE_LINE)])
router = APIRouter(prefix="/certificates", route_class=CommandRoute, tags=["people"])

Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Trainer = Annotated[Person, require(Permission.CERTIFY_PEOPLE)]

CERTIFICATE: dict[str, Any] = {
    "user": "park",
    "certification": "bonding",
    "title": "Thermo-compression bonding",
    "granted_by": "lee",
    "granted_at": "2026-03-01T02:00:00Z",
    "expires_at": "2027-03-01T02:00:00Z",
    "expired": False,
}
"""A certificate in the examples."""


class CertificationRow(BaseModel):
    """Something that people are certified for."""

    model_config = example(
        certification="bonding", title="Thermo-compression bonding", trainer="process_engineer", valid_s=31536000.0
    )

    certification: str
    title: str
    trainer: str = Field(description="The role that certifies people, beside the administrator.")
    valid_s: float | None = Field(description="How long a certificate lasts; null: until it is withdrawn.")


class CertificateRow(BaseModel):
    """A certificate of a person. Times are UTC on the plant clock."""

    model_config = example(**CERTIFICATE)

    user: str
    certification: str
    title: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime | None
    expired: bool


class CertifyBody(Asked):
    """Whom to certify for what; until when, if sooner than the plant's text says."""

    model_config = example(user="park", certification="bonding", why="trained 2026-02-28")

    user: Name
    certification: Name
    expires_at: AwareDatetime | None = None
    why: Text = ""


class CertificateEnd(Asked):
    """Whose certificate is withdrawn, and why."""

    model_config = example(user="park", certification="bonding", why="two lots started on the wrong recipe")

    user: Name
    certification: Name
    why: Why


@kinds.get("", response_model=paging.Page[CertificationRow])
def list_certifications(session: Tx, asked: paging.Asked) -> Any:
    """All that people are certified for, by name."""
    return paging.paged(session, select_certifications(), (Certification.name,), asked)


@router.get("", response_model=paging.Page[CertificateRow])
def list_certificates(
    session: Tx, _: Viewer, asked: paging.Asked, user: Name | None = None, certification: Name | None = None
) -> Any:
    """All certificates by user; one that has expired stays until it is renewed or withdrawn."""
    query = select_certificates(plant_now(session))
    if user is not None:
        query = query.where(User.name == user)
    if certification is not None:
        query = query.where(Certification.name == certification)
    return paging.paged(session, query, (User.name, Certification.name), asked)


@router.post("", response_model=CertificateRow)
def certify_person(session: Tx, by: Trainer, body: CertifyBody) -> Any:
    """Certify a person, or renew the certificate. Refused to roles that do not train for it, and for oneself."""
    act = act_now(session, by.name, body.why)
    certify(session, body.certification, body.user, body.expires_at, by.role, act)
    return _look(session, body.user, body.certification, act.at)


@router.post("/withdraw", response_model=CertificateRow)
def withdraw_certificate(session: Tx, by: Trainer, body: CertificateEnd) -> Any:
    """Take a certificate back, which is told as it was."""
    act = act_now(session, by.name, body.why)
    told = _look(session, body.user, body.certification, act.at)
    withdraw(session, body.certification, body.user, by.role, act)
    return told


def _look(session: Session, user: str, certification: str, at: datetime) -> dict[str, Any] | None:
    session.flush()
    query = select_certificates(at).where(User.name == user, Certification.name == certification)
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)
