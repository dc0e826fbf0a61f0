"""Certifications as people and programs look at them, and what of a person the start gate asks for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, select
from sqlalchemy.orm import Session

from mes.definitions.models import Certification
from mes.equipment.certification.models import Certificate
from mes.people.models import User
from mes.people.roles import Role


def select_certifications() -> Select[*tuple[Any, ...]]:
    """One row for each thing that people are certified for, to be ordered by name."""
    return select(
        Certification.name.label("certification"), Certification.title, Certification.trainer, Certification.valid_s
    )


def select_certificates(at: datetime) -> Select[*tuple[Any, ...]]:
    """One row for each certificate as it is at plant time ``at``, to be ordered by user and certification."""
    return (
        select(
            User.name.label("user"), Certification.name.label("certification"), Certification.title,
            Certificate.granted_by, Certificate.granted_at, Certificate.expires_at,
            case((Certificate.expires_at <= at, True), else_=False).label("expired"),
        )
        .join(User, User.id == Certificate.user_id)
        .join(Certification, Certification.id == Certificate.certification_id)
    )  # fmt: skip


@dataclass(frozen=True)
class Training:
    """What the plant's text says of something that people are certified for, and what a person has of it."""

    title: str
    trainer: str
    certified: bool
    expires_at: datetime | None


@dataclass(frozen=True)
class Starter:
    """A person who would start something, with what that person is certified for, by name."""

    name: str
    trainings: dict[str, Training]


def starter(session: Session, name: str, certifications: Collection[str]) -> Starter | None:
    """Who starts, as far as these certifications go; None where it is no person: no user, or a program's."""
    role = session.scalar(select(User.role).where(User.name == name))
    if role is None or role == Role.EQUIPMENT:
        return None
    of_user = select(Certificate).join(User, User.id == Certificate.user_id).where(User.name == name).subquery()
    query = select(
        Certification.name, Certification.title, Certification.trainer, of_user.c.id.is_not(None), of_user.c.expires_at
    ).outerjoin(of_user, and_(of_user.c.certification_id == Certification.id))
    rows = session.execute(query.where(Certification.name.in_(certifications)))
    return Starter(name, {name: Training(*columns) for name, *columns in rows})
