"""Entries of history as lines that people read: what changed to what, and what a run did beside it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from mes.history import History, as_happened

FEW = 3
"""Names that are told one by one; of more, how many and the first and the last."""
OF_RUN = ("substrate", "operation", "in", "good", "failed", "again", "suspect")
"""What of a run's entry is told beside those of its lots and equipment too; counts only where there are any."""
LATE = "recorded late, at (true time)"
NOTHING: tuple[object, ...] = (None, "", [], {})


def beside(session: Session, subject: str) -> dict[int | None, dict[str, Any]]:
    """By event of a subject: what the same event told of its run, as far as a reader of the subject asks for it."""
    of = aliased(History)
    events = select(of.event_id).where(of.subject == subject)
    query = select(History.event_id, History.body).where(
        History.event_id.in_(events), History.subject_kind == "run", History.subject != subject
    )
    found: dict[int | None, dict[str, Any]] = {}
    for event, body in session.execute(query):
        after = json.loads(body)["after"]
        found[event] = {key: after[key] for key in OF_RUN if after.get(key)}
    return found


def lines(entries: Sequence[dict[str, Any]], of_runs: Mapping[int | None, dict[str, Any]]) -> list[dict[str, str]]:
    """One line for each entry, of each subject as they happened.

    The kind of subject stands there only where there are several of one name, and when an entry was recorded only
    where one was recorded after something that happened later.
    """
    several = len({entry["kind"] for entry in entries}) > 1
    told = [one for chain in _chains(entries) for one in as_happened(chain)]
    late = any(one["late"] for one in told)
    return [
        {
            **({"kind": one["kind"]} if several else {}),
            **_line(one, of_runs.get(one.get("event"), {})),
            **({LATE: one["recorded_at"] if one["late"] else ""} if late else {}),
        }
        for one in told
    ]


def _chains(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries of each subject: its first has number 1."""
    begins = [n for n, one in enumerate(entries) if one["n"] == 1]
    for begin, end in zip(begins, [*begins[1:], len(entries)], strict=True):
        yield list(entries[begin:end])


def _line(entry: dict[str, Any], of_run: dict[str, Any]) -> dict[str, Any]:
    before, after = entry["before"], entry["after"]
    with_them = {**of_run, **after}
    told = [_change(key, before.get(key), value) for key, value in with_them.items() if key != "state"]
    told += [f"{account.replace('_', ' ')} {units:+d}" for _, _, account, units in entry.get("deltas", ())]
    return {
        "n": entry["n"], "at": entry["happened_at"], "verb": entry["verb"].replace("_", " "), "by": entry["actor"],
        "state": _state(before.get("state"), after.get("state")), "what": ", ".join(filter(None, told)),
        "why": entry["why"],
    }  # fmt: skip


def _state(before: object, after: object) -> str:
    return str(after or "") if before in (None, after) else f"{before} → {after or '?'}"


def _change(key: str, before: object, after: object) -> str:
    """``key value``, or ``key before → after``; nothing where neither says anything."""
    if after in NOTHING and before in NOTHING:
        return ""
    now = _words(after)
    return f"{key.replace('_', ' ')} " + (now if before in (None, after) else f"{_words(before)} → {now}")


def _words(value: object) -> str:
    if value in NOTHING:
        return "none"
    if isinstance(value, dict):
        return " ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        names = [_words(item) for item in value]
        return ", ".join(names) if len(names) <= FEW else f"{len(names)} ({names[0]} to {names[-1]})"
    return str(value)
