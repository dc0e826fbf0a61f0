"""Ids of units counted from the layers that tell them, and against what is known of whom they are."""

import json
from hashlib import blake2b
from typing import Any

import psycopg

LAYERS = """
select s.id, s.name, s.customer_id, y.body from layer y join substrate s on s.id = y.substrate_id
where y.name like 'id:%' and y.encoding = 'text' and not exists (select from substrate c where c.part_of_id = s.id)
order by s.id, y.id
"""
KNOWN = "select key, customer_id, substrate_id from device_id"
CAME = "select target_id from transfer where agreement_id is not null"
"""What an agreement shows may be changed later; an id that was known by it stays known."""


def count(connection: psycopg.Connection[Any]) -> list[str]:
    """A sentence for each substrate of whose units ids are not known, or known and told by nothing."""
    known = {key: (owner, substrate) for key, owner, substrate in connection.execute(KNOWN)}
    told: dict[int, tuple[str, set[int]]] = {}
    for substrate, name, owner, body in connection.execute(LAYERS):
        keys = told.setdefault(substrate, (name, set()))[1]
        keys.update(_key(owner, one) for one in json.loads(body) if one is not None)
    missing = {substrate: len(keys - known.keys()) for substrate, (_, keys) in told.items()}
    found = [f"Substrate {told[i][0]}: {n} ids of its units are not known." for i, n in missing.items() if n]
    came = {substrate for (substrate,) in connection.execute(CAME)}
    every = set().union(*(keys for _, keys in told.values()))
    extra = [substrate for key, (_, substrate) in known.items() if key not in every and substrate not in came]
    return found + [f"Substrate {i} has {extra.count(i)} ids that no layer tells." for i in sorted(set(extra))]


def _key(owner: int, told: str) -> int:
    digest = blake2b(told.encode(), digest_size=8, key=owner.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big", signed=True)
