"""What stands in carriers counted from history alone, against what their slots say."""

import json
from typing import Any

import psycopg

HISTORY = """
select verb, body, customer_id from history
where subject_kind = 'lot' and verb in ('change_carrier', 'leave_carrier', 'change_owner') order by id
"""
ROWS = """
select c.name, c.slots, p.slot, s.customer_id, s.name, l.name
from carrier_slot p join carrier c on c.id = p.carrier_id join substrate s on s.id = p.substrate_id
left join lot_substrate m on m.substrate_id = s.id and m.progress <> 'closed'
left join lot l on l.id = m.lot_id order by c.name, p.slot
"""
Place = tuple[str, int]
"""A carrier and a slot."""


def count(connection: psycopg.Connection[Any]) -> list[str]:
    """A sentence for each substrate that stands elsewhere than history tells; one that is used up stands nowhere."""
    told = _by_history(connection)
    found = []
    seen = set()
    for carrier, slots, slot, customer, substrate, lot in connection.execute(ROWS):
        if slot > slots:
            found.append(f"Carrier {carrier}: {substrate} stands in slot {slot}, it has {slots}.")
        seen.add((customer, substrate))
        if lot is not None and told.get((customer, substrate)) != (carrier, slot):
            said = "{} slot {}".format(*told[customer, substrate]) if (customer, substrate) in told else "no carrier"
            found.append(f"Carrier {carrier}: {substrate} stands in slot {slot}, in {said} by history.")
    waiting = {(customer, name) for customer, name in connection.execute(WAITING)}
    for key in sorted(told.keys() & waiting - seen):
        found.append(f"Carrier {told[key][0]}: {key[1]} stands in slot {told[key][1]} by history, in none by its rows.")
    return found


WAITING = """
select distinct s.customer_id, s.name from lot_substrate m join substrate s on s.id = m.substrate_id
where m.progress <> 'closed'
"""


def _by_history(connection: psycopg.Connection[Any]) -> dict[tuple[int, str], Place]:
    """By customer and name of a substrate, where it was put last, unless another was put there after it.

    A change of owner is told to each owner: first what goes, then what comes.
    """
    stands: dict[tuple[int, str], Place] = {}
    handed: dict[str, Place] = {}
    for verb, body, customer in connection.execute(HISTORY):
        after = json.loads(body)["after"]
        if verb == "change_owner":
            gone = after.get("gone", ())
            handed |= {name: stands[customer, name] for name in gone if (customer, name) in stands}
            came = {name: handed.pop(name) for name in after.get("came", ()) if name in handed}
        else:
            gone = after.get("slots", after.get("substrates"))
            came = {name: (after["carrier"], slot) for name, slot in after.get("slots", {}).items()}
        left, taken = {(customer, name) for name in gone}, set(came.values())
        stands = {key: place for key, place in stands.items() if key not in left and place not in taken}
        stands |= {(customer, name): place for name, place in came.items()}
    return stands
