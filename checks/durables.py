"""Durables counted from history alone, and against what they say and what runs did with them."""

import json
from collections import Counter
from typing import Any

import psycopg

HISTORY = "select subject_id, body from history where subject_kind = 'durable' order by subject_id, n"
ROWS = """
select d.id, d.name, d.count, coalesce((select sum(u.done) from durable_use u where u.durable_id = d.id), 0)
from durable d order by d.id
"""


def count(connection: psycopg.Connection[Any]) -> list[str]:
    """A sentence for each durable of which history, its row and the runs that used it do not say the same."""
    came, done = Counter[int](), Counter[int]()
    for number, body in connection.execute(HISTORY):
        after = json.loads(body)["after"]
        came[number] += after.get("registered", 0)
        done[number] += after.get("done", 0)
    found = []
    for number, name, counted, used in connection.execute(ROWS):
        if counted != came[number] + done[number]:
            found.append(f"Durable {name}: {counted} done by its row, {came[number] + done[number]} by history.")
        if used != done[number]:
            found.append(f"Durable {name}: {used} done by runs, {done[number]} by history.")
    return found
