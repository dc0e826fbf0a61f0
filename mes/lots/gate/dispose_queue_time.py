"""The signature that lets substrates go on that waited longer than a queue time allows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Malformed, NotAllowed, NotFound, Reason, Refused
from mes.history import Act, Change, record
from mes.lots import progress
from mes.lots.ahead import check_ahead
from mes.lots.gate.queue_times import Clock, clocks
from mes.lots.models import Lot, LotSubstrate, QueueDisposition
from mes.lots.regrouping.regroup import lock_substrates
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.units.models import Substrate

MEANS = "These substrates waited longer than allowed and go on as they are; if a time is named, they start until then."
"""What a disposition signs."""


def dispose_queue_time(
    session: Session, lot_id: int, names: Sequence[str], until: datetime | None, signer: Person, act: Act
) -> Lot:
    """Sign that substrates that waited too long where they stand go on as they are, as ``signer``; without names, all.

    ``until`` is by when they are to start now; without it they may wait. The signer is recorded as the actor. Raises
    `NotAllowed` where that is no process engineer, `Malformed` (a time that has passed, a name twice, no reason),
    `NotFound` (no such substrate) and `Refused` where one of them has not waited too long, or none has.
    """
    if not act.why.strip():
        raise Malformed("Say in a comment why they may go on.")
    if until is not None:
        check_ahead(until, act.at)
    lot = lock(session, (Lot, [lot_id])).one(Lot, lot_id)
    if signer.role is not Role.PROCESS_ENGINEER:
        raise NotAllowed(f"{signer.name} may not dispose of queue times; a process engineer may.")
    over = _over(session, lot, names, act.at)
    here = {m.substrate_id: m for m in progress.members_of(session, [lot])[lot_id]}
    substrates = lock_substrates(session, [here[i] for i in over])
    signed = {
        "customer_id": lot.customer_id,
        "until": until,
        "comment": act.why,
        "signed_by": signer.name,
        "signed_at": act.at,
    }
    session.add_all(
        QueueDisposition(substrate_id=c.substrate_id, queue_limit_id=c.limit_id, since=c.since, **signed)
        for its in over.values()
        for c in its
    )
    told: dict[str, Any] = {"until": None if until is None else until.isoformat(), "means": MEANS}
    changes = [Change(lot, after=told | {"substrates": [s.name for s in substrates.values()]})]
    for substrate_id, substrate in substrates.items():
        waited = [{"since": c.since.isoformat(), "from": c.from_operation} for c in over[substrate_id]]
        changes.append(Change(substrate, after=told | {"waited": waited}))
    record(session, "dispose_queue_time", replace(act, actor=signer.name), changes)
    return lot


def _over(session: Session, lot: Lot, names: Sequence[str], at: datetime) -> dict[int, list[Clock]]:
    """The clocks that are over by now, by substrate: of those named, or of all of the locked lot."""
    if len({*names}) < len(names):
        raise Malformed(f"A substrate is named twice: {', '.join(names)}; name each once.")
    running = clocks(session, LotSubstrate.lot_id == lot.id)
    over = {i: late for i, its in running.items() if (late := [clock for clock in its if clock.is_over(at)])}
    if not names and not over:
        what = f"No substrate of lot {lot.name} has waited longer than allowed; another may have signed."
        raise Refused(what, Reason("nothing_exceeded", what))
    if not names:
        return over
    query = select(Substrate.name, Substrate.id).join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
    ids = {row.name: row.id for row in session.execute(query.where(LotSubstrate.lot_id == lot.id))}
    strange = [name for name in names if name not in ids]
    if strange:
        raise NotFound(f"The lot has no substrate {', '.join(strange)}.")
    said = [f"Substrate {name} has not waited longer than allowed." for name in names if ids[name] not in over]
    if said:
        raise Refused("Not all of these need it.", *(Reason("nothing_exceeded", what) for what in said))
    return {ids[name]: over[ids[name]] for name in names}
