"""Ids of units from outside: unique for each customer, found by themselves, and kept when a unit gets another.

What an id is of stands in the layers of the substrate; here is who has it, by a hash of eight bytes, for which the
database holds that no customer has one twice. See decision 0025.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Integer, bindparam, delete, select, text
from sqlalchemy.orm import Session, undefer

from equipment.interface.states import TransferOutcome
from mes.db import STAFF, seeing_as
from mes.definitions.models import Layout, SupplyAgreement
from mes.errors import Reason, Refused
from mes.people.models import Customer
from mes.units.layers import ids_of
from mes.units.models import DeviceId, Substrate, Transfer

MOST_NAMED = 10
"""Ids that a refusal names."""


Ids = list[str | None]
"""By position, row by row; None where there is none."""


@dataclass(frozen=True)
class Claim:
    """Of some units: whose they are, on which substrate, and their ids."""

    customer_id: int
    substrate_id: int
    texts: Sequence[str]


def key_of(customer_id: int, told: str) -> int:
    """By which the id of a customer's unit is known: eight bytes of a hash, as a signed number."""
    digest = blake2b(told.encode(), digest_size=8, key=customer_id.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big", signed=True)


_CLAIM = text("""
insert into device_id (key, customer_id, substrate_id)
select * from unnest(:keys, :customers, :substrates) as claimed (key, customer_id, substrate_id) order by key
on conflict do nothing returning key
""").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger)), bindparam("customers", type_=ARRAY(Integer)),
    bindparam("substrates", type_=ARRAY(Integer)),
)  # fmt: skip


def claim(session: Session, of: Iterable[Claim]) -> list[tuple[int, str]]:
    """Let these ids be known as those of units on these substrates; gives those, with the substrate, that are not new.

    Whoever claims the same at the same moment waits, and is told. One statement, however many there are.
    """
    wanted = [(key_of(one.customer_id, told), one, told) for one in of for told in one.texts]
    if not wanted:
        return []
    columns = {
        "keys": [key for key, _, _ in wanted],
        "customers": [one.customer_id for _, one, _ in wanted],
        "substrates": [one.substrate_id for _, one, _ in wanted],
    }
    new = set(session.scalars(_CLAIM, columns))
    known = []
    for key, one, told in wanted:
        if key in new:
            new.remove(key)
        else:
            known.append((one.substrate_id, told))
    return known


def hand_over_ids(session: Session, left: Iterable[int], owner_of: Mapping[int, int]) -> None:
    """Let the ids of units on these substrates be their new owners'; where they had ids before they are given up.

    What the units of no new owner had stays. Raises `Refused` where a new owner has such an id.
    """
    before = {*left}
    layers_of = ids_of(session, before | owner_of.keys())
    if not layers_of:
        return
    session.execute(delete(DeviceId).where(DeviceId.substrate_id.in_(before)))
    claims = [Claim(owner, i, texts_of(layers_of[i])) for i, owner in owner_of.items() if i in layers_of]
    known = claim(session, claims)
    if known:
        reasons = known_already([told for _, told in known])
        raise Refused("The other owner has units with such ids; these do not go over.", *reasons)


def texts_of(layers: Sequence[Ids]) -> list[str]:
    """Every id that layers tell, each once."""
    return sorted({told for layer in layers for told in layer if told is not None})


def known_to(session: Session, customer_id: int, texts: Iterable[str]) -> list[str]:
    """Those of these ids that units of a customer have already."""
    told_by = {key_of(customer_id, told): told for told in texts}
    found = session.scalars(select(DeviceId.key).where(DeviceId.key.in_(list(told_by)))) if told_by else ()
    return sorted(told_by[key] for key in found)


def known_already(known: Sequence[str]) -> list[Reason]:
    """The reason that refuses ids which units of the same owner have, or had."""
    if not known:
        return []
    named = ", ".join(known[:MOST_NAMED])
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return [Reason("device_id_known", f"Another unit of this owner has the id {named}{more}; an id is given once.")]


@dataclass(frozen=True)
class Named:
    """A unit that has an id, or had it: where it was when it got that."""

    substrate_id: int
    x: int
    y: int


def with_ids(session: Session, wanted: Collection[str]) -> list[Named]:
    """The units with one of these ids that the reader may see: of each owner and id one.

    More where a report brought one twice to a substrate. Two statements where there are none, however many are wanted.
    """
    keys = [key_of(number, told) for number in session.scalars(select(Customer.id)) for told in wanted]
    own = list(session.scalars(select(DeviceId.substrate_id).where(DeviceId.key.in_(keys))))
    if not own:
        return []
    with seeing_as(session, STAFF):  # layouts are the centre's; and the reader's own is what was found
        query = select(Substrate.id, Layout.columns).join(Layout, Layout.id == Substrate.layout_id)
        columns_of = dict(session.execute(query.where(Substrate.id.in_(own))).all())
        layers_of = ids_of(session, own)
        found = [_on(session, i, columns_of[i], layers_of.get(i, []), wanted) for i in sorted({*own})]
        return [one for some in found for one in some]


def _on(session: Session, number: int, columns: int, layers: Sequence[Ids], wanted: Collection[str]) -> Iterator[Named]:
    places = {n for layer in layers for n, one in enumerate(layer) if one in wanted}
    for n in sorted(places):
        yield Named(number, n % columns, n // columns)
    if not places:
        for came in across(session, Transfer.target_id == number):
            yield from (Named(number, x, y) for told, x, y in came.units() if told in wanted)


def latest(layers: Sequence[Ids]) -> Ids:
    """The id that each position has now; empty where there are no layers."""
    now: Ids = list(layers[0]) if layers else []
    for layer in layers[1:]:
        now = [old if new is None else new for old, new in zip(now, layer, strict=True)]
    return now


@dataclass(frozen=True)
class Across:
    """Units that went to another owner, by an agreement that lets it see their ids."""

    target_id: int
    receiver_id: int
    ids: Ids
    columns: int
    """Of the substrate they came from."""
    from_xy: bytes
    to_xy: bytes
    slots: bytes

    def units(self) -> Iterator[tuple[str, int, int]]:
        """Of each that was placed and has an id: that, and where it was placed."""
        came, went = (np.frombuffer(xy, "<i2").reshape(-1, 2).tolist() for xy in (self.from_xy, self.to_xy))
        outcomes = np.frombuffer(self.slots, np.uint8).reshape(-1, 4)[:, 3].tolist()
        for (x, y), to, outcome in zip(came, went, outcomes, strict=True):
            inside = 0 <= x < self.columns and y >= 0 and y * self.columns + x < len(self.ids)
            told = self.ids[y * self.columns + x] if inside else None
            if told is not None and outcome == TransferOutcome.PLACED:
                yield told, *to


def across(session: Session, *which: ColumnElement[bool]) -> Iterator[Across]:
    """Transfers to another owner that may see ids, with the ids that their sources have."""
    query = (
        select(Transfer, Layout.columns)
        .join(SupplyAgreement, SupplyAgreement.id == Transfer.agreement_id)
        .join(Substrate, Substrate.id == Transfer.source_id)
        .join(Layout, Layout.id == Substrate.layout_id)
        .where(SupplyAgreement.receiver_sees.contains(["id"]), *which)
        .order_by(Transfer.id)
    )
    rows = session.execute(query.options(undefer("*"))).all()
    layers_of = ids_of(session, {row.source_id for row, _ in rows}) if rows else {}
    for row, columns in rows:
        ids = latest(layers_of.get(row.source_id, []))
        yield Across(row.target_id, row.target_customer_id, ids, columns, row.from_xy, row.to_xy, row.slots)
