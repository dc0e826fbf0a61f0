"""Durables counted from history alone, and against what they say, what runs did with them and what they carry."""

import json
from collections import Counter
from typing import Any

import psycopg

HISTORY = "select subject_id, body from history where subject_kind = 'durable' order by subject_id, n"
ROWS = """
select d.id, d.name, d.count, coalesce((select sum(u.done) from durable_use u where u.durable_id = d.id), 0), d.load,
    (select s.name from substrate s where s.holder_id = d.id and not s.closed)
from durable d order by d.id
"""
UNCOUNTED = """
select d.name, s.name from durable d join substrate s on s.holder_id = d.id
join run_load l on l.substrate_id = s.id join run r on r.id = l.run_id
where r.ended_at is not null
    and not exists (select from durable_use u where u.durable_id = d.id and u.substrate_id = s.id)
order by d.name
"""
"""Holders whose run is over, and the load they carry was not counted on them."""


def count(connection: psycopg.Connection[Any]) -> list[str]:
    """A sentence for each durable of which history, its row, the runs that used it and its load do not say the same."""
    came, done, carries = Counter[int](), Counter[int](), dict[int, str | None]()
    for number, body in connection.execute(HISTORY):
        after = json.loads(body)["after"]
        came[number] += after.get("registered", 0)
        done[number] += after.get("done", 0)
        if "state" in after:
            carries[number] = after.get("load") if after["state"] == "loaded" else None
    found = []
    for number, name, counted, used, load, carried in connection.execute(ROWS):
        if counted != came[number] + done[number]:
            found.append(f"Durable {name}: {counted} done by its row, {came[number] + done[number]} by history.")
        if used != done[number]:
            found.append(f"Durable {name}: {used} done by runs, {done[number]} by history.")
        if not load == carried == carries.get(number):
            told = f"{load} by its row, {carried} by the loads, {carries.get(number)} by history"
            found.append(f"Durable {name} carries {told}.")
    found += [f"Durable {name} carries {load}, and did not count it." for name, load in connection.execute(UNCOUNTED)]
    return found
