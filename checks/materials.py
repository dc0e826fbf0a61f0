"""Material counted from history alone, and against what containers say and what runs used of them.

History tells of each container what was received, consumed and scrapped, entry by entry. Nothing here is shared with
what writes it.
"""

import json
from collections import Counter
from typing import Any

import psycopg

HISTORY = "select subject_id, body from history where subject_kind = 'container' order by subject_id, n"
ROWS = """
select c.id, c.name, c.received, c.consumed, c.scrapped, c.remainder,
    coalesce((select sum(u.amount) from consumption u where u.container_id = c.id), 0)
from container c order by c.id
"""
WORDS = ("received", "consumed", "scrapped")


def count(connection: psycopg.Connection[Any]) -> list[str]:
    """A sentence for each container of which history, its row and the runs that used it do not say the same."""
    told = _by_history(connection)
    found = []
    for number, name, received, consumed, scrapped, remainder, used in connection.execute(ROWS):
        for word, said in zip(WORDS, (received, consumed, scrapped), strict=True):
            if told[number, word] != said:
                found.append(f"Container {name}: {said} {word} by its row, {told[number, word]} by history.")
        left = told[number, "received"] - told[number, "consumed"] - told[number, "scrapped"]
        if left != remainder:
            found.append(f"Container {name}: {remainder} are left by its row, {left} by history.")
        if used != told[number, "consumed"]:
            found.append(f"Container {name}: {used} used by runs, {told[number, 'consumed']} by history.")
    return found


def _by_history(connection: psycopg.Connection[Any]) -> Counter[tuple[int, str]]:
    """By container and word: the sum of what its entries say."""
    told: Counter[tuple[int, str]] = Counter()
    for number, body in connection.execute(HISTORY):
        after = json.loads(body)["after"]
        for word in WORDS:
            told[number, word] += after.get(word, 0)
    return told
