"""Sampling: of what an operation is done, and what leaves it out.

A route says: of every so manieth lot of its product, and of so many substrates of each such lot. Which substrates these
are is drawn by their names and the operation's, so that it is the same whoever asks and whenever. What was reworked
leaves nothing out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import dropwhile

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.history import Act, Change, Event
from mes.lots import progress
from mes.lots.models import Lot, LotSubstrate
from mes.lots.queries import operations
from mes.lots.routing.models import SAMPLING, Skip
from mes.lots.states import Progress
from mes.routes.models import Operation
from mes.units.models import Substrate
from mes.units.positions import Positions
from mes.units.states import Disposition


@dataclass(frozen=True)
class Way:
    """Where a substrate goes on, and what it leaves out on the way there; nothing follows: it has passed its route."""

    following: Operation | None
    left_out: Sequence[Operation] = ()


def ways_on(
    session: Session, lot: Lot, members: Sequence[LotSubstrate], going: Iterable[LotSubstrate],
    following: Operation | None,
) -> dict[int, Way]:  # fmt: skip
    """Where these substrates of a lot go on that come to ``following``, by id. ``members``: all of the lot.

    It asks nothing where that operation is done of all.
    """
    if following is None or following.sampling is None:
        return {m.substrate_id: Way(following) for m in going}
    ahead = list(dropwhile(lambda o: o.number < following.number, operations(session, following.route_version_id)))
    there = [m for m in members if m.progress != Progress.CLOSED]
    with session.no_autoflush:
        query = select(Substrate.id, Substrate.name).where(Substrate.id.in_([m.substrate_id for m in there]))
        names = {row.id: row.name for row in session.execute(query)}
    peers: dict[int, list[str]] = {}
    for member in there:
        peers.setdefault(member.form, []).append(names[member.substrate_id])
    return {m.substrate_id: _way(lot, m, names[m.substrate_id], peers[m.form], ahead) for m in going}


def _way(lot: Lot, member: LotSubstrate, name: str, peers: Sequence[str], ahead: Sequence[Operation]) -> Way:
    passed: list[Operation] = []
    for operation in ahead:
        if member.reworks or is_chosen(operation, lot.of_product, name, peers):
            return Way(operation, passed)
        passed.append(operation)
    return Way(None, passed)


def is_chosen(operation: Operation, lot: int, substrate: str, substrates: Iterable[str]) -> bool:
    """Whether an operation is done of a substrate, one of ``substrates`` of the ``lot``-th lot of its product."""
    rule = operation.sampling
    if rule is None:
        return True
    if (lot - 1) % rule["every_lots"]:
        return False
    return rule["substrates"] is None or substrate in _drawn(operation, substrates)[: rule["substrates"]]


def _drawn(operation: Operation, substrates: Iterable[str]) -> list[str]:
    def key(substrate: str) -> bytes:
        return blake2b(f"{operation.name} {substrate}".encode(), digest_size=8).digest()

    return sorted(substrates, key=key)


def send_on(
    session: Session, lot: Lot, members: Sequence[LotSubstrate], going: Mapping[int, Positions],
    following: Operation | None, act: Act,
) -> list[Event]:  # fmt: skip
    """Let substrates of a locked lot go on to ``following`` or beyond it; one without units left is closed.

    ``going``: their maps, by id. Gives what is to be recorded of what they leave out.
    """
    here = [m for m in members if m.substrate_id in going]
    held = (Disposition.IN_PROCESS, Disposition.SUSPECT)
    ways = ways_on(session, lot, members, [m for m in here if going[m.substrate_id].are(*held).any()], following)
    for member in here:
        way = ways.get(member.substrate_id, Way(following))
        progress.move_on(member, going[member.substrate_id], way.following, act.at)
    return left_out(session, lot, ways, act)


def left_out(
    session: Session, lot: Lot, ways: Mapping[int, Way], act: Act, reason: str = SAMPLING
) -> list[Event]:  # fmt: skip
    """Keep what substrates of a locked lot left out; gives what is to be recorded, an entry for each operation.

    ``reason``: the route's own rule, else what a person said.
    """
    passed: dict[Operation, list[int]] = {}
    for substrate_id, way in ways.items():
        for operation in way.left_out:
            passed.setdefault(operation, []).append(substrate_id)
    if not passed:
        return []
    of_lot = {"customer_id": lot.customer_id, "lot_id": lot.id, "reason": reason, "by": act.actor, "at": act.at}
    session.add_all(Skip(substrate_id=i, operation_id=o.id, **of_lot) for o, ids in passed.items() for i in ids)
    query = select(Substrate.id, Substrate.name).where(Substrate.id.in_(ways))
    names = {row.id: row.name for row in session.execute(query)}
    told = [
        {"operation": o.name, "reason": reason, "substrates": sorted(names[i] for i in ids)}
        for o, ids in sorted(passed.items(), key=lambda item: item[0].number)
    ]
    return [Event("skip", [Change(lot, after=one)]) for one in told]
