"""What people of the demonstration sign, and where: over HTTP, each with a password of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from mes.errors import Away, Refused
from mes.history import instant
from mes.lots.gate.queue_times import clocks
from mes.lots.holds.hold_codes import EXCEPTION
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.states import Progress
from mes.people.models import Customer
from mes.plant.schema_demonstration import PlannedExperiment, QueueSignature, SuspectVerdict
from mes.routes.models import Operation, QueueLimit, RouteVersion
from mes.units.models import Substrate
from mes.units.positions import opened
from mes.units.states import Disposition

ANSWER_S = 60.0


@dataclass(frozen=True)
class Signature:
    """A command that somebody signs."""

    who: str
    path: str
    """Below that of the API."""
    body: Mapping[str, Any]
    at: datetime
    """Plant time at which it is due."""

    @property
    def key(self) -> str:
        """The same for the same command at the same plant time: however often it is sent, it takes effect once."""
        return blake2b(f"{self.who} {self.path} {instant(self.at)}".encode(), digest_size=16).hexdigest()


_NAMES = select(Lot.name, Customer.name).join(Customer, Customer.id == Lot.customer_id).order_by(Lot.id)
"""Of lots and of whose they are."""


def of_queue_times(session: Session, wanted: QueueSignature, at: datetime) -> Iterator[Signature]:
    """That what has waited too long goes on, lot by lot."""
    limited = select(QueueLimit.to_operation_id).join(Operation, Operation.id == QueueLimit.to_operation_id)
    limited = limited.join(RouteVersion, RouteVersion.id == Operation.route_version_id)
    waits = LotSubstrate.operation_id.in_(limited.where(RouteVersion.route == wanted.route))
    over = {i for i, its in clocks(session, waits).items() if any(clock.is_over(at) for clock in its)}
    if not over:
        return
    of_lots = select(LotSubstrate.lot_id).where(LotSubstrate.substrate_id.in_(over), waits)
    for lot in session.execute(_NAMES.where(Lot.id.in_(of_lots))):
        yield Signature(wanted.who, _of_lot(*lot, "dispose-queue-time"), {"why": wanted.comment}, at)


def of_verdicts(session: Session, wanted: SuspectVerdict, at: datetime) -> Iterator[Signature]:
    """What suspect units of held lots are that have nothing on equipment."""
    held = select(Hold.lot_id).where(Hold.code == EXCEPTION, Hold.released_at.is_(None))
    at_work = select(LotSubstrate.lot_id).where(LotSubstrate.progress.in_((Progress.ORDERED, Progress.LOADING)))
    query = (
        _NAMES.add_columns(Substrate)
        .join(RouteVersion, RouteVersion.id == Lot.route_version_id)
        .join(LotSubstrate, LotSubstrate.lot_id == Lot.id)
        .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
        .where(RouteVersion.route == wanted.route, Lot.id.in_(held), Lot.id.not_in(at_work))
        .where(LotSubstrate.progress != Progress.CLOSED)
        .order_by(Substrate.name)
    )
    rows = session.execute(query.options(undefer(Substrate.dispositions))).all()
    there = opened(session, [substrate for _, _, substrate in rows])
    lots = ((name, owner) for name, owner, one in rows if there[one.id].are(Disposition.SUSPECT).any())
    for lot in dict.fromkeys(lots):
        body = {"verdict": wanted.verdict, "why": wanted.comment}
        yield Signature(wanted.who, _of_lot(*lot, "dispose-suspects"), body, at)


def of_experiment(wanted: PlannedExperiment, at: datetime) -> Signature:
    """That its draft is approved."""
    path = f"/experiments/{quote(wanted.name, safe='')}/approve"
    return Signature(wanted.who, path, {"why": wanted.comment}, at)


def _of_lot(name: str, customer: str, verb: str) -> str:
    """Customers may have lots of one name."""
    return f"/lots/{quote(name, safe='')}/{verb}?customer={quote(customer, safe='')}"


class Desk:
    """Where they sign. ``passwords``: of each who does, by name."""

    def __init__(self, address: str, passwords: Mapping[str, str]) -> None:
        self._address = address.rstrip("/")
        self._passwords = passwords

    def sign(self, signature: Signature) -> None:
        """Sign in as who signs, and send the command with the password again.

        Raises `Away` where no answer comes: send it again, it takes effect once. Raises `Refused` with what was said.
        """
        # this brings the HTTP client in, for which no other command should wait
        import httpx

        password, own = self._passwords[signature.who], {"Origin": self._address}
        with httpx.Client(
            base_url=f"{self._address}/api/v1", headers=own, trust_env=False, timeout=ANSWER_S
        ) as browser:
            try:
                told = browser.post("/session", json={"name": signature.who, "password": password})
                if told.is_success:
                    body = {**signature.body, "password": password}
                    told = browser.post(signature.path, json=body, headers={"Idempotency-Key": signature.key})
            except httpx.TransportError as error:
                raise Away(f"{self._address} does not answer: {error}.") from error
        if told.is_server_error:
            raise Away(f"{self._address} cannot take {signature.path} now: {told.text}")
        if not told.is_success:
            raise Refused(f"{signature.who} cannot sign {signature.path}: {told.text}")
