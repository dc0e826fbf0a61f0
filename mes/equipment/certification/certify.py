"""Certify people, again before the time is over, and withdraw it."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.definitions.clock import check_not_too_far
from mes.definitions.models import Certification
from mes.equipment.certification.models import Certificate
from mes.errors import Malformed, NotFound, Reason, Refused
from mes.history import Act, Change, record
from mes.people.models import User
from mes.people.roles import Role


def certify(session: Session, certification: str, user: str, until: datetime | None, role: Role, act: Act) -> None:
    """Certify a user for something, as somebody of ``role``: until a time, or as long as the plant's text says.

    Whoever is certified already is from now on. Raises `NotFound`, `Malformed` (a time that is past, or beyond what
    the text allows) and `Refused` with every reason: the role does not train for it, it would be one's own.
    """
    kind = _locked(session, certification)
    user_id = _user_id(session, user)
    ends = _ends(kind, until, act.at)
    _refuse_strangers(kind, user, role, act)
    known = _known(session, kind.id, user_id)
    before = {} if known is None else {"user": user, "expires_at": _said(known.expires_at)}
    certificate = known or Certificate(user_id=user_id, certification_id=kind.id)
    certificate.granted_by, certificate.granted_at, certificate.expires_at = act.actor, act.at, ends
    session.add(certificate)
    record(session, "certify", act, [Change(kind, before, {"user": user, "expires_at": _said(ends)})])


def withdraw(session: Session, certification: str, user: str, role: Role, act: Act) -> None:
    """Take a certificate back, as somebody of ``role``; ``act.why`` is required.

    Raises `NotFound` (also where there is no such certificate), `Malformed` without a reason, and `Refused` as
    `certify` does.
    """
    if not act.why.strip():
        raise Malformed("Say why the certificate is withdrawn.")
    kind = _locked(session, certification)
    known = _known(session, kind.id, _user_id(session, user))
    if known is None:
        raise NotFound(f"{user} is not certified for {kind.title}.")
    _refuse_strangers(kind, user, role, act)
    session.execute(delete(Certificate).where(Certificate.id == known.id))
    before = {"user": user, "expires_at": _said(known.expires_at)}
    record(session, "withdraw_certificate", act, [Change(kind, before, {"user": user})])


def _locked(session: Session, name: str) -> Certification:
    found = session.scalar(select(Certification.id).where(Certification.name == name))
    if found is None:
        names = ", ".join(session.scalars(select(Certification.name).order_by(Certification.ordinal)))
        known = names or "none; the text of the plant names them (certifications.yaml)"
        raise NotFound(f"There is no certification {name}; the plant has {known}.")
    return lock(session, (Certification, [found])).one(Certification, found)


def _user_id(session: Session, name: str) -> int:
    found = session.scalar(select(User.id).where(User.name == name))
    if found is None:
        raise NotFound(f"There is no user {name}.")
    return found


def _known(session: Session, certification_id: int, user_id: int) -> Certificate | None:
    of = (Certificate.certification_id == certification_id, Certificate.user_id == user_id)
    query = select(Certificate).where(*of).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def _ends(kind: Certification, until: datetime | None, at: datetime) -> datetime | None:
    latest = None if kind.valid_s is None else at + timedelta(seconds=kind.valid_s)
    if until is None:
        return latest
    if until <= at:
        raise Malformed(f"The certificate would end {until.isoformat(timespec='minutes')}, which is past.")
    check_not_too_far(until, at)
    if latest is not None and until > latest:
        raise Malformed(f"A certificate for {kind.title} lasts {latest.isoformat(timespec='minutes')} at the longest.")
    return until


def _refuse_strangers(kind: Certification, user: str, role: Role, act: Act) -> None:
    found = []
    if role not in (Role(kind.trainer), Role.ADMINISTRATOR):
        said = f"The {kind.trainer.replace('_', ' ')} trains people for {kind.title}."
        found.append(Reason("trained_by_another", said, kind.trainer))
    if user == act.actor:
        said = f"{user} cannot say this of {user}; another who trains for {kind.title} can."
        found.append(Reason("own_certificate", said, kind.trainer))
    if found:
        raise Refused(f"The certificate of {user} stays as it is.", *found)


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
