"""Failed tries to sign in: each makes the next one wait, longer and longer, by the database's clock.

Who guesses one name from one address waits, and so does who guesses many names from one address, or one name from many
addresses. But no outsider locks anybody out: whoever has signed in from an address before is held only to that person's
own failures there, and where anybody has, as at a terminal of the line, guesses from elsewhere do not count.
"""

import hashlib
import math
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import ColumnElement, case, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mes.errors import MesError
from mes.people.models import SignInTry

FREE, FREE_OF_MANY = 3, 30
"""Failures before the first pause: of a name at an address; of an address with any name, or a name from anywhere."""
LONGEST_S = 900
"""The pause doubles with each failure, from 1 s up to this."""
FORGOTTEN, REMEMBERED = timedelta(hours=1), timedelta(days=90)
"""How long failures count after the last one, and how long it is known that somebody has signed in from an address."""

_KEY = "pk_sign_in_try"
_ONE_AT_A_TIME = 20261122
"""Keeps these advisory locks apart from others."""


class TooManyTries(MesError):
    """No try is judged before ``retry_after_s``, be it right or wrong: too many failed, or what ``why`` says."""

    status = 429

    def __init__(self, pause_s: float, why: str = "Too many tries to sign in have failed") -> None:
        self.retry_after_s = math.ceil(pause_s)
        super().__init__(f"{why}; try again in {self.retry_after_s} s.")


def refuse_too_many(session: Session, name: str, address: str) -> None:
    """Raise `TooManyTries` where failures of this name, of this address or of both still call for a pause.

    Two tries at one moment are judged by what was before both. Writes nothing.
    """
    here, this_name = SignInTry.address == network(address), SignInTry.name_sha256 == _hashed(name)
    wait_s = [_wait_s(session, FREE, here, this_name)]
    if not _succeeded(session, here, this_name):
        wait_s.append(_wait_s(session, FREE_OF_MANY, here))
    if not _succeeded(session, here):
        wait_s.append(_wait_s(session, FREE_OF_MANY, this_name))
    if max(wait_s) > 0:
        raise TooManyTries(max(wait_s))


def refuse_at_once(session: Session, name: str) -> None:
    """Raise `TooManyTries` where another try with this name is being judged: guesses come one after the other."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, _ONE_AT_A_TIME)))):
        raise TooManyTries(1, "Another try with this name is being judged just now")


def failed(session: Session, name: str, address: str) -> None:
    """Count a failure. What has had its time is forgotten on the way."""
    now = func.clock_timestamp()
    fresh = SignInTry.failed_at > now - FORGOTTEN
    known = SignInTry.succeeded_at > now - REMEMBERED
    session.execute(delete(SignInTry).where(~func.coalesce(or_(fresh, known), False)))
    values = {"name_sha256": _hashed(name), "address": network(address), "failures": 1, "failed_at": now}
    one_more = {"failures": case((fresh, SignInTry.failures + 1), else_=1), "failed_at": now}
    session.execute(insert(SignInTry).values(values).on_conflict_do_update(constraint=_KEY, set_=one_more))


def succeeded(session: Session, name: str, address: str) -> None:
    """Remember that this name has signed in from this address, and forget its failures there."""
    values = {"failures": 0, "failed_at": None, "succeeded_at": func.clock_timestamp()}
    key = {"name_sha256": _hashed(name), "address": network(address)}
    session.execute(insert(SignInTry).values(key | values).on_conflict_do_update(constraint=_KEY, set_=values))


def _wait_s(session: Session, free: int, *of: ColumnElement[bool]) -> float:
    """Seconds that are left of the pause after these failures."""
    now = func.clock_timestamp()
    past_s = func.extract("epoch", now - func.max(SignInTry.failed_at))
    query = select(func.sum(SignInTry.failures), past_s).where(SignInTry.failed_at > now - FORGOTTEN, *of)
    failures, past = session.execute(query).one()
    if failures is None or failures < free:
        return 0.0
    return min(2.0 ** min(int(failures) - free, 20), LONGEST_S) - float(past)


def _succeeded(session: Session, *of: ColumnElement[bool]) -> bool:
    lately = SignInTry.succeeded_at > func.clock_timestamp() - REMEMBERED
    return bool(session.scalar(select(select(SignInTry.address).where(lately, *of).exists())))


def _hashed(name: str) -> bytes:
    """Of the name only a hash is kept: people type their password into the wrong field."""
    return hashlib.sha256(name.encode()).digest()


def network(address: str) -> str:
    """What counts as one address: of version 6 the upper half, since callers choose the lower one as they like."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
    return address
