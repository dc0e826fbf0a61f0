"""Units counted from the history table alone, and the proof that its chains are whole.

Every entry's text carries unit deltas ``[lot, form, account, units]``; their sums are the ledgers. Nothing here reads
a map, a ledger or a lot.
"""

import hashlib
import json
from collections import Counter
from datetime import datetime
from typing import Any

import psycopg

CAME = ("received", "merged_in", "made", "bonus", "found")
ARE = ("in_process", "completed", "scrapped", "split_off", "consumed", "sampled", "lost", "shipped", "returned")

BEFORE_THE_FIRST = b"\0" * 32

QUERY = """
select subject_kind, subject_id, n, hash, body, event_id, subject, verb, actor, happened_at, customer_id
from history order by subject_kind, subject_id, n
"""

Account = tuple[int, str, int, str]
"""(customer, lot, form, account). Names of lots are unique per customer only."""


def count(connection: psycopg.Connection[Any]) -> tuple[dict[Account, int], list[str]]:
    """Units of every account, and a sentence for each thing that is wrong. Accounts of zero units are left out."""
    units: Counter[Account] = Counter()
    problems: list[str] = []
    subject, n, chain = None, 0, BEFORE_THE_FIRST
    with connection.cursor("history_entries") as entries:
        for kind, number, stands_n, stands_hash, text, *columns in entries.execute(QUERY):
            if (kind, number) != subject:
                subject, n, chain = (kind, number), 0, BEFORE_THE_FIRST
            where = f"History of {kind} {number}, entry {stands_n}"
            if stands_n != n + 1:
                problems.append(f"{where}: follows entry {n}; {stands_n - n - 1} between them are missing.")
            elif hashlib.sha256(chain + text.encode()).digest() != bytes(stands_hash):
                problems.append(f"{where}: its hash is not that of the entry before and its text.")
            n, chain = stands_n, bytes(stands_hash)
            body, wrong = _read(text)
            problems += [f"{where}: {w}" for w in wrong or _columns_differ(body, [kind, number, stands_n, *columns])]
            _add(units, columns[-1], body.get("deltas", []), where, problems)
    return {key: value for key, value in units.items() if value}, problems + _unbalanced(units)


def _read(text: str) -> tuple[dict[str, Any], list[str]]:
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        return {}, [f"its text cannot be read ({error})."]
    if not isinstance(body, dict):
        return {}, ["its text is not an object."]
    if json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False) != text:
        return body, ["its text is not in the canonical form."]
    return body, []


def _columns_differ(body: dict[str, Any], row: list[Any]) -> list[str]:
    """Compare what the text says with the columns beside it; the customer stands in the columns alone."""
    kind, number, n, event, name, verb, actor, happened_at, _ = row
    columns = {
        "event": event,
        "subject": [kind, number, name],
        "n": n,
        "verb": verb,
        "actor": actor,
        "at": happened_at,
    }
    said = body | {"at": _instant(body.get("at"))}
    return [
        f"its column says {key} {column}, its text {said.get(key)}."
        for key, column in columns.items()
        if said.get(key) != column
    ]


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _add(units: Counter[Account], customer: int, deltas: list[Any], where: str, problems: list[str]) -> None:
    for delta in deltas:
        match delta:
            case [str(lot), int(form), str(account), int(change)] if account in CAME + ARE:
                units[customer, lot, form, account] += change
            case _:
                problems.append(f"{where}: {delta} is no change of an account.")


def _unbalanced(units: Counter[Account]) -> list[str]:
    problems = [
        f"Lot {lot}, form {form}: {account} comes to {value} units, less than none."
        for (_, lot, form, account), value in sorted(units.items())
        if value < 0
    ]
    for customer, lot, form in sorted({key[:3] for key in units}):
        came = sum(units[customer, lot, form, account] for account in CAME)
        are = sum(units[customer, lot, form, account] for account in ARE)
        if came != are:
            problems.append(f"Lot {lot}, form {form}: {came} units came, {are} are somewhere.")
    return problems
