"""Masks of holds counted from history alone, and against what was taken from under them.

A bit map has the first position in the highest bit. Nothing can be masked that is not there, so that whatever left a
masked position left it afterwards.
"""

import json
from typing import Any

import numpy as np
import psycopg

PUT_BACK = 1
TOLD = ("pick_masked", "pick_absent", "pick_rejected", "pick_not_for_use")
"""The exception codes of a unit that was masked and taken all the same, and of one that was not there to be taken."""

HISTORY = "select body from history where subject_kind = 'lot' and verb = 'hold'"
MASKS = """
select k.hold_id, s.id, s.name, l.columns, k.positions, h.held_at, h.released_at
from hold_mask k join hold h on h.id = k.hold_id join substrate s on s.id = k.substrate_id
join layout l on l.id = s.layout_id order by k.hold_id, s.id
"""
TRANSFERS = "select happened_at, n, from_xy, slots, suspect from transfer where source_id = %s order by id"


def count(connection: psycopg.Connection[Any]) -> list[str]:
    """A sentence where holds mask other units than history tells, and for each taken without a word from under one."""
    found, kept = [], 0
    for hold, substrate, name, columns, packed, held_at, released_at in connection.execute(MASKS).fetchall():
        masked = np.unpackbits(np.frombuffer(packed, np.uint8)).astype(bool)
        kept += int(masked.sum())
        taken = 0
        for at, n, from_xy, slots, suspect in connection.execute(TRANSFERS, [substrate]):
            if released_at is not None and not held_at <= at < released_at:
                continue
            xy = np.frombuffer(from_xy, "<i2").reshape(n, 2).astype(np.int64)
            places = xy[:, 1] * columns + xy[:, 0]
            inside = (xy >= 0).all(axis=1) & (xy[:, 0] < columns) & (places < len(masked))
            gone = inside & (np.frombuffer(slots, np.uint8).reshape(n, 4)[:, 3] != PUT_BACK)
            broken = json.loads(suspect or "{}")
            gone[[i for code in TOLD for i in broken.get(code, ())]] = False
            taken += int(masked[places[gone]].sum())
        if taken:
            found.append(f"Hold {hold}: {taken} masked units were taken from {name}, and nothing tells of it.")
    told = sum(sum(json.loads(body)["after"].get("masked", {}).values()) for (body,) in connection.execute(HISTORY))
    if told != kept:
        found.append(f"Holds mask {kept} units, {told} by history.")
    return found
